"""Columns of a table as the rows of a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._arrays import Array
from .._errors import Error


def check_types(schema: Any, names: list[str]) -> None:
    """Raises `Error` for a column whose values are not numbers."""
    for name in names:
        kind = schema.field(name).type
        if not (
            pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
            or pa.types.is_boolean(kind)
        ):
            raise Error(f"column {name} is of the type {kind}, expected numbers")


def matrix(table: Any, names: list[str], dtype: Any) -> Array:
    """The columns as a matrix (N, D); a null becomes NaN."""
    result = np.empty((len(table), len(names)), dtype)
    for index, name in enumerate(names):
        start = 0
        for chunk in table.column(name).chunks:
            result[start:start + len(chunk), index] = _numbers(chunk)
            start += len(chunk)
    return result


def nulls(table: Any, names: list[str]) -> Array | None:
    """Which rows have a null in one of the columns; None if none has."""
    result: Array | None = None
    for name in names:
        column = table.column(name)
        if column.null_count:
            missing = pc.is_null(column).to_numpy()
            result = missing if result is None else result | missing
    return result


def _numbers(chunk: Any) -> Array:
    if pa.types.is_decimal(chunk.type) or pa.types.is_boolean(chunk.type):
        chunk = pc.cast(chunk, pa.float64())
    return np.asarray(chunk.to_numpy(zero_copy_only=False))
