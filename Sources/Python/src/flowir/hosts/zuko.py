"""Zuko: its flow from a description."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import zuko
from zuko.flows import neural
from zuko.flows.polynomial import ShiftedSOSPTransform
from zuko.flows.spline import CircularRQSTransform

from .._description import Description
from .._errors import Error


def build(description: Description) -> Any:
    """Zuko's flow with a description's parameters.

    A flow whose context passes through layers first is an `EmbeddedFlow` or `EmbeddedGMM`, since Zuko has
    no module for that. Raises `Error` if the description has something else that Zuko lacks.
    """
    json = dict(description.json)
    layers = json.pop("embedding", None) or []
    before = json.pop("before", [])
    json.pop("zuko", None)
    kind = json.pop("type")
    mixed = [key for key in ("circular", "bounds", "slopes") if json.get(key)]
    if kind == "NSF" and mixed:
        raise Error(f"Zuko's NSF has one kind of spline for all features, found {' and '.join(mixed)}")
    if kind == "Ensemble":
        raise Error("Zuko has no mixture of flows; give one of its members")
    tensors = {
        name: torch.from_numpy(_single(value)) for name, value in description.tensors.items()}
    place = _Place(tensors, json["features"], "")
    if kind == "Flow":
        parts, at = json["transform"], place.child("transform")
        transform = _composed(parts, at) if isinstance(parts, list) else _lazy(parts, at)
        flow = zuko.flows.Flow(transform, _base(json["base"], place.child("base")))
    else:
        if layers:
            json["context"] = _outputs(layers, json["context"])
        base = json.pop("base", None)
        flow = getattr(zuko.flows, kind)(**_arguments(json, place))
        if base is not None:
            flow = zuko.flows.Flow(flow.transform, _base(base, place.child("base")))
        if before:
            own = flow.transform if hasattr(flow, "transform") else zuko.lazy.LazyComposedTransform()
            rest = own.transforms if isinstance(own, zuko.lazy.LazyComposedTransform) else [own]
            flow = zuko.flows.Flow(
                [*_composed(before, place.child("transform")).transforms, *rest],
                flow.base if hasattr(flow, "transform") else flow)
    if layers:
        network = _network(layers, description.context)
        flow = (EmbeddedFlow(network, flow.transform, flow.base) if isinstance(flow, zuko.flows.Flow)
                else EmbeddedGMM(network, **_arguments(json, place)))
    for name, tensor in [*flow.named_parameters(), *flow.named_buffers()]:
        if name in tensors and tensor.shape != tensors[name].shape:
            tensor.data = torch.empty_like(tensors[name], dtype=tensor.dtype)
    flow.load_state_dict(tensors, strict=True)
    return flow.eval()


class BoundsTransform(torch.distributions.Transform):
    """Features between bounds as numbers of the whole line; an infinite bound is none."""

    domain = torch.distributions.constraints.real
    codomain = torch.distributions.constraints.real
    bijective = True

    def __init__(self, lower: Any, upper: Any) -> None:
        super().__init__()
        self.has_lower, self.has_upper = lower.isfinite(), upper.isfinite()
        self.lower = torch.where(self.has_lower, lower, 0)
        self.upper = torch.where(self.has_upper, upper, 0)

    def _logs(self, x: Any) -> tuple[Any, Any]:
        """The logs of the distances to the bounds, 0 where there is none."""
        unit = torch.finfo(x.dtype)

        def distance(difference: Any, bound: Any) -> Any:
            return difference.clamp_min(unit.tiny).maximum(bound.abs() * (unit.eps / 2)).log()

        one = torch.zeros_like(x)
        return (torch.where(self.has_lower, distance(x - self.lower, self.lower), one),
                torch.where(self.has_upper, distance(self.upper - x, self.upper), one))

    def _call(self, x: Any) -> Any:
        below, above = self._logs(x)
        return torch.where(self.has_lower | self.has_upper, below - above, x)

    def _inverse(self, y: Any) -> Any:
        width = torch.where(self.has_lower & self.has_upper, self.upper - self.lower, 1)
        between = torch.where(
            y > 0, self.upper - width * torch.sigmoid(-y), self.lower + width * torch.sigmoid(y))
        up, down = self.lower + y.exp(), self.upper - (-y).exp()
        bounded = torch.where(self.has_lower, torch.where(self.has_upper, between, up), down)
        return torch.where(self.has_lower | self.has_upper, bounded, y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """The log of the slope; minus infinity outside."""
        below, above = self._logs(x)
        width = torch.where(self.has_lower & self.has_upper, self.upper - self.lower, 1)
        outside = (self.has_lower & (x < self.lower)) | (self.has_upper & (x > self.upper))
        return torch.where(outside, -torch.inf, width.log() - below - above)


class Standardize(torch.nn.Module):
    """Centres and scales each number, `(x - mean) / std`."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("std", torch.ones(features))

    def forward(self, x: Any) -> Any:
        """The standardized numbers."""
        return (x - self.mean) / self.std


class EmbeddedFlow(zuko.flows.Flow):
    """A flow whose context passes through a network first; its own transform takes what that gives."""

    def __init__(self, embedding: Any, transform: Any, base: Any) -> None:
        super().__init__(transform, base)
        self.embedding = embedding

    def forward(self, c: Any = None) -> Any:
        """The distribution for a context."""
        return super().forward(self.embedding(c))


