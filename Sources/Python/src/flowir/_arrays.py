"""Arrays in and out: what callers give as C-contiguous NumPy arrays, without a copy where that fits."""

from __future__ import annotations

import sys
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


def is_torch(value: Any) -> bool:
    """Whether a value is a tensor of PyTorch, which is not imported for that."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, getattr(torch, "Tensor", ()))


def to_numpy(value: Any, name: str) -> Array:
    """A value as an array, sharing its memory if it can be shared."""
    if isinstance(value, np.ndarray):
        return value
    if is_torch(value):
        if value.device.type != "cpu":
            raise ValueError(f"{name} is on the device {value.device}, expected the CPU")
        return np.asarray(value.detach().resolve_conj().resolve_neg().numpy())
    if not hasattr(value, "__array__") and not hasattr(value, "__array_interface__"):
        if hasattr(value, "__dlpack__"):
            return np.from_dlpack(value)
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} is not an array: {error}") from error


def rows(value: Any, dtype: np.dtype[Any], columns: int, name: str) -> Array:
    """An array of shape (…, columns) in a float type, contiguous; raises `ValueError`."""
    array = to_numpy(value, name)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} has the dtype {array.dtype}, expected {dtype}")
    if array.ndim == 0 or array.shape[-1] != columns:
        raise ValueError(f"{name} has the shape {array.shape}, expected (…, {columns})")
    return np.asarray(array, dtype, order="C")


def result(out: Any, shape: tuple[int, ...], dtype: np.dtype[Any], name: str = "out") -> Array:
    """The array that results are written to: a new one, or `out` if it can take them."""
    if out is None:
        return np.empty(shape, dtype)
    array = to_numpy(out, name)
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(
            f"{name} has the shape {array.shape} and dtype {array.dtype}, expected {shape} and {dtype}"
        )
    if not array.flags.c_contiguous or not array.flags.writeable:
        raise ValueError(f"{name} is not contiguous and writeable")
    return array


def broadcast(x: Array, context: Array | None) -> tuple[Array, Array | None, tuple[int, ...]]:
    """Rows of x and context side by side, and the shape of the batch that they make.

    Batches broadcast as in Zuko. A context for all rows stays one row, (1, C), and contexts that are those
    of consecutive rows each stay as they are, (M, C) with M a divisor of the rows; others are repeated.
    """
    batch = x.shape[:-1]
    if context is None:
        return x.reshape(-1, x.shape[-1]), None, batch
    several = context.shape[:-1]
    try:
        shape = np.broadcast_shapes(batch, several)
    except ValueError:
        raise ValueError(
            f"x has the batch shape {batch} and context {several}, which do not broadcast"
        ) from None
    x = _repeated(x, shape)
    # The last dimensions in which there is one context are those of consecutive rows.
    kept = len(shape)
    own = (1,) * (kept - len(several)) + several
    while kept and own[kept - 1] == 1:
        kept -= 1
    context = context.reshape(*own, context.shape[-1])
    return x, _repeated(context, (*shape[:kept], *own[kept:])), shape


def _repeated(array: Array, batch: tuple[int, ...]) -> Array:
    columns = array.shape[-1]
    if array.shape[:-1] != batch:
        array = np.ascontiguousarray(np.broadcast_to(array, (*batch, columns)))
    return array.reshape(-1, columns)
