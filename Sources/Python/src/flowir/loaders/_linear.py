"""Factors of matrices, as the linear transforms of a description have them."""

from __future__ import annotations

import numpy as np

from .._arrays import Array


def factors(matrix: Array) -> tuple[Array, Array]:
    """`LU` and `order` of float64 with `W x = (L U x)[order]`: elimination with pivots.

    `LU` holds `L` in its lower triangle, diagonal included, and above it `U`, whose diagonal is ones.
    """
    rest = np.array(matrix, np.float64)
    rows = np.arange(len(rest))
    for k in range(len(rest)):
        pivot = k + int(np.argmax(np.abs(rest[k:, k])))
        rest[[k, pivot]], rows[[k, pivot]] = rest[[pivot, k]], rows[[pivot, k]]
        rest[k, k + 1:] /= rest[k, k]
        rest[k + 1:, k + 1:] -= np.outer(rest[k + 1:, k], rest[k, k + 1:])
    return rest, np.argsort(rows).astype(np.int64)
