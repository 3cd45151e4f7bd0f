"""Flows of nflows: their parts become parts of a description, with the same parameters.

The tensors keep nflows' names under the place of the part in the description, except that the last layer of
a network has its rows in the order of the description: feature by feature, the shift before the scale.
"""

from __future__ import annotations

import math
from typing import Any

import nflows.distributions as nd
import nflows.flows as nf
import nflows.nn.nets as nn_nets
import nflows.transforms as nt
import torch
from nflows.distributions.base import Distribution
from nflows.transforms import made as made_module
from torch import nn

from .._description import Description
from ._embedding import draw_context, embedding
from ._live import CannotDescribe, Live
from ._nflows_splines import piecewise
from ._nflows_transforms import (
    AUTOREGRESSIVE_SPLINES, CDFS, MATRICES, POINTWISE, REFLECTIONS, Transforms)
from ._reference import double, reference


COMPOSED = (nt.CompositeTransform, nt.CompositeCDFTransform)
"""The transforms that are others one after the other."""


def recognises(obj: Any) -> bool:
    """Whether this is a flow of nflows."""
    return isinstance(obj, nf.Flow)


def load(obj: Any) -> Live:
    """Reads a flow."""
    description = describe(obj)
    return Live("nflows", description, reference(
        Conditional(exact(double(obj))), description.features, draw_context(description), 1e-9))


def exact(flow: Any) -> Any:
    """The flow with all digits in constants that were rounded to float32."""
    for module in flow.modules():
        if isinstance(module, nt.LeakyReLU):
            module.log_negative_slope = torch.tensor(
                [math.log(module.negative_slope)], dtype=torch.float64)
        if isinstance(module, nt.Sigmoid):
            module.temperature.data = module.temperature.data.double()
        if isinstance(module, Distribution) and hasattr(module, "_log_z"):
            module._log_z = torch.tensor(
                0.5 * math.prod(module._shape) * math.log(2 * math.pi), dtype=torch.float64)
    return flow


class Conditional:
    """A flow of nflows as a function from contexts to distributions of PyTorch's kind."""

    def __init__(self, flow: Any) -> None:
        self.flow = flow

    def __call__(self, context: Any) -> Conditional:
        result = Conditional(self.flow)
        result.context = context
        return result

    context: Any = None

    def log_prob(self, x: Any) -> Any:
        """The log-density of each row, NaN where nflows says that the row is outside of a domain."""
        try:
            return self.flow.log_prob(x, self.context)
        except nt.base.InputOutsideDomain as error:
            raise ValueError(str(error)) from error

    def sample(self, shape: tuple[int, ...]) -> Any:
        """One sample for each context, or as many as asked for."""
        try:
            if self.context is None:
                return self.flow.sample(shape[0])
            return self.flow.sample(1, self.context)[:, 0]
        except nt.base.InputOutsideDomain as error:  # Not all of the base is reached.
            raise ValueError(str(error)) from error


def describe(flow: Any) -> Description:
    """A flow's description."""
    return Reader(flow).description()


def sizes(part: Any) -> tuple[int | None, int | None]:
    """Features and context features of a transform or a distribution; None for what it does not tell."""
    features: int | None = None
    context: int | None = None
    for module in part.modules():
        if isinstance(module, made_module.MADE):
            features = features or len(module.initial_layer.weight[0])
            context = context or layer_inputs(module, "context_layer")
        elif isinstance(module, nd.MADEMoG):
            features = module._made.features - int(type(module).__name__ == "MADEMoGWrapper")
            context = context or layer_inputs(module._made, "context_layer")
        elif isinstance(module, (nt.coupling.CouplingTransform, nt.linear.Linear)):
            features = features or int(module.features)
        elif isinstance(module, nt.GatedLinearUnit):
            context = context or 1
        elif isinstance(module, nn_nets.ResidualNet):
            context = context or module.context_features
        elif type(module).__name__ == "ContextSplineMap":
            context = context or int(module.spline_predictor[0].weight.shape[1])
        elif isinstance(module, nd.ConditionalDiagonalNormal):
            context = context or first_inputs(module._context_encoder)
        elif isinstance(module, nt.Permutation):
            features = features or len(module._permutation)
        elif isinstance(module, Distribution) and hasattr(module, "_shape"):
            if len(module._shape) != 1:
                raise CannotDescribe(
                    "base", module, f"has events of shape {list(module._shape)}, expected vectors")
            features = int(module._shape[0])
    return features, context


def layer_inputs(module: Any, name: str) -> int | None:
    """The number of inputs of a linear layer that a network may have."""
    layer = getattr(module, name, None)
    return None if layer is None else int(layer.weight.shape[1])


def condition_size(network: Any) -> int | None:
    """The number of features that an embedding net takes; None if it does not tell."""
    for module in network.modules():
        if type(module) is nn.Linear:
            return int(module.weight.shape[1])
        mean: Any = getattr(module, "_mean", None)
        if torch.is_tensor(mean) and mean.numel() > 1:
            return mean.numel()
    return None


def first_inputs(module: Any) -> int | None:
    """The number of inputs of a network's first linear layer."""
    layers = (m for m in module.modules() if isinstance(m, nn.Linear)) if isinstance(
        module, nn.Module) else iter(())
    first = next(layers, None)
    return None if first is None else int(first.weight.shape[1])


