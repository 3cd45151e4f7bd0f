"""Transforms of Zuko and PyTorch, as made: which class, with which numbers and tensors.

How an object was made does not matter: a class, a `functools.partial` and a lambda give the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
import zuko.transforms as zt
from torch.distributions import transforms as tt

from ._live import CannotDescribe


@dataclass(frozen=True)
class Step:
    """One transform of a description: class, numbers, tensors, and whether it is inverted."""

    kind: str
    scalars: dict[str, float] = field(default_factory=dict)
    tensors: dict[str, Any] = field(default_factory=dict)
    inverse: bool = False

    @property
    def json(self) -> dict[str, Any]:
        """The object of the description."""
        result: dict[str, Any] = {"type": self.kind, **self.scalars}
        if self.inverse:
            result["inverse"] = True
        return result


def steps(transform: Any, place: str, inverse: bool = False) -> list[Step]:
    """The steps of a transform, first to last."""
    if isinstance(transform, tt._InverseTransform):
        return steps(transform.inv, place, not inverse)
    if isinstance(transform, tt.IndependentTransform):
        return steps(transform.base_transform, place, inverse)
    if type(transform) is zt.DependentTransform:
        return steps(transform.base, place, inverse)
    if isinstance(transform, (tt.ComposeTransform, zt.ComposedTransform)):
        parts = list(getattr(transform, "parts", None) or transform.transforms)
        parts = parts[::-1] if inverse else parts
        return [step for part in parts for step in steps(part, place, inverse)]
    if type(transform) is zt.IdentityTransform:
        return []
    kind = type(transform).__name__
    scalars, tensors = _arguments(transform, place)
    if type(transform) is zt.MonotonicAffineTransform:
        kind = "AffineTransform"
    return [Step(kind, scalars, tensors, inverse)]


def _arguments(transform: Any, place: str) -> tuple[dict[str, float], dict[str, Any]]:
    """The numbers and tensors that a transform was made of."""
    kind = type(transform)
    if kind in (
        tt.ExpTransform, tt.SigmoidTransform, tt.TanhTransform, tt.SoftplusTransform,
        zt.SinTransform, zt.CosTransform,
    ):
        return {}, {}
    if kind in (zt.SoftclipTransform, zt.CircularShiftTransform):
        return {"bound": number(transform.bound, f"{place}.bound")}, {}
    if kind is tt.AffineTransform:
        return {}, {"loc": transform.loc, "scale": transform.scale}
    if kind is tt.PowerTransform:
        return {}, {"exponent": transform.exponent}
    if kind is zt.AdditiveTransform:
        return {}, {"shift": transform.shift}
    if kind is zt.MonotonicAffineTransform:  # Once it is made, it is an affine transform.
        return {}, {"loc": transform.shift, "scale": transform.scale}
    if kind is zt.SignedPowerTransform:
        return {}, {"alpha": transform.alpha}
    if kind is zt.PermutationTransform:
        return {}, {"order": transform.order}
    if kind is zt.LULinearTransform:
        return {}, {"LU": torch.tril(transform.L) + torch.triu(transform.U, diagonal=1)}
    raise CannotDescribe(
        place, transform, "is not a transform of Zuko or PyTorch that a description can hold")


def number(value: Any, place: str) -> float:
    """A number that may be a tensor of one."""
    if torch.is_tensor(value) and value.numel() != 1:
        raise CannotDescribe(place, f"a tensor of shape {list(value.shape)}", "is not one number")
    return float(value)


@dataclass(frozen=True)
class Family:
    """A univariate family: class and numbers, and how its transforms are made of parameters."""

    json: dict[str, Any]
    made: Any
    """A transform of the class and numbers, made of the probe's parameters."""


def univariate(function: Any, shapes: list[list[int]], place: str) -> dict[str, Any]:
    """The family that a constructor of element-wise transforms makes.

    The constructor is called on parameters, and the class and numbers are read from what it makes; it
    must hand the parameters on as they are.
    """
    generator = torch.Generator().manual_seed(0)
    phi = [torch.randn(3, *shape, generator=generator, dtype=torch.float64) for shape in shapes]
    try:
        made = function(*phi)
    except Exception as error:
        raise CannotDescribe(
            f"{place}.univariate", name_of(function), f"failed on parameters of shapes {shapes}: {error}"
        ) from error
    family = _family(made, phi, f"{place}.univariate", name_of(function))
    x = torch.linspace(-3, 3, 7, dtype=torch.float64)[:, None].expand(7, 3)
    if not torch.allclose(family.made(x), made(x), rtol=1e-9, atol=1e-9):
        raise CannotDescribe(
            f"{place}.univariate", name_of(function),
            f"does not hand its parameters on to {family.json['type']} as they are")
    return family.json


