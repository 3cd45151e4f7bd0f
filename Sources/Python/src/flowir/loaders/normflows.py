"""Flows of normflows: their parts become parts of a description, with the same parameters.

normflows goes from the base to the data; a description goes from the data to the base, so that the flows
come in the opposite order, and each as its inverse.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import normflows
import numpy as np
import torch
from normflows.distributions.base import (
    ConditionalDiagGaussian, DiagGaussian, Uniform, UniformGaussian)
from torch import nn

from .._arrays import Array
from .._description import Description
from ._embedding import draw_context
from ._linear import factors
from ._live import CannotDescribe, Live
from ._nflows_splines import kinds, spline, with_ends
from ._normflows_affine import AffineFlows, affine
from ._normflows_residual import ResidualFlows, without_estimates
from ._reference import double, reference

nf = normflows.flows


def recognises(obj: Any) -> bool:
    """Whether this is a flow of normflows."""
    return isinstance(obj, normflows.NormalizingFlow)


def load(obj: Any) -> Live:
    """Reads a flow."""
    description = Reader(obj).description()
    made = reference(
        Conditional(precise(double(obj))), description.features, draw_context(description), 1e-9)
    bounds = [
        float(torch.as_tensor(module.tail_bound).min()) for module in obj.modules() if kinds(module)]
    if not bounds:
        return Live("normflows", description, made)

    def rows(count: int) -> tuple[Array, Array | None]:
        # normflows maps what is outside of the bound of such a spline to 0.
        x, context = made.rows(count)
        return np.clip(x, -min(bounds), min(bounds)), context

    return Live("normflows", description, replace(made, rows=rows))


def precise(flow: Any) -> Any:
    """The flow with all digits in a constant of its base that was rounded to float32, and exact residual flows."""
    without_estimates(flow)
    base = flow.q0
    if type(base) is Uniform:
        base.low, base.high = base.low.double(), base.high.double()
        base.log_prob_val = -base.d * torch.log(base.high - base.low)
    return flow


@contextlib.contextmanager
def exact() -> Iterator[None]:
    """Lets normflows make its constants in float64."""
    saved = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(saved)


class Conditional:
    """A flow of normflows as a function from contexts to distributions of PyTorch's kind."""

    def __init__(self, flow: Any, context: Any = None) -> None:
        self.flow = flow
        self.given = () if context is None else (context,)

    def __call__(self, context: Any) -> Conditional:
        return Conditional(self.flow, context)

    def log_prob(self, x: Any) -> Any:
        """The log-density of each row; -inf where a uniform feature of the base is outside of its interval,
        which normflows does not look at."""
        with exact():
            result = self.flow.log_prob(x, *self.given)
            base = self.flow.q0
            if isinstance(base, UniformGaussian):
                z = self.flow.inverse(x, *self.given)[:, base.ind]
                outside = (z.abs() > base.scale[base.ind] / 2).any(1)
                result = torch.where(outside, -torch.inf, result)
        return result

    def sample(self, shape: tuple[int, ...]) -> Any:
        """One sample for each context, or as many as asked for."""
        count = len(self.given[0]) if self.given else shape[0]
        with exact():
            return self.flow.sample(count, *self.given)[0]


