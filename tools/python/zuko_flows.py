"""Zuko's flows from flow descriptions, and model files of them.

A description is the JSON object under `flowir.flow` in a model file: a Zuko class and its
constructor's arguments. Needs torch, zuko and safetensors.
"""

import json
from dataclasses import dataclass, replace

import torch
import zuko
from safetensors import safe_open
from safetensors.torch import save_file
from zuko.flows.spline import CircularRQSTransform


def signed(n):
    """Numbers between a half and one and a half, of either sign."""
    return (torch.rand(n) + 0.5) * torch.where(torch.rand(n) < 0.5, -1.0, 1.0)


# The tensor arguments of what an unconditional module makes: their names, and first values.
TENSORS = {
    "AdditiveTransform": {"shift": torch.randn},
    "AffineTransform": {"loc": torch.randn, "scale": signed},
    "MonotonicAffineTransform": {"shift": torch.randn, "scale": torch.randn},
    "PowerTransform": {"exponent": lambda n: torch.rand(n) + 0.5},
    "SignedPowerTransform": {"alpha": lambda n: torch.randn(n) / 4},
    "RotationTransform": {"A": lambda n: torch.randn(n, n)},
    "LULinearTransform": {"LU": lambda n: torch.randn(n, n) / 4 + torch.diag(signed(n))},
    "PermutationTransform": {"order": torch.randperm},
    "DiagNormal": {"loc": torch.randn, "scale": lambda n: torch.rand(n) + 0.5},
    "BoxUniform": {"lower": lambda n: -5 - torch.rand(n), "upper": lambda n: 5 + torch.rand(n)},
    "GeneralizedNormal": {"beta": lambda n: torch.rand(n) * 3 + 0.7},
}


def build(description, positional=()):
    """Zuko's flow, with random first parameters.

    `positional` has the paths of unconditional modules, such as `transform.transforms.0`, whose
    tensors are given by position, so that their keys are `_0`, `_1`, … instead of their names.
    """
    arguments = {
        key: value for key, value in description.items() if key not in ("type", "zuko", "before")}
    kind = description["type"]
    if kind != "Flow":
        flow = getattr(zuko.flows, kind)(**constructor(arguments))
        return preceded(flow, description) if description.get("before") else flow
    place = Place(description["features"], frozenset(positional), "")
    parts, path = arguments["transform"], place.child("transform")
    transform = composed(parts, path) if isinstance(parts, list) else lazy(parts, path)
    return zuko.flows.Flow(
        transform,
        unconditional(
            zuko.flows.UnconditionalDistribution, zuko.distributions, arguments["base"],
            place.child("base")))


def preceded(flow, description):
    """Zuko's flow after the transforms that stand before it."""
    place = Place(description["features"], frozenset(), "transform")
    first = composed(description["before"], place).transforms
    if not isinstance(flow, zuko.flows.Flow):
        return zuko.flows.Flow([*first], flow)
    own = flow.transform
    rest = own.transforms if isinstance(own, zuko.lazy.LazyComposedTransform) else [own]
    return zuko.flows.Flow([*first, *rest], flow.base)


@dataclass(frozen=True)
class Place:
    """Where a module is in a custom flow."""

    features: int
    positional: frozenset
    path: str

    def child(self, name):
        """The place of a part."""
        return replace(self, path=f"{self.path}.{name}" if self.path else name)


def constructor(arguments):
    """The arguments of a class as Python objects."""
    result = {}
    for key, value in arguments.items():
        if key == "activation":
            value = getattr(torch.nn, value)
        elif key == "network":
            value = constructor(value)
        elif key == "univariate":
            value = univariate(value)
        elif key in ("adjacency", "mask"):
            value = torch.tensor(value, dtype=torch.bool)
        elif key == "order":
            value = torch.tensor(value)
        result[key] = value
    return result


def univariate(description):
    """A constructor of element-wise transforms from parameters."""
    kind = description["type"]
    scalars = {key: value for key, value in description.items() if key != "type"}
    make = CircularRQSTransform if kind == "CircularRQSTransform" else getattr(zuko.transforms, kind)
    return lambda *phi: make(*phi, **scalars)


def composed(parts, place):
    """Lazy transforms one after the other."""
    return zuko.lazy.LazyComposedTransform(
        *(lazy(part, place.child(f"transforms.{i}")) for i, part in enumerate(parts)))


def lazy(description, place):
    """A part of a custom flow."""
    kind = description["type"]
    arguments = {key: value for key, value in description.items() if key != "type"}
    if kind == "LazyInverse":
        return zuko.lazy.LazyInverse(lazy(arguments["transform"], place.child("transform")))
    if kind == "LazyComposedTransform":
        return composed(arguments["transforms"], place)
    if kind == "UnconditionalTransform":
        return unconditional(
            zuko.flows.UnconditionalTransform, zuko.transforms, arguments, place)
    return getattr(zuko.flows, kind)(**constructor(arguments))


def unconditional(module, room, description, place):
    """A lazy module of a class with tensors of its own."""
    scalars = dict(description["f"])
    kind = scalars.pop("type")
    is_inverse = scalars.pop("inverse", False)
    constructor = getattr(room, kind)
    tensors = {name: make(place.features) for name, make in TENSORS.get(kind, {}).items()}
    # A permutation is not a number with a gradient.
    is_buffer = description.get("buffer", False) or kind == "PermutationTransform"

    def make(*values, **named):
        made = constructor(*values, **named)
        if kind == "GeneralizedNormal":
            # Zuko's own has one feature; a flow with a context needs a base of vectors.
            return torch.distributions.Independent(made, 1)
        return made.inv if is_inverse else made

    if place.path in place.positional:
        return module(make, *tensors.values(), buffer=is_buffer, **scalars)
    return module(make, buffer=is_buffer, **tensors, **scalars)


def save(flow, description, path):
    """Writes a model file of a flow's parameters and buffers."""
    state = {name: tensor.detach().clone() for name, tensor in flow.state_dict().items()}
    save_file(state, path, metadata={"flowir.flow": json.dumps(description)})


def load(path):
    """Zuko's flow with the parameters and buffers of a model file, and its description.

    Raises an error if a tensor is missing or left over.
    """
    with safe_open(path, "pt") as file:
        description = json.loads(file.metadata()["flowir.flow"])
        state = {name: file.get_tensor(name) for name in file.keys()}
    flow = build(description, [name[:-3] for name in state if name.endswith("._0")])
    for name, tensor in [*flow.named_parameters(), *flow.named_buffers()]:
        # One number for all features is as good as one for each.
        if name in state and state[name].shape == () and tensor.dim() == 1:
            tensor.data = tensor.data[0]
    flow.load_state_dict(state, strict=True)
    return flow, description
