"""Splines of nflows, and of normflows, which has copies of them, as univariate transforms of a description."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from ._live import CannotDescribe


@dataclass(frozen=True)
class Spline:
    """A spline: its description, and what its parameters are multiplied by."""

    json: dict[str, Any]
    """The arguments `univariate` and `shapes`."""

    parameters: list[Any]
    """The parameters in the order of the shapes, if they are free."""

    factors: Any = None
    """What the outputs of a network are multiplied by, for each parameter of one feature."""


def spline(part: Any, network: Any, at: str) -> dict[str, Any]:
    """The arguments `univariate` and `shapes` of a rational-quadratic spline."""
    free = getattr(part, "unnormalized_widths", None)
    bins = part.num_bins if free is None else free.shape[-1]
    ends = kinds(part)
    result: dict[str, Any] = {
        "type": "RationalQuadraticSpline",
        **({"bound": bound(part, at), "free_ends": True} if ends else tails(part, at))}
    result.update(
        min_bin_width=part.min_bin_width, min_bin_height=part.min_bin_height,
        min_derivative=part.min_derivative)
    width = hidden(network)
    if width is not None:
        result["logit_scale"] = 1 / math.sqrt(width)
    return {
        "univariate": result,
        "shapes": [[bins], [bins], [bins - 1 if part.tails and not ends else bins + 1]]}


def kinds(part: Any) -> list[str]:
    """The kind of each feature's tails, linear or circular, if a spline has both; none otherwise."""
    found = getattr(part, "tails", None)
    return list(found) if isinstance(found, (list, tuple)) else []


def bound(part: Any, at: str) -> float:
    """The bound of a spline, the same for all features."""
    found = torch.as_tensor(part.tail_bound).reshape(-1)
    if bool((found != found[0]).any()):
        raise CannotDescribe(at, part, "has another bound for each feature, expected one for all")
    return float(found[0])


def with_ends(derivatives: Any, part: Any, start: int = 0) -> Any:
    """Rows of derivatives, [features, parameters, …], whose ends are those of the features' tails: 1 where
    they are linear, the same where they are circular. `start` is the first derivative's place."""
    result = derivatives.double().clone()
    unit = math.log(math.expm1(1 - part.min_derivative))
    for feature, kind in enumerate(kinds(part)):
        if kind == "circular":
            result[feature, -1] = result[feature, start]
            continue
        # A parameter of a network is its bias; a weight of it is 0.
        value = unit if result.dim() == 2 else 0.0
        result[feature, start] = result[feature, -1] = value
    return result


def tails(part: Any, at: str) -> dict[str, Any]:
    """The arguments that say what a spline is outside of its box."""
    found = getattr(part, "tails", None)
    if found is None:
        return {"linear_tails": False}
    if found != "linear":
        raise CannotDescribe(at, part, f"has {found} tails, expected linear ones or none")
    return {"bound": bound(part, at)}


def hidden(network: Any) -> int | None:
    """The number whose root divides the logits of a spline; None for none."""
    found = getattr(network, "hidden_features", getattr(network, "hidden_channels", None))
    return None if found is None else int(found)


def piecewise(part: Any, network: Any, at: str) -> Spline:
    """Reads a spline of any kind; `network` is what gives its parameters, None if they are free."""
    kind = type(part).__name__
    if "RationalQuadratic" in kind:
        names = ["unnormalized_widths", "unnormalized_heights", "unnormalized_derivatives"]
        return Spline(spline(part, network, at), free(part, names))
    found = tails(part, at)
    is_linear = "linear_tails" not in found
    if "Linear" in kind:
        values = free(part, ["unnormalized_pdf"])
        bins = values[0].shape[-1] if values else part.num_bins
        return Spline(
            {"univariate": {"type": "PiecewiseLinearSpline", **found}, "shapes": [[bins]]}, values)
    least = {
        f"min_bin_{axis}": float(getattr(part, f"min_bin_{axis}", 1e-3)) for axis in ("width", "height")}
    if "Quadratic" in kind:
        values = free(part, ["unnormalized_widths", "unnormalized_heights"])
        bins = values[0].shape[-1] if values else part.num_bins
        heights = bins - 1 if is_linear else bins + 1
        # In its autoregressive transform nflows divides the widths alone.
        divided = bins if "Autoregressive" in kind else bins + heights
        return Spline(
            {"univariate": {"type": "PiecewiseQuadraticSpline", **found, **least},
             "shapes": [[bins], [heights]]}, values, scales(network, divided, bins + heights))
    if "Cubic" in kind:
        values = free(part, ["unnormalized_widths", "unnormalized_heights"])
        values += [value.reshape(-1) for value in free(
            part, ["unnorm_derivatives_left", "unnorm_derivatives_right"])]
        bins = values[0].shape[-1] if values else part.num_bins
        return Spline(
            {"univariate": {"type": "PiecewiseCubicSpline", **found, **least},
             "shapes": [[bins], [bins], [], []]}, values, scales(network, 2 * bins, 2 * bins + 2))
    raise CannotDescribe(at, part, "is not a spline that a description can hold")


def free(part: Any, names: list[str]) -> list[Any]:
    """The parameters of these names, if the part has them."""
    return [getattr(part, name) for name in names if hasattr(part, name)]


def scales(network: Any, divided: int, total: int) -> Any:
    """The factors of the outputs of a network, the first of which are divided; None for none."""
    width = hidden(network)
    if width is None:
        return None
    result = torch.ones(total, dtype=torch.float64)
    result[:divided] = 1 / math.sqrt(width)
    return result
