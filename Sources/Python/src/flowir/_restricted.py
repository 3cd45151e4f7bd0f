"""Flows restricted to a box."""

from __future__ import annotations

import secrets
import warnings
from math import prod
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from . import _arrays
from ._arrays import Array

if TYPE_CHECKING:
    from ._flow import CompiledFlow


class RestrictedFlow:
    """A flow within a box, made by `CompiledFlow.restricted`.

    Its density is 0 outside of the box and larger inside, by the box's probability. Samples are drawn by rejection
    in native code: each is the first of its candidates that is inside, and the first candidate is the row
    that the flow itself draws with that seed.
    """

    def __init__(
        self, flow: CompiledFlow, lower: Array | None, upper: Array | None, max_draws: int, mass_draws: int,
        mass_seed: int,
    ) -> None:
        """Made by `CompiledFlow.restricted`."""
        self.flow = flow
        """The flow itself."""
        self._lower, self._upper = lower, upper
        self._max_draws, self._mass_draws, self._mass_seed = max_draws, mass_draws, mass_seed

    def log_mass(self, context: Any = None) -> tuple[Any, Any]:
        """log P(box | context), estimated from samples, and its standard error; of the batch's shape.

        It is -inf, with an infinite error, if no sample was inside.
        """
        contexts = self.flow._context(context)
        batch = () if contexts is None else contexts.shape[:-1]
        log_mass, error = np.empty(batch, self.flow.dtype), np.empty(batch, self.flow.dtype)
        flat = None if contexts is None else contexts.reshape(-1, contexts.shape[-1])
        self.flow._call(
            "log_mass", self._mass_seed, self._lower, self._upper, self._mass_draws, flat,
            self.flow._count(flat), log_mass, error)
        return log_mass, error

    def log_prob(self, x: Any, context: Any = None, *, log_mass: Any = None) -> Any:
        """log p(x | context) - log P(box | context) inside the box, -inf outside.

        `log_mass` is what the method of that name gave for the context; it is called if there is none. A row
        inside for whose context no sample was inside is NaN. The gradient in PyTorch is that of
        log p(x | context).
        """
        x, context = self.flow._ordered(x, context)
        value = self.flow.log_prob(x, context)
        if log_mass is None:
            log_mass, _ = self.log_mass(context)
        log_mass = np.where(np.isneginf(log_mass), np.nan, log_mass).astype(self.flow.dtype)
        rows = _arrays.rows(x, self.flow.dtype, self.flow.features, "x")
        inside = self._contains(rows)
        outside = ~inside & ~np.isnan(rows).any(-1)
        if _arrays.is_torch(value):
            import torch

            inside, outside = torch.from_numpy(inside), torch.from_numpy(outside)
            value = torch.where(inside, value - torch.from_numpy(np.asarray(log_mass)), value)
            return torch.where(outside, -torch.inf, value)
        return np.where(outside, self.flow.dtype.type(-np.inf), np.where(inside, value - log_mass, value))

    def sample(
        self, shape: int | tuple[int, ...], context: Any = None, *, seed: int | None = None,
        first_row: int = 0, return_log_prob: bool = False, return_draws: bool = False,
    ) -> Any:
        """Samples within the box, of shape (*shape, *batch of the context, D).

        The same seed gives the same numbers at any number of threads, and parts from `first_row` on those of the
        whole. A sample none of whose first `max_draws` candidates is inside is NaN, and a warning says how
        many there are. With `return_log_prob` their log-densities within the box follow, with
        `return_draws` how many candidates each took, 0 for one that is NaN.
        """
        shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
        if any(size < 0 for size in shape):
            raise ValueError(f"shape is {shape}, expected sizes of 0 or more")
        seed = secrets.randbits(64) if seed is None else int(seed)
        if not 0 <= seed < 1 << 64:
            raise ValueError(f"seed is {seed}, expected 0 to 2**64 - 1")
        contexts = self.flow._context(context)
        batch = () if contexts is None else contexts.shape[:-1]
        count, groups = prod(shape), prod(batch)
        flat = None if contexts is None else contexts.reshape(-1, contexts.shape[-1])
        x = np.empty((groups, count, self.flow.features), self.flow.dtype)
        log_prob = np.empty((groups, count), self.flow.dtype) if return_log_prob else None
        draws = np.zeros((groups, count), np.int64)
        if draws.size:
            self.flow._call(
                "sample_within", seed, first_row, self._lower, self._upper, self._max_draws, flat, draws.size,
                self.flow._count(flat), x, log_prob, draws)
        missing = int((draws == 0).sum())
        if missing:
            warnings.warn(
                f"{missing} of {draws.size} samples are NaN: none of their {self._max_draws} candidates is inside "
                "the box; raise max_draws, or take a larger box", stacklevel=2)
        results = [np.moveaxis(x, 0, 1).reshape(*shape, *batch, self.flow.features)]
        if log_prob is not None:
            log_mass, _ = self.log_mass(context)
            log_mass = np.where(np.isneginf(log_mass), np.nan, log_mass).astype(self.flow.dtype)
            results.append(log_prob.T.reshape(*shape, *batch) - log_mass)
        if return_draws:
            results.append(draws.T.reshape(*shape, *batch))
        if _arrays.is_torch(context):
            import torch

            results = [torch.from_numpy(np.ascontiguousarray(array)) for array in results]
        return tuple(results) if len(results) > 1 else results[0]

    def _contains(self, x: Array) -> Array:
        inside = ~np.isnan(x)
        if self._lower is not None:
            inside &= x >= self._lower
        if self._upper is not None:
            inside &= x <= self._upper
        return cast(Array, inside.all(-1))


class Restrictable:
    """What makes a restricted flow of a flow."""

    def restricted(
        self, lower: Any = None, upper: Any = None, *, max_draws: int = 10_000, mass_draws: int = 100_000,
        mass_seed: int = 0,
    ) -> RestrictedFlow:
        """The flow within a box: its bounds belong to it, infinite ones stand for none, a number for all features.

        `max_draws` is the most candidates that are drawn for a sample, `mass_draws` the number of samples that the
        probability of the box is estimated from for each context, and `mass_seed` decides those.

        >>> import flowir
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(2_000, 2)).astype("float32")
        >>> flow = flowir.MAF(features=2, transforms=1).fit(x, epochs=2, seed=1)
        >>> within = flow.restricted(lower=[0, -np.inf], upper=1)
        >>> draws, log_prob = within.sample(1_000, seed=1, return_log_prob=True)
        >>> bool((draws[:, 0] >= 0).all() and (draws <= 1).all())
        True
        >>> bool(np.allclose(within.log_prob(draws), log_prob, atol=1e-4))
        True
        >>> log_mass, error = within.log_mass()
        >>> bool(error < 0.01)
        True
        """
        flow = cast("CompiledFlow", self)

        def bound(value: Any, name: str) -> Array | None:
            if value is None:
                return None
            array = np.asarray(_arrays.to_numpy(value, name), flow.dtype)
            if array.ndim > 1 or array.ndim == 1 and array.shape != (flow.features,):
                raise ValueError(
                    f"{name} has the shape {array.shape}, expected ({flow.features},) or one number")
            if np.isnan(array).any():
                raise ValueError(f"{name} has a NaN")
            return np.ascontiguousarray(np.broadcast_to(array, (flow.features,)))

        low, high = bound(lower, "lower"), bound(upper, "upper")
        if low is not None and high is not None and not (low < high).all():
            raise ValueError("a lower bound is not below the upper one")
        return RestrictedFlow(flow, low, high, int(max_draws), int(mass_draws), int(mass_seed))
