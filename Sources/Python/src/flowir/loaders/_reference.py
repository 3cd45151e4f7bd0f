"""A flow of PyTorch's kind as a reference in float64."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from .._arrays import Array
from ._live import Reference

Distribution = Callable[[Any], Any]


def double(module: Any) -> Any:
    """A copy of a module in float64, in evaluation mode."""
    result = copy.deepcopy(module).double().eval()
    for parameter in result.parameters():
        parameter.requires_grad_(False)
    return result


def reference(
    distribution: Distribution, features: int, draw_context: Callable[[int], Any] | None,
    tolerance: float,
) -> Reference:
    """A reference of a function from contexts, a tensor or None, to a distribution of PyTorch's kind.

    Half of its rows are samples, and half are scattered more widely.
    """

    def rows(count: int) -> tuple[Array, Array | None]:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            context = None if draw_context is None else draw_context(count)
            x = _samples(distribution, context, count, features)
            wide = x.mean(0) + 3 * x.std(0).nan_to_num(1).clamp(1e-3, 1e3) * torch.randn_like(x)
            x[count // 2:] = wide[count // 2:]
        return x.numpy(), None if context is None else context.numpy()

    def log_prob(x: Array, context: Array | None) -> Array:
        given = None if context is None else torch.from_numpy(context)
        with torch.no_grad():
            return _log_prob(distribution, torch.from_numpy(x), given)

    return Reference(rows, log_prob, tolerance)


def _samples(distribution: Distribution, context: Any, count: int, features: int) -> Any:
    x = None
    try:
        made = distribution(context)
        x = made.sample(() if context is not None else (count,))
        x = x.reshape(count, features).double().clone()
    except (NotImplementedError, RuntimeError, ValueError):
        pass
    if x is None or not bool(torch.isfinite(x).all()):
        x = torch.randn(count, features, dtype=torch.float64)
    return x


def _log_prob(distribution: Distribution, x: Any, context: Any) -> Array:
    try:
        return np.asarray(distribution(context).log_prob(x).numpy())
    except ValueError:
        if len(x) == 1:  # PyTorch's check that x is in the support.
            return np.full(1, np.nan)
    parts = [
        _log_prob(distribution, x[i:i + 1], None if context is None else context[i:i + 1])
        for i in range(len(x))
    ]
    return np.concatenate(parts)
