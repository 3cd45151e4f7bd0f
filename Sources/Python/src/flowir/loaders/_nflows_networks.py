"""Networks of nflows, and of normflows, which has copies of them, as arguments of a description and tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ._functions import function
from ._live import CannotDescribe
from ._networks import plain
from ._nflows_splines import kinds, with_ends


def is_own(network: Any, name: str) -> bool:
    """Whether a network is of a class of nflows or normflows."""
    kind = type(network)
    return kind.__name__ == name and kind.__module__.partition(".")[0] in ("nflows", "normflows")


class Networks:
    """Describes networks; collects the tensors of the model file."""

    features: int
    context: int | None

    def __init__(self) -> None:
        self.tensors: dict[str, Any] = {}

    def put(self, name: str, tensor: Any) -> None:
        """Adds a tensor to the model file."""
        self.tensors[name] = tensor

    def reorder(self, layer: str, rows: Any) -> None:
        """Puts the rows of a network's last layer in order."""
        for name in ("weight", "bias", "mask"):
            if f"{layer}.{name}" in self.tensors:
                self.put(f"{layer}.{name}", self.tensors[f"{layer}.{name}"][rows])

    def set_ends(self, layer: str, part: Any, bins: int) -> None:
        """Sets the rows of a network's last layer that give the derivatives at the ends of a spline."""
        if not kinds(part):
            return
        for name in ("weight", "bias", "mask"):
            rows = self.tensors.get(f"{layer}.{name}")
            if rows is not None:
                new = with_ends(rows.reshape(-1, 3 * bins + 1, *rows.shape[1:]), part, 2 * bins)
                self.put(f"{layer}.{name}", (new > 0 if name == "mask" else new).reshape(rows.shape))

    def multiply(self, layer: str, factors: Any) -> None:
        """Multiplies the rows of a network's last layer, feature by feature; None for no factors."""
        if factors is None:
            return
        for name in ("weight", "bias"):
            rows = self.tensors[f"{layer}.{name}"].double()
            factor = factors.repeat(len(rows) // len(factors))
            self.put(f"{layer}.{name}", rows * factor.reshape(-1, *[1] * (rows.dim() - 1)))

    @property
    def size(self) -> dict[str, int]:
        """The numbers of features and of the context features of a part."""
        return {"features": self.features, "context": self.context or 0}

    def unconditional(
        self, place: str, f: dict[str, Any], tensors: dict[str, Any], buffer: bool = True
    ) -> dict[str, Any]:
        """The description of a transform that does not depend on the context."""
        for name, tensor in tensors.items():
            self.put(f"{place}.{name}", tensor)
        return {"type": "UnconditionalTransform", "f": f, "buffer": buffer}

    def autoregressive(
        self, part: Any, at: str, place: str, univariate: dict[str, Any],
        order: list[int] | None = None,
    ) -> dict[str, Any]:
        """The description of an autoregressive transform with a network of nflows, whose outputs for a
        feature are taken in an order."""
        self.put(f"{place}.order", torch.arange(self.features))
        network = self.made(part.autoregressive_net, f"{at}.autoregressive_net", f"{place}.hyper")
        if order is not None:
            rows = torch.arange(self.features * len(order)).reshape(self.features, -1)[:, order]
            self.reorder(f"{place}.hyper.final_layer", rows.flatten())
        return {"type": "MaskedAutoregressiveTransform", **self.size, **univariate, "network": network}

    def made(self, network: Any, at: str, place: str) -> dict[str, Any]:
        """The description of a MADE."""
        if not is_own(network, "MADE"):
            raise CannotDescribe(at, network, "is not a MADE of nflows or normflows")
        return self.made_of_blocks(network, at, place)

    def made_of_blocks(self, network: Any, at: str, place: str) -> dict[str, Any]:
        """The description of a MADE, whose class is known."""
        self.network(network, place)
        blocks = list(network.blocks)
        result = {
            "type": "MADE", "hidden_features": network.initial_layer.weight.shape[0],
            "blocks": len(blocks), "residual": any(hasattr(b, "linear_layers") for b in blocks),
            **block(network, at)}
        own = type(network).__module__
        if own != "nflows.transforms.made":
            result["activate_first"] = False
        if own.startswith("normflows."):
            result["gated"] = True
            result.update(self.periodic(network, at, place))
        return result

    def periodic(self, network: Any, at: str, place: str) -> dict[str, Any]:
        """The argument `periodic` of a network of normflows, whose tensors are added."""
        layer = getattr(network, "preprocessing", None)
        for key in [key for key in self.tensors if key.startswith(f"{place}.preprocessing.")]:
            del self.tensors[key]
        if layer is None or type(layer) is nn.Identity:
            return {}
        if type(layer).__name__ != "PeriodicFeaturesElementwise":
            raise CannotDescribe(at, layer, "is not a layer that a description can hold")
        if layer.apply_bias or type(layer.activation) is not nn.Identity:
            raise CannotDescribe(at, layer, "has a bias or an activation")
        indices = layer.ind.tolist()
        if not indices:
            return {}
        self.put(f"{place}.preprocessing.weights", layer.weights)
        self.put(f"{place}.preprocessing.scale", torch.as_tensor(
            layer.scale, dtype=torch.float64).expand(len(indices)))
        return {"periodic": indices}

    def network(self, network: Any, place: str) -> None:
        """Adds the tensors of a network under nflows' names."""
        for name, tensor in network.state_dict().items():
            last = name.rpartition(".")[2]
            if last in ("degrees", "num_batches_tracked"):
                continue
            self.put(f"{place}.{name}", tensor.bool() if last == "mask" else tensor)

    def mixtures(self, part: Any) -> dict[str, Any]:
        """The description of a `MADEMoG`.

        The first feature of sbi's is always 0: what it is multiplied by is left out, and so is its density.
        """
        network = part._made
        if not is_own(network, "MixtureOfGaussiansMADE"):
            raise CannotDescribe("_distribution._made", network, "is not a network of nflows")
        arguments = self.made_of_blocks(network, "_distribution._made", "base.hyper")
        count = network.num_mixture_components
        if type(part).__name__ == "MADEMoGWrapper":
            for name in ("weight", "mask"):
                key = f"base.hyper.initial_layer.{name}"
                self.put(key, self.tensors[key][:, 1:])
            total = len(self.tensors["base.hyper.final_layer.bias"])
            self.reorder("base.hyper.final_layer", torch.arange(3 * count, total))
        return {
            "type": "AutoregressiveMixture", "components": count, "epsilon": network.epsilon,
            "network": arguments}

    def conditioner(self, network: Any, at: str, place: str) -> tuple[dict[str, Any], str]:
        """The description of a network without masks, and the name of its last layer."""
        if is_own(network, "ResidualNet"):
            self.network(network, place)
            return {
                "type": "ResidualNet", "hidden_features": network.hidden_features,
                "blocks": len(network.blocks), **block(network, at),
                **self.periodic(network, at, place)}, "final_layer"
        name = type(network).__name__
        if name == "ContextSplineMap":  # sbi's network of the context alone.
            network = network.spline_predictor
        elif is_own(network, "MLP"):
            return self.perceptron(network, at, place)
        elif type(network) is nn.Linear:
            network = nn.Sequential(network)
        elif type(network) is not nn.Sequential:
            raise CannotDescribe(at, network, "is not a network that a description can hold")
        for key, tensor in network.state_dict().items():
            self.put(f"{place}.{key}", tensor)
        arguments = plain(network, place, self.tensors)
        return {"type": "MLP", **arguments}, str(len(network) - 1)

    def perceptron(self, network: Any, at: str, place: str) -> tuple[dict[str, Any], str]:
        """The description of nflows' MLP."""
        if len(network._in_shape) != 1 or network._activate_output:
            raise CannotDescribe(at, network, "has no vector as its input, or activates its output")
        layers = [network._input_layer, *network._hidden_layers, network._output_layer]
        for index, layer in enumerate(layers):
            for key, tensor in layer.state_dict().items():
                self.put(f"{place}.{2 * index}.{key}", tensor)
        return {
            "type": "MLP", "hidden_features": [layer.weight.shape[0] for layer in layers[:-1]],
            "activation": function(network._activation, f"{at}.activation")}, str(2 * len(layers) - 2)


def block(network: Any, at: str) -> dict[str, Any]:
    """The activation and normalisation of a network of blocks."""
    result: dict[str, Any] = {}
    blocks = list(network.blocks)
    owners = [owner for owner in (network, *blocks) if hasattr(owner, "activation")]
    found = [function(owner.activation, f"{at}.activation") for owner in owners]
    if any(one != found[0] for one in found):
        raise CannotDescribe(at, network, f"has different activations: {found}")
    if found:
        result["activation"] = found[0]
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm1d)]
    for norm in norms:
        if norm.eps != 1e-3 or not norm.affine or not norm.track_running_stats:
            raise CannotDescribe(at, norm, "is not nflows' own, with eps=1e-3")
    if norms:
        result["batch_norm"] = True
    return result
