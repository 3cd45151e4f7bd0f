"""Affine flows of normflows, as parts of a description."""

from __future__ import annotations

import copy
from typing import Any

import torch
from normflows.flows.affine.coupling import AffineCoupling
from normflows.flows.reshape import Split
from torch import nn

from ._live import CannotDescribe
from ._networks import plain
from ._nflows_networks import Networks


class AffineFlows(Networks):
    """Describes affine flows of normflows; collects the tensors of the model file."""

    def block_of_affine(self, part: Any, at: str, place: str) -> dict[str, Any]:
        """The description of the inverse of a block that splits, maps and merges."""
        split, coupling, _ = part.flows
        if type(coupling) is not AffineCoupling or type(split) is not Split:
            raise CannotDescribe(at, coupling, "is not an AffineCoupling")
        if split.mode not in ("channel", "channel_inv"):
            raise CannotDescribe(at, split, f"splits by {split.mode}, expected channel or channel_inv")
        half = (self.features + 1) // 2
        mask = torch.arange(self.features) < half
        place = f"{place}.transform"
        self.put(f"{place}.mask", mask if split.mode == "channel" else ~mask)
        network = self.perceptron_of(coupling.param_map, f"{at}.flows.1.param_map")
        if not coupling.scale:
            univariate: dict[str, Any] = {"univariate": {"type": "AdditiveTransform"}, "shapes": [[]]}
        elif coupling.scale_map == "sigmoid":  # 1 / sigmoid(a + 2) is exp(-a - 2) + 1.
            univariate = affine("Exp", -2, 1)
            with torch.no_grad():
                network[-1].weight[1::2] *= -1
                network[-1].bias[1::2] *= -1
        else:
            univariate = affine("Sigmoid", 2, 0) if coupling.scale_map == "sigmoid_inv" else affine("Exp", 0, 0)
        return {"type": "LazyInverse", "transform": {
            "type": "GeneralCouplingTransform", **self.size, **univariate,
            "network": self.sequential(network, f"{place}.hyper")}}

    def masked_affine(self, part: Any, at: str, place: str) -> dict[str, Any]:
        """The description of a `MaskedAffineFlow`; its two networks run as one side by side."""
        mask = part.b.reshape(-1).bool()
        shift, scale = (
            self.perceptron_of(net, f"{at}.{name}") if isinstance(net, nn.Module) else None
            for name, net in (("t", part.t), ("s", part.s)))
        known = [net for net in (shift, scale) if net is not None]
        if not known or [type(m) for m in known[0]] != [type(m) for m in known[-1]]:
            raise CannotDescribe(at, part, "has no networks, or two with other layers")
        joined = nn.Sequential(*known[0])
        for index, layer in enumerate(known[0]):
            if isinstance(layer, nn.Linear):
                joined[index] = side_by_side([net[index] for net in known], index == 0)
        first, last = joined[0], joined[-1]
        with torch.no_grad():
            first.weight = nn.Parameter(first.weight[:, mask])
            free, rows = (~mask).nonzero()[:, 0], len(mask)
            zero = torch.zeros(1, last.weight.shape[1]), torch.zeros(1)
            weight, bias = torch.cat([last.weight, zero[0]]), torch.cat([last.bias, zero[1]])
            nothing = torch.full_like(free, len(bias) - 1)
            starts = [0 if shift is not None else None, None if scale is None else rows * (len(known) - 1)]
            pairs = [nothing if start is None else free + start for start in starts]
            order = torch.stack(pairs, dim=1).flatten()
            last.weight, last.bias = nn.Parameter(weight[order]), nn.Parameter(bias[order])
        self.put(f"{place}.mask", mask)
        return {
            "type": "GeneralCouplingTransform", **self.size, **affine("Exp", 0, 0),
            "network": self.sequential(joined, f"{place}.hyper")}

    def perceptron_of(self, network: Any, at: str) -> Any:
        """A copy of normflows' MLP as layers; its LeakyReLU of slope 0 is a ReLU."""
        if type(network).__name__ != "MLP" or not isinstance(getattr(network, "net", None), nn.Sequential):
            raise CannotDescribe(at, network, "is not an MLP of normflows")
        layers = [copy.deepcopy(layer) for layer in network.net if type(layer) is not nn.Dropout]
        if not isinstance(layers[-1], nn.Linear):
            raise CannotDescribe(at, layers[-1], "is a function of the outputs, which no description can hold")
        return nn.Sequential(*(
            nn.ReLU() if isinstance(layer, nn.LeakyReLU) and layer.negative_slope == 0 else layer
            for layer in layers))

    def sequential(self, network: Any, place: str) -> dict[str, Any]:
        """The description of layers, whose tensors are added."""
        for key, tensor in network.state_dict().items():
            self.put(f"{place}.{key}", tensor)
        return {"type": "MLP", **plain(network, place, self.tensors)}


def affine(positive: str, offset: float, epsilon: float) -> dict[str, Any]:
    """An affine univariate transform and the shapes of its parameters."""
    return {
        "univariate": {
            "type": "PositiveAffineTransform", "positive": positive, "offset": offset,
            "epsilon": epsilon}, "shapes": [[], []]}


def side_by_side(layers: list[Any], is_first: bool) -> Any:
    """Linear layers as one: of the same inputs if it is the first, else each of its own."""
    weights = [layer.weight.detach() for layer in layers]
    result = nn.Linear(1, 1)
    result.weight = nn.Parameter(torch.cat(weights) if is_first else torch.block_diag(*weights))
    result.bias = nn.Parameter(torch.cat([layer.bias.detach() for layer in layers]))
    return result
