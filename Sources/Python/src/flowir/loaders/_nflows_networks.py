"""Networks of nflows, as arguments of a description and tensors of a model file."""

from __future__ import annotations

import math
from typing import Any

import nflows.nn.nets as nn_nets
import torch
from nflows.nn import nde
from nflows.transforms import made as made_module
from torch import nn

from ._functions import function
from ._live import CannotDescribe
from ._networks import plain


class Networks:
    """Describes networks; collects the tensors of the model file."""

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

    def made(self, network: Any, at: str, place: str) -> dict[str, Any]:
        """The description of a MADE."""
        if type(network).forward is not made_module.MADE.forward:
            raise CannotDescribe(at, network, "is no MADE of nflows")
        return self.made_of_blocks(network, at, place)

    def made_of_blocks(self, network: Any, at: str, place: str) -> dict[str, Any]:
        """The description of a MADE, whose class is known."""
        self.network(network, place)
        blocks = list(network.blocks)
        result = {
            "type": "MADE", "hidden_features": network.initial_layer.weight.shape[0],
            "blocks": len(blocks), "residual": any(hasattr(b, "linear_layers") for b in blocks),
            **block(network, at)}
        if not isinstance(network, made_module.MADE):
            result["activate_first"] = False
        return result

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
        if type(network).forward is not nde.MixtureOfGaussiansMADE.forward:
            raise CannotDescribe("_distribution._made", network, "has its own forward")
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
        if type(network) is nn_nets.ResidualNet:
            self.network(network, place)
            return {
                "type": "ResidualNet", "hidden_features": network.hidden_features,
                "blocks": len(network.blocks), **block(network, at)}, "final_layer"
        name = type(network).__name__
        if name == "ContextSplineMap":  # sbi's network of the context alone.
            network = network.spline_predictor
        elif type(network) is nn_nets.MLP:
            return self.perceptron(network, at, place)
        elif type(network) is nn.Linear:
            network = nn.Sequential(network)
        elif type(network) is not nn.Sequential:
            raise CannotDescribe(at, network, "is no network that a description can hold")
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


def spline(part: Any, network: Any, at: str) -> dict[str, Any]:
    """The univariate transform of a rational-quadratic spline, and the shapes of its parameters."""
    free = getattr(part, "unnormalized_widths", None)
    bins = part.num_bins if free is None else free.shape[-1]
    result: dict[str, Any] = {"type": "RationalQuadraticSpline"}
    if part.tails == "linear":
        result["bound"] = float(part.tail_bound)
    elif part.tails is None:
        result["linear_tails"] = False
    else:
        raise CannotDescribe(at, part, f"has {part.tails} tails, expected linear ones or none")
    result.update(
        min_bin_width=part.min_bin_width, min_bin_height=part.min_bin_height,
        min_derivative=part.min_derivative)
    hidden = getattr(network, "hidden_features", getattr(network, "hidden_channels", None))
    if hidden is not None:
        result["logit_scale"] = 1 / math.sqrt(hidden)
    return {
        "univariate": result,
        "shapes": [[bins], [bins], [bins - 1 if part.tails else bins + 1]]}