class Reader(AffineFlows, ResidualFlows):
    """Describes a flow; collects the tensors of the model file."""

    def __init__(self, flow: Any) -> None:
        super().__init__()
        if type(flow) not in (normflows.NormalizingFlow, normflows.ConditionalNormalizingFlow):
            raise CannotDescribe("flow", flow, "is neither a NormalizingFlow nor a conditional one")
        self.flow = flow
        shape: tuple[int, ...] = tuple(getattr(flow.q0, "shape", ()))
        if isinstance(flow.q0, UniformGaussian):
            shape = (flow.q0.ndim,)
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
        if kind in (nf.AutoregressiveRationalQuadraticSpline, nf.CircularAutoregressiveRationalQuadraticSpline):
            inner = part.mprqat
            result = self.autoregressive(
                inner, f"{at}.mprqat", place, spline(inner, inner.autoregressive_net, at))
            self.set_ends(f"{place}.hyper.final_layer", inner, inner.num_bins)
            return result
        if kind in (nf.CoupledRationalQuadraticSpline, nf.CircularCoupledRationalQuadraticSpline):
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
        if kind is nf.InvertibleAffine:
            return self.matrix(part, place)
        if kind is nf.Reverse:
            return {
                "type": "LazyInverse",
                "transform": self.inverse(part.flow, f"{at}.flow", f"{place}.transform")}
        if kind is nf.Composite:
            inners = list(enumerate(part._flows))[::-1]
            return {"type": "LazyComposedTransform", "transforms": [
                self.inverse(inner, f"{at}._flows.{i}", f"{place}.transforms.{index}")
                for index, (i, inner) in enumerate(inners)]}
        if kind is nf.Planar and (part.act == "leaky_relu" or at.count(".flow") % 2):
            return {"type": "LazyInverse", "transform": self.planar(part, f"{place}.transform")}
        if kind is nf.Residual:
            if part.reverse:
                return self.residual(part, at, place)
            return {
                "type": "LazyInverse", "transform": self.residual(part, at, f"{place}.transform")}
        if kind is nf.Radial and at.count(".flow") % 2:
            for name, value in (("centre", part.z_0), ("alpha", part.alpha), ("beta", part.beta)):
                self.put(f"{place}.transform.{name}", value.reshape(-1))
            return {"type": "LazyInverse", "transform": {
                "type": "LazyRadialTransform", "features": self.features}}
        reason = "is not a flow of normflows that a description can hold"
        if kind in (nf.Planar, nf.Radial):
            reason = "has no inverse, and so gives no density of data"
        raise CannotDescribe(at, part, reason)

    def matrix(self, part: Any, place: str) -> dict[str, Any]:
        """The description of the inverse of a linear flow, as the factors of its matrix in float64."""
        with torch.no_grad():
            columns, _ = double(part).inverse(torch.eye(self.features, dtype=torch.float64))
        lu, order = factors(columns.T.numpy())
        return {"type": "LazyComposedTransform", "transforms": [
            self.unconditional(
                f"{place}.transforms.0", {"type": "LULinearTransform"}, {"LU": torch.from_numpy(lu)},
                buffer=False),
            self.unconditional(f"{place}.transforms.1", {"type": "PermutationTransform"}, {
                "order": torch.from_numpy(order)})]}

    def planar(self, part: Any, place: str) -> dict[str, Any]:
        """The description of a planar flow; its `u` is changed to what gives the same under the constraint of a
        description, log(1 + softplus(w·u)) - 1 instead of log(1 + exp(w·u)) - 1."""
        w, u, b = (value.detach().double().reshape(-1) for value in (part.w, part.u, part.b))
        inner = w @ u
        wanted = torch.exp(inner)
        moved = wanted + torch.log(-torch.expm1(-wanted))
        u = u + (moved - inner) * w / (w @ w)
        self.put(f"{place}.phi", torch.cat([w, u, b]))
        slope = {} if part.act == "tanh" else {"negative_slope": float(part.h.negative_slope)}
        return {"type": "LazyPlanarTransform", "features": self.features, **slope}

    def splines(self, part: Any, at: str, place: str) -> dict[str, Any]:
        """The description of a coupling transform of splines, and of those of the other half."""
        free = part.unconditional_transform
        mask = torch.zeros(self.features, dtype=torch.bool)
        mask[part.identity_features] = True
        first = place if free is None else f"{place}.transforms.0"
        self.put(f"{first}.mask", mask)
        network, _ = self.conditioner(part.transform_net, f"{at}.transform_net", f"{first}.hyper")
        self.set_ends(f"{first}.hyper.final_layer", part, part.num_bins)
        result = {
            "type": "GeneralCouplingTransform", **self.size,
            **spline(part, part.transform_net, at), "network": network}
        if free is None:
            return result
        second = f"{place}.transforms.1"
        self.put(f"{second}.mask", ~mask)
        for index, name in enumerate(("widths", "heights", "derivatives")):
            value = getattr(free, f"unnormalized_{name}")
            self.put(f"{second}.phi.{index}", with_ends(value, free) if index == 2 and kinds(free) else value)
        return {"type": "LazyComposedTransform", "transforms": [result, {
            "type": "FreeElementWiseTransform", "features": self.features, **spline(free, None, at)}]}

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
        if type(part) is Uniform:
            for name, value in (("lower", part.low), ("upper", part.high)):
                self.put(f"base.{name}", value.expand(self.features))
            return {"type": "UnconditionalDistribution", "f": {"type": "BoxUniform"}, "buffer": True}
        if type(part) is UniformGaussian:
            self.put("base.scale", part.scale)
            self.put("base.mask", torch.isin(torch.arange(self.features), part.ind))
            return {"type": "UnconditionalDistribution", "f": {"type": "UniformNormal"}, "buffer": True}
        raise CannotDescribe("q0", part, "is not a distribution of normflows that a description can hold")