def name_of(function: Any) -> str:
    """What a constructor is called."""
    return str(getattr(function, "__qualname__", None) or repr(function))


def _family(made: Any, phi: list[Any], place: str, name: str) -> Family:
    if type(made) is zt.ComposedTransform and len(made.transforms) == 2:
        first, second = made.transforms
        kinds = type(first), type(second)
        if kinds == (zt.CircularShiftTransform, zt.MonotonicRQSTransform):
            return _circular(first, second, phi, place, name)
        if kinds == (zt.SOSPolynomialTransform, zt.AdditiveTransform) and len(phi) == 2:
            inner = _family(first, phi[:1], place, name)
            scalars = {key: value for key, value in inner.json.items() if key != "type"}
            return Family(
                {"type": "ShiftedSOSPTransform", **scalars},
                zt.ComposedTransform(inner.made, zt.AdditiveTransform(phi[1])))
    kind = type(made)
    scalars = {}
    if kind is zt.MonotonicAffineTransform and len(phi) == 2:
        scalars["slope"] = _slope(made.log_scale, phi[1])
    elif kind is zt.MonotonicRQSTransform and len(phi) == 3:
        scalars["bound"] = round_number(float(made.horizontal[0, -1]))
        scalars["slope"] = _slope(torch.log(made.derivatives[..., 1:-1]), phi[2])
    elif kind is zt.SOSPolynomialTransform and len(phi) == 1:
        _default(made.bound, 10.0, "bound", place, made)
        scalars["slope"] = float(made.slope)
    elif kind in (zt.BernsteinTransform, zt.BoundedBernsteinTransform) and len(phi) == 1:
        _default(made.eps, 1e-6, "eps", place, made)
        scalars["bound"] = float(made.bound)
    elif kind in (zt.AdditiveTransform, zt.SignedPowerTransform) and len(phi) == 1:
        pass
    elif kind is zt.GaussianizationTransform and len(phi) == 2:
        pass
    else:
        raise CannotDescribe(
            place, name, f"makes a {kind.__name__} of {len(phi)} parameters, which is not a univariate "
            "transform that a description can hold")
    return Family({"type": kind.__name__, **scalars}, kind(*phi, **scalars))


def _circular(shift: Any, spline: Any, phi: list[Any], place: str, name: str) -> Family:
    inner = _family(spline, phi, place, name)
    if not math.isclose(inner.json["bound"], math.pi) or not math.isclose(shift.bound, math.pi):
        raise CannotDescribe(place, name, "makes a circular spline whose bound is not pi")
    slope = inner.json["slope"]
    made = zt.ComposedTransform(
        zt.CircularShiftTransform(math.pi), zt.MonotonicRQSTransform(*phi, bound=math.pi, slope=slope))
    return Family({"type": "CircularRQSTransform", "slope": slope}, made)


def _default(found: float, expected: float, argument: str, place: str, made: Any) -> None:
    if found != expected:
        raise CannotDescribe(place, made, f"has {argument}={found:g}, expected {expected:g}")


def _slope(squashed: Any, raw: Any) -> float:
    """The slope s of y = x / (1 + |x / log s|), from one x and y."""
    x, y = raw.flatten(), squashed.flatten()
    at = int(torch.argmax(x.abs()))
    if x.shape != y.shape or float(y[at]) == 0 or abs(float(y[at])) >= abs(float(x[at])):
        return 0.5  # It is no such function, which the comparison of values finds.
    logarithm = 1 / (1 / abs(float(y[at])) - 1 / abs(float(x[at])))
    return round_number(math.exp(-logarithm))


def round_number(value: float) -> float:
    """The number that was meant: without the rounding errors of finding it."""
    return float(f"{value:.11g}")
