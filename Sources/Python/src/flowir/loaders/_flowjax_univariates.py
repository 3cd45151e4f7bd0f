"""Bijections of one number of flowjax whose parameters are free or come from a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import flowjax.bijections as fb
import jax
import numpy as np
from paramax import NonTrainable, RealToIncreasingOnInterval, unwrap

from .._arrays import Array
from ._live import CannotDescribe

PROBES = np.array([-60.0, -1.5, 0.0, 0.7, 2.0])
"""Where functions that make parameters positive are told apart."""


@dataclass(frozen=True)
class Univariate:
    """A transform of one feature: its description, and where its parameters are."""

    json: dict[str, Any]
    """The arguments `univariate` and `shapes`."""

    order: list[int]
    """The parameter of flowjax for each of the description; -1 for one that is 0."""

    start: Array
    """What flowjax adds to the outputs of a network, for each parameter of its own."""

    def ordered(self, rows: Array, start: Array | None = None) -> Array:
        """The rows of a network's last layer in the order of the description, feature by feature."""
        parts = rows.reshape(-1, len(self.start), *rows.shape[1:])
        if start is not None:
            parts = parts + start
        parts = np.concatenate([parts, np.zeros_like(parts[:, :1])], axis=1)
        return parts[:, self.order].reshape(-1, *rows.shape[1:])

    def split(self, values: Array) -> list[Array]:
        """The parameters of features as an array for each shape of the description."""
        rows = values.reshape(-1, len(self.order))
        shapes: list[list[int]] = self.json["shapes"]
        sizes = [int(np.prod(shape)) for shape in shapes]
        parts = np.split(rows, np.cumsum(sizes)[:-1], axis=1)
        return [
            part.reshape(-1, *shape) for part, shape in zip(parts, shapes, strict=True)]


def univariate(part: Any, at: str) -> Univariate:
    """Reads a transformer."""
    fixed = [
        leaf for leaf in jax.tree_util.tree_leaves(
            part, is_leaf=lambda node: isinstance(node, NonTrainable))
        if isinstance(leaf, NonTrainable)]
    if fixed:
        raise CannotDescribe(at, part, "has parameters that are not trainable")
    params = [
        np.asarray(leaf, np.float64) for leaf in jax.tree_util.tree_leaves(part)
        if eqx.is_inexact_array(leaf)]
    start = np.concatenate([value.reshape(-1) for value in params]) if params else np.zeros(0)
    kind = type(part)
    if kind is fb.Loc:
        return Univariate({"univariate": {"type": "AdditiveTransform"}, "shapes": [[]]}, [0], start)
    if kind in (fb.Affine, fb.Scale):
        order = [0, 1] if kind is fb.Affine else [-1, 0]
        if len(start) != len([index for index in order if index >= 0]):
            raise CannotDescribe(at, part, f"has {len(start)} parameters, expected a shift and a scale")
        positive, epsilon = positivity(part.scale, f"{at}.scale")
        return Univariate({
            "univariate": {
                "type": "PositiveAffineTransform", "positive": positive, "epsilon": epsilon},
            "shapes": [[], []]}, order, start)
    if kind is fb.RationalQuadraticSpline:
        json, _ = _spline(part, at)
        return Univariate(json, list(range(len(start))), start)
    raise CannotDescribe(at, part, "is not a transformer that a description can hold")


def free(part: Any, at: str) -> tuple[Univariate, list[Array]]:
    """Reads a bijection whose parameters have a first axis of features; gives them as well."""
    json, values = _spline(part, at)
    return Univariate(json, [], np.zeros(0)), values


def positivity(wrapped: Any, at: str) -> tuple[str, float]:
    """The function of a description that makes a parameter positive, and what is added to it."""
    if not hasattr(wrapped, "fn") or len(wrapped.args) != 1 or wrapped.kwargs:
        raise CannotDescribe(at, wrapped, "is not a function of one parameter")

    found = np.asarray([unwrap(eqx.tree_at(
        lambda w: w.args[0], wrapped, jax.numpy.full_like(wrapped.args[0], probe))).reshape(-1)[0]
        for probe in PROBES])
    functions = {
        "Softplus": np.logaddexp(PROBES, 0), "Exp": np.exp(PROBES),
        "Sigmoid": 1 / (1 + np.exp(-PROBES))}
    for name, values in functions.items():
        epsilon = float(f"{found[0]:.11g}") if found[0] > 1e-15 else 0.0
        if np.allclose(found, values + epsilon, rtol=1e-13, atol=1e-13):
            return name, epsilon
    raise CannotDescribe(
        at, str(getattr(wrapped.fn, "__qualname__", wrapped.fn)),
        f"is none of {', '.join(functions)} of a parameter, with a number added")


def _spline(part: Any, at: str) -> tuple[dict[str, Any], list[Array]]:
    """The description of a spline and its parameters."""
    low, high = (float(value) for value in part.interval)
    shares = []
    for name in ("x_pos", "y_pos"):
        knots = getattr(part, name)
        if type(knots) is not RealToIncreasingOnInterval or knots.include_endpoints != "both":
            raise CannotDescribe(f"{at}.{name}", knots, "is not a RealToIncreasingOnInterval")
        if tuple(float(value) for value in knots.interval) != (low, high):
            raise CannotDescribe(f"{at}.{name}", knots, "has an interval of its own")
        shares.append(float(knots.min_width) / (high - low))
    positive, least = positivity(part.derivatives, f"{at}.derivatives")
    if positive != "Softplus":
        raise CannotDescribe(f"{at}.derivatives", positive, "is not Softplus")
    values = [
        np.asarray(value, np.float64)
        for value in (part.x_pos.arr, part.y_pos.arr, part.derivatives.args[0])]
    return {
        "univariate": {
            "type": "RationalQuadraticSpline", "x_min": low, "x_max": high, "free_ends": True,
            "min_bin_width": shares[0], "min_bin_height": shares[1], "min_derivative": least},
        "shapes": [[value.shape[-1]] for value in values]}, values
