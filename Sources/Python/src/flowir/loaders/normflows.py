"""Flows of normflows: their parts become parts of a description, with the same parameters.

normflows goes from the base to the data; a description goes from the data to the base, so that the flows
come in the opposite order, and each as its inverse.
"""

from __future__ import annotations

import copy
from typing import Any

import normflows
import torch
from normflows.distributions.base import ConditionalDiagGaussian, DiagGaussian
from normflows.flows.affine.coupling import AffineCoupling
from normflows.flows.reshape import Split
from torch import nn

from .._description import Description
from ._embedding import draw_context
from ._live import CannotDescribe, Live
from ._networks import plain
from ._nflows_networks import Networks, spline
from ._reference import double, reference

nf = normflows.flows


def recognises(obj: Any) -> bool:
    """Whether this is a flow of normflows."""
    return isinstance(obj, normflows.NormalizingFlow)


def load(obj: Any) -> Live:
    """Reads a flow."""
    description = Reader(obj).description()
    return Live("normflows", description, reference(
        Conditional(double(obj)), description.features, draw_context(description), 1e-9))


class Conditional:
    """A flow of normflows as a function from contexts to distributions of PyTorch's kind."""

    def __init__(self, flow: Any, context: Any = None) -> None:
        self.flow = flow
        self.given = () if context is None else (context,)

    def __call__(self, context: Any) -> Conditional:
        return Conditional(self.flow, context)

    def log_prob(self, x: Any) -> Any:
        """The log-density of each row."""
        return self.flow.log_prob(x, *self.given)

    def sample(self, shape: tuple[int, ...]) -> Any:
        """One sample for each context, or as many as asked for."""
        count = len(self.given[0]) if self.given else shape[0]
        return self.flow.sample(count, *self.given)[0]


class Reader(Networks):
    """Describes a flow; collects the tensors of the model file."""

    def __init__(self, flow: Any) -> None:
        super().__init__()
        if type(flow) not in (normflows.NormalizingFlow, normflows.ConditionalNormalizingFlow):
            raise CannotDescribe("flow", flow, "is neither a NormalizingFlow nor a conditional one")
        self.flow = flow
        shape: tuple[int, ...] = tuple(getattr(flow.q0, "shape", ()))
        if len(shape) != 1:
            raise CannotDescribe("q0", flow.q0, f"has events of shape {list(shape)}, expected vectors")
        self.features = int(shape[0])
        self.context = self.find_context()

    def find_context(self) -> int | None:
        """The number of context features."""
        for module in self.flow.modules():
            if getattr(module, "context_features", None):
                return int(module.context_features)
            if isinstance(getattr(module, "context_layer", None), nn.Linear):
                return int(module.context_layer.weight.shape[1])
        if isinstance(self.flow.q0, ConditionalDiagGaussian):
            layers = [m for m in self.flow.q0.modules() if isinstance(m, nn.Linear)]
            return int(layers[0].weight.shape[1]) if layers else None
        return None

    def description(self) -> Description:
        """The flow's description."""
        flows = list(enumerate(self.flow.flows))[::-1]
        transforms = [
            self.inverse(part, f"flows.{at}", f"transform.transforms.{index}")
            for index, (at, part) in enumerate(flows)]
        json = {
            "type": "Flow", **self.size, "transform": transforms, "base": self.base(self.flow.q0)}
        return Description(json, {
            name: tensor.detach().cpu().contiguous().numpy() for name, tensor in self.tensors.items()})

    def inverse(self, part: Any, at: str, place: str) -> dict[str, Any]:
        """The description of a flow's inverse, which goes from the data to the base."""
        kind = type(part)
        if kind is nf.AutoregressiveRationalQuadraticSpline:
            inner = part.mprqat
            return self.autoregressive(inner, f"{at}.mprqat", place, spline(inner, inner.autoregressive_net, at))
        if kind is nf.CoupledRationalQuadraticSpline:
            return self.splines(part.prqct, f"{at}.prqct", place)
        if kind is nf.MaskedAffineAutoregressive:
            return {"type": "LazyInverse", "transform": self.autoregressive(
                part, at, f"{place}.transform", affine("Sigmoid", 2, 1e-3), [1, 0])}
        if kind is nf.LULinearPermute:
            linear = part.linear
            tensors = {name: tensor for name, tensor in linear.state_dict().items() if tensor.numel()}
            return {"type": "LazyComposedTransform", "transforms": [
                self.unconditional(f"{place}.transforms.0", {"type": "PermutationTransform"}, {
                    "order": part.permutation._permutation.long()}),
                self.unconditional(
                    f"{place}.transforms.1", {"type": "LUProductTransform", "epsilon": linear.eps},
                    tensors, buffer=False)]}
        if kind is nf.Permute:
            order = part.inv_perm if part.mode == "shuffle" else torch.arange(self.features).roll(
                -((self.features + 1) // 2))
            return self.unconditional(place, {"type": "PermutationTransform"}, {"order": order.long()})
        if kind in (nf.ActNorm, nf.AffineConstFlow):
            if kind is nf.ActNorm and not bool(part.data_dep_init_done > 0):
                raise CannotDescribe(at, part, "takes its values from the first rows, and has seen none")
            return self.unconditional(place, {"type": "ActNorm", "inverse": True}, {
                "log_scale": part.s.reshape(-1), "shift": part.t.reshape(-1)}, buffer=False)
        if kind is nf.AffineCouplingBlock:
            return self.block_of_affine(part, at, place)
        if kind is nf.MaskedAffineFlow:
            return {"type": "LazyInverse", "transform": self.masked_affine(
                part, at, f"{place}.transform")}
        reason = "is not a flow of normflows that a description can hold"
        if kind in (nf.Planar, nf.Radial):
            reason = "has no inverse, and so gives no density of data"
        raise CannotDescribe(at, part, reason)

    def splines(self, part: Any, at: str, place: str) -> dict[str, Any]:
        """The description of a coupling transform of splines, and of those of the other half."""
        free = part.unconditional_transform
        mask = torch.zeros(self.features, dtype=torch.bool)
        mask[part.identity_features] = True
        first = place if free is None else f"{place}.transforms.0"
        self.put(f"{first}.mask", mask)
        network, _ = self.conditioner(part.transform_net, f"{at}.transform_net", f"{first}.hyper")
        result = {
            "type": "GeneralCouplingTransform", **self.size,
            **spline(part, part.transform_net, at), "network": network}
        if free is None:
            return result
        second = f"{place}.transforms.1"
        self.put(f"{second}.mask", ~mask)
        for index, name in enumerate(("widths", "heights", "derivatives")):
            self.put(f"{second}.phi.{index}", getattr(free, f"unnormalized_{name}"))
        return {"type": "LazyComposedTransform", "transforms": [result, {
            "type": "FreeElementWiseTransform", "features": self.features, **spline(free, None, at)}]}

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

    def base(self, part: Any) -> dict[str, Any]:
        """The description of the base."""
        if type(part) is DiagGaussian and part.temperature is None:
            self.put("base.loc", part.loc.reshape(-1))
            self.put("base.log_scale", part.log_scale.reshape(-1))
            return {
                "type": "UnconditionalDistribution", "f": {"type": "DiagonalNormal"},
                "buffer": not any(True for _ in part.parameters())}
        if type(part) is ConditionalDiagGaussian:
            network, _ = self.conditioner(part.context_encoder, "q0.context_encoder", "base.hyper")
            return {"type": "ConditionalDiagonalNormal", "network": network}
        raise CannotDescribe("q0", part, "is not a distribution of normflows that a description can hold")


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