class EmbeddedGMM(zuko.flows.GMM):
    """A mixture whose context passes through a network first."""

    def __init__(self, embedding: Any, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.embedding = embedding

    def forward(self, c: Any = None) -> Any:
        """The distribution for a context."""
        return super().forward(self.embedding(c))


def _outputs(layers: list[Any], width: int) -> int:
    """How many numbers come out of layers."""
    for layer in layers:
        width = layer.get("out_features", width)
    return width


def _network(layers: list[Any], width: int) -> Any:
    """The layers of an embedding as modules."""
    modules = []
    for layer in layers:
        kind = layer["type"]
        if kind == "Standardize":
            modules.append(Standardize(width))
        elif kind == "Linear":
            modules.append(torch.nn.Linear(width, layer["out_features"], bias=layer.get("bias", True)))
            width = layer["out_features"]
        else:
            modules.append(_activation(layer if len(layer) > 1 else kind)())
    return torch.nn.Sequential(*modules)


def _single(value: Any) -> Any:
    """A copy of a tensor, in PyTorch's default float type if it is of floats."""
    return value.astype(np.float32 if value.dtype.kind == "f" else value.dtype)


@dataclass(frozen=True)
class _Place:
    """Where a module is in the flow, and the tensors of all."""

    tensors: dict[str, Any]
    features: int
    path: str

    def child(self, name: str) -> _Place:
        return replace(self, path=f"{self.path}.{name}" if self.path else name)

    @property
    def own(self) -> dict[str, Any]:
        """The tensors of this module by their own names."""
        start = f"{self.path}."
        return {
            name.removeprefix(start): value for name, value in self.tensors.items()
            if name.startswith(start)}


def _arguments(json: dict[str, Any], place: _Place) -> dict[str, Any]:
    """The arguments of a class as Python objects."""
    result = {}
    for key, value in json.items():
        if key == "activation":
            value = _activation(value)
        elif key == "network":
            value = _arguments(value, place)
        elif key == "univariate":
            value = _univariate(value)
        elif key in ("adjacency", "mask"):
            value = torch.tensor(value, dtype=torch.bool)
        elif key == "order":
            value = torch.tensor(value)
        result[key] = value
    return result


def _activation(value: Any) -> Any:
    if isinstance(value, str):
        return getattr(torch.nn, value)
    numbers = {key: number for key, number in value.items() if key != "type"}
    return lambda: getattr(torch.nn, value["type"])(**numbers)


def _univariate(json: dict[str, Any]) -> Any:
    scalars = {key: value for key, value in json.items() if key != "type"}
    kind = json["type"]
    if kind in ("MNN", "UMNN"):
        if "activation" in scalars:
            scalars["activation"] = _activation(scalars["activation"])
        return getattr(neural, kind)(**scalars)
    own = {"CircularRQSTransform": CircularRQSTransform, "ShiftedSOSPTransform": ShiftedSOSPTransform}
    make = own.get(kind) or getattr(zuko.transforms, kind, None)
    if make is None:
        raise Error(f"Zuko has no {kind}")
    return lambda *phi: make(*phi, **scalars)


def _composed(parts: list[Any], place: _Place) -> Any:
    return zuko.lazy.LazyComposedTransform(
        *(_lazy(part, place.child(f"transforms.{i}")) for i, part in enumerate(parts)))


def _lazy(json: dict[str, Any], place: _Place) -> Any:
    kind = json["type"]
    arguments = {key: value for key, value in json.items() if key != "type"}
    if kind == "LazyInverse":
        return zuko.lazy.LazyInverse(_lazy(arguments["transform"], place.child("transform")))
    if kind == "LazyComposedTransform":
        return _composed(arguments["transforms"], place)
    if kind == "UnconditionalTransform":
        return _unconditional(zuko.flows.UnconditionalTransform, zuko.transforms, arguments, place)
    make = getattr(zuko.flows, kind, None)
    if make is None or "network" in arguments:
        raise Error(f"Zuko has no {kind}" + (" with a network of its own" if make else ""))
    known = inspect.signature(make.__init__).parameters
    if "normalize" in arguments and not arguments["normalize"] and "normalize" not in known:
        arguments.pop("normalize")
    return make(**_arguments(arguments, place))


def _base(json: dict[str, Any], place: _Place) -> Any:
    if json["type"] != "UnconditionalDistribution":
        raise Error(f"Zuko has no {json['type']}")
    return _unconditional(
        zuko.flows.UnconditionalDistribution, zuko.distributions, json, place)


def _unconditional(module: Any, room: Any, json: dict[str, Any], place: _Place) -> Any:
    """A lazy module of a class with tensors of its own."""
    scalars = dict(json["f"])
    kind, is_inverse = scalars.pop("type"), scalars.pop("inverse", False)
    # Zuko's rooms also show classes of torch's that they build on.
    constructor = BoundsTransform if kind == "BoundsTransform" else getattr(room, kind, None)
    if constructor is None or kind in ("StudentT", "AsinhTransform", "TailTransform"):
        raise Error(f"Zuko has no {kind}")
    is_buffer = json.get("buffer", False) or kind == "PermutationTransform"

    def make(*values: Any, **named: Any) -> Any:
        made = constructor(*values, **named)
        if kind == "GeneralizedNormal":
            return torch.distributions.Independent(made, 1)
        return made.inv if is_inverse else made

    own = place.own
    positional = [own[name] for name in sorted(own) if name.startswith("_")]
    named = {name: value for name, value in own.items() if not name.startswith("_")}
    return module(make, *positional, buffer=is_buffer, **named, **scalars)