class Reader(Transforms):
    """Describes the parts of a flow; collects the tensors of the model file."""

    def __init__(self, flow: Any, condition: tuple[int, ...] | None = None) -> None:
        """Starts on a flow; `condition` is the shape of what its embedding net takes, if that is known."""
        super().__init__()
        if type(flow)._log_prob is not nf.Flow._log_prob:
            raise CannotDescribe("flow", flow, "has its own log_prob")
        self.flow = flow
        self.condition = condition
        features, self.context = sizes(flow)
        if features is None:
            raise CannotDescribe("flow", flow, "does not tell its number of features")
        self.features = features

    def description(self) -> Description:
        """The flow's description."""
        transforms = [
            self.lazy(part, at, f"transform.transforms.{i}", f"transform[{i}]")
            for i, (part, at) in enumerate(flat(self.flow._transform, "_transform"))
        ]
        json: dict[str, Any] = {
            "type": "Flow", **self.size, "transform": transforms,
            "base": self.base(self.flow._distribution)}
        network = self.flow._embedding_net
        if self.context and type(network) is not nn.Identity:
            width = self.condition or (condition_size(network) or self.context,)
            embedding(network, width, json, self.tensors)
        return Description(json, {
            name: tensor.detach().cpu().contiguous().numpy() for name, tensor in self.tensors.items()})

    def lazy(self, part: Any, at: str, place: str, path: str) -> dict[str, Any]:
        """The description of a transform that is found `at` a place of the flow."""
        kind = type(part)
        if kind is nt.InverseTransform:
            return {
                "type": "LazyInverse",
                "transform": self.lazy(
                    part._transform, f"{at}._transform", f"{place}.transform", f"{path}.transform")}
        if kind in COMPOSED:
            return {"type": "LazyComposedTransform", "transforms": [
                self.lazy(inner, f"{at}._transforms.{i}", f"{place}.transforms.{i}", f"{path}[{i}]")
                for i, inner in enumerate(part._transforms)]}
        if kind is nt.MaskedAffineAutoregressiveTransform:
            return self.autoregressive(part, at, place, {
                "univariate": {"type": "PositiveAffineTransform", "epsilon": part._epsilon},
                "shapes": [[], []]}, [1, 0])
        if kind in AUTOREGRESSIVE_SPLINES:
            found = piecewise(part, part.autoregressive_net, at)
            result = self.autoregressive(part, at, place, found.json)
            self.multiply(f"{place}.hyper.final_layer", found.factors)
            return result
        if isinstance(part, nt.coupling.CouplingTransform):
            return self.coupling(part, at, place)
        if kind in (nt.LULinear, nt.BatchNorm, nt.ActNorm):
            return self.linear(part, at, place)
        if kind in REFLECTIONS:
            return self.reflections(part, place)
        if kind in MATRICES:
            return self.matrix(part, place)
        if kind is nt.GatedLinearUnit:
            return self.gate(part, at, place)
        if kind in CDFS:
            return self.free_spline(part, at, place, torch.zeros(self.features, dtype=torch.bool))
        if kind in POINTWISE:
            return self.pointwise(part, at, place)
        if isinstance(part, nt.Permutation):
            if part._dim != 1:
                raise CannotDescribe(at, part, f"permutes dimension {part._dim}, expected 1")
            return self.unconditional(place, {"type": "PermutationTransform"}, {
                "order": part._permutation.long()})
        if isinstance(part, nt.PointwiseAffineTransform):
            return self.unconditional(place, {"type": "AffineTransform"}, {
                "loc": part._shift.expand(self.features), "scale": part._scale.expand(self.features)})
        raise CannotDescribe(at, part, "is not a transform of nflows that a description can hold")

    def base(self, part: Any) -> dict[str, Any]:
        """The description of the base."""
        kind = type(part)
        if kind is nd.StandardNormal:
            self.put("base.loc", torch.zeros(self.features))
            self.put("base.scale", torch.ones(self.features))
            return {"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}, "buffer": True}
        if kind is nd.DiagonalNormal:
            self.put("base.loc", part.mean_.flatten())
            self.put("base.log_scale", part.log_std_.flatten())
            return {
                "type": "UnconditionalDistribution", "f": {"type": "DiagonalNormal"}, "buffer": False}
        if isinstance(part, nd.MADEMoG):
            return self.mixtures(part)
        if kind is nd.ConditionalDiagonalNormal:
            encoder = part._context_encoder
            if not isinstance(encoder, nn.Module):
                raise CannotDescribe("_distribution", part, "has no network as its context encoder")
            network, _ = self.conditioner(encoder, "_distribution._context_encoder", "base.hyper")
            return {"type": "ConditionalDiagonalNormal", "network": network}
        raise CannotDescribe(
            "_distribution", part, "is not a distribution of nflows that a description can hold")


def flat(part: Any, at: str) -> list[tuple[Any, str]]:
    """The transforms of which one is composed, with their places; identities are left out."""
    if type(part) in COMPOSED:
        return [
            leaf for i, inner in enumerate(part._transforms)
            for leaf in flat(inner, f"{at}._transforms.{i}")]
    return [] if type(part) is nt.IdentityTransform else [(part, at)]
