"""Weights that make samples of one density those of another."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _arrays

Numbers = NDArray[np.float64]


class ImportanceWeights:
    """The weights that make samples of one density those of another: target / flow, which sum to 1.

        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=10_000)
        >>> weights = ImportanceWeights(-(x - 0.1) ** 2 / 2, -x**2 / 2)
        >>> bool(weights.pareto_k < 0.7)              # above that they can't be trusted
        True
        >>> round(weights.effective_sample_size, -2)  # how many samples of the target they are worth
        9900.0

    The target need not be normalized. A sample whose log-weight is NaN or infinitely large has the weight NaN,
    and takes no part in anything else; `invalid` names such samples. All is computed in float64.
    """

    log_weights: Numbers
    """log target - log flow of each sample."""
    invalid: NDArray[np.intp]
    """The samples without a weight: their log-weight is NaN or +inf."""

    def __init__(self, log_target: Any, log_prob: Any = None) -> None:
        """Weights from log-densities of the same samples, arrays of one axis.

        Without `log_prob` the first argument has the logarithms of the weights. Arrays of NumPy, PyTorch and
        others on the CPU are taken.
        """
        self.log_weights = _numbers(log_target, "log_target")
        if log_prob is not None:
            flow = _numbers(log_prob, "log_prob")
            if flow.shape != self.log_weights.shape:
                raise ValueError(
                    f"{len(self.log_weights)} log-densities of the target, {len(flow)} of the flow")
            with np.errstate(invalid="ignore"):
                self.log_weights = self.log_weights - flow
        self._is_valid = self.log_weights < np.inf
        self.invalid = np.flatnonzero(~self._is_valid)
        self._largest = float(self.log_weights.max(initial=-np.inf, where=self._is_valid))

    @cached_property
    def _weights(self) -> Numbers:
        """The weights in units of the largest; NaN where there is none, and all NaN if all are 0."""
        with np.errstate(invalid="ignore"):
            return np.where(self._is_valid, np.exp(self.log_weights - self._largest), np.nan)

    @cached_property
    def _sums(self) -> tuple[float, float]:
        """The sum of the weights, and of their squares, in units of the largest one."""
        if self._largest == -np.inf:
            return 0.0, 0.0
        weights = self._weights[self._is_valid]
        return float(weights.sum()), float((weights**2).sum())

    @property
    def count(self) -> int:
        """How many samples have a weight."""
        return len(self.log_weights) - len(self.invalid)

    @property
    def normalized(self) -> Numbers:
        """The weight of each sample; they sum to 1. All are NaN if the target is 0 at every sample."""
        return self._weights / (self._sums[0] or np.nan)

    @property
    def effective_sample_size(self) -> float:
        """How many independent samples of the target have a mean of the same variance, by Kish's rule: (Σw)² / Σw²;
        0 if the target is 0 at every sample."""
        first, second = self._sums
        return first**2 / second if second > 0 else 0.0

    @property
    def log_mean(self) -> float:
        """The logarithm of the mean weight: the target's log normalizing constant, if the flow's density is
        normalized."""
        if self.count == 0:
            return float("nan")
        first = self._sums[0]
        return self._largest + float(np.log(first / self.count)) if first > 0 else float("-inf")

    @property
    def log_mean_error(self) -> float:
        """The standard error of `log_mean`, from the spread of the weights."""
        n, (first, second) = self.count, self._sums
        if n <= 1 or second == 0:
            return float("inf") if n > 0 else float("nan")
        return float(np.sqrt(max(second / first**2 - 1 / n, 0.0) * n / (n - 1)))

    @property
    def pareto_k(self) -> float:
        """The shape of the generalized Pareto distribution that fits the largest weights: moments of the weights above
        the order 1 / k are infinite.

        Estimates are reliable below 0.7 (with some thousand samples; in general below 1 - 1 / log10(count)).
        Infinite if fewer than 5 weights are in the tail.
        """
        return self._tail[2][0] if self._tail else float("inf")

    @property
    def smoothed(self) -> Numbers:
        """The weights with the largest replaced by what the fitted distribution expects of them; they sum to 1, and
        estimates from them vary less. The same as `normalized` where no distribution fits.

        This is Pareto smoothed importance sampling (Vehtari, Simpson, Gelman, Yao and Gabry, JMLR 25, 2024).
        """
        if self._tail is None or not np.isfinite(self._tail[2][0]):
            return self.normalized
        samples, cutoff, (shape, scale) = self._tail
        depth = -np.log1p(-(np.arange(len(samples)) + 0.5) / len(samples))
        expected = scale * (depth if abs(shape) < 1e-15 else np.expm1(shape * depth) / shape)
        weights = self._weights.copy()
        weights[samples] = np.minimum(expected + cutoff, 1)
        return weights / weights[self._is_valid].sum()

    @cached_property
    def _tail(self) -> tuple[NDArray[np.intp], float, tuple[float, float]] | None:
        """The samples of the tail from the smallest weight on, where it starts in units of the largest weight, and the
        shape and scale of the distribution of what is above; None if there are fewer than 5."""
        if self._largest == -np.inf:
            return None
        valid = np.flatnonzero(self._is_valid)
        order = valid[np.argsort(self.log_weights[valid], kind="stable")]
        length = int(np.ceil(min(len(order) / 5, 3 * np.sqrt(len(order)))))
        if len(order) <= length:
            return None
        limit = max(
            float(self.log_weights[order[-length - 1]]) - self._largest, float(np.log(np.finfo(np.float64).tiny)))
        tail = order[-length:]
        tail = tail[self.log_weights[tail] - self._largest > limit]
        if len(tail) < 5:
            return None
        cutoff = float(np.exp(limit))
        return tail, cutoff, _fitted(self._weights[tail] - cutoff)


def _numbers(values: Any, name: str) -> Numbers:
    """An array of one axis in float64; one of one column is flattened."""
    array = np.asarray(_arrays.to_numpy(values, name), np.float64)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{name}: found an array of shape {array.shape}, expected one number for each sample")
    return array


def _fitted(numbers: Numbers) -> tuple[float, float]:
    """The shape and scale of the generalized Pareto distribution of numbers above 0 in ascending order (Zhang and
    Stephens, Technometrics 51, 2009), with the weak prior for the shape of the article on smoothing."""
    n = len(numbers)
    quarter, last = numbers[max(int(n / 4 + 0.5) - 1, 0)], numbers[-1]
    candidates = 30 + int(np.sqrt(n))
    index = np.arange(1, candidates + 1)
    points = 1 / last + (1 - np.sqrt(candidates / (index - 0.5))) / (3 * quarter)
    shapes = np.log1p(-points[:, None] * numbers).mean(1)
    likelihoods = n * (np.log(-points / shapes) - shapes - 1)
    weights = np.exp(likelihoods - likelihoods.max())
    b = float((weights * points).sum() / weights.sum())
    k = float(np.log1p(-b * numbers).mean())
    return (n * k + 5) / (n + 10), -k / b
