"""The rows that a flow is fitted to, or judged on: checked, and written for the executable."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import _arrays, _columns
from ._arrays import Array
from ._columns import Columns

_FLOAT = np.dtype(np.float32)


@dataclass(frozen=True)
class TrainingRows:
    """Rows of x, with the context and the weight of each where there are any."""

    x: Array
    context: Array | None
    weights: Array | None
    names: Columns
    """The names of the columns, of tables that have names."""

    @staticmethod
    def make(
        x: Any, context: Any, weights: Any, sizes: tuple[int, int], prefix: str = ""
    ) -> TrainingRows:
        """Checks what a caller gives; `sizes` are the numbers of features and of context features.

        The names of arguments in messages start with `prefix`. Raises `ValueError`.
        """
        features, conditions = sizes
        name = f"{prefix}context"
        rows = _matrix(x, features, f"{prefix}x")
        given = None
        if conditions:
            if context is None:
                raise ValueError(f"{name} is missing, expected the shape (N, {conditions})")
            given = _matrix(context, conditions, name)
            if len(given) != len(rows):
                raise ValueError(f"{name} has {len(given)} rows, expected {len(rows)}, as {prefix}x")
        elif context is not None:
            raise ValueError(f"{name} is given, expected none, since the flow has no context")
        counts = None if weights is None else _weights(weights, len(rows), prefix)
        names = Columns(_columns.names(x), _columns.names(context))
        return TrainingRows(rows, given, counts, names)

    def write(self, folder: Path, prefix: str = "") -> list[str | Path]:
        """Writes the arrays as files, and gives the executable's options that name them.

        The names of options and of files start with `prefix`.
        """
        arguments: list[str | Path] = []
        for option, array in (
            ("data", self.x), ("context-data", self.context), ("weights", self.weights)):
            if array is not None:
                path = folder / f"{prefix}{option}.npy"
                np.save(path, array)
                arguments += [f"--{prefix}{option}", path]
        return arguments

    def worded(self, note: str, folder: Path) -> str:
        """A sentence of the executable with the names of arguments instead of files."""
        for prefix in ("validation-", ""):
            for option, name in (("context-data", "context"), ("data", "x"), ("weights", "weights")):
                note = note.replace(
                    str(folder / f"{prefix}{option}.npy"), f"{prefix.replace('-', '_')}{name}")
        return note

    def check_names(self, trained: Columns) -> None:
        """Raises `ValueError` if a column has another name than the one that the flow is trained on."""
        for name, found, expected in (
            ("x", self.names.x, trained.x), ("context", self.names.context, trained.context)):
            if found and expected and found != expected:
                raise ValueError(
                    f"validation_data's {name} has the columns {', '.join(found)}, expected "
                    f"{', '.join(expected)}, as {name}")


def validation_rows(
    data: Any, weights: Any, sizes: tuple[int, int], trained: Columns
) -> TrainingRows | None:
    """The rows of `fit`'s `validation_data` and `validation_weights`; None if there are none.

    A tuple is a pair of x and context; anything else is x. Raises `ValueError`.
    """
    if data is None:
        if weights is not None:
            raise ValueError("validation_weights is given without validation_data")
        return None
    parts = data if isinstance(data, tuple) else (data, None)
    if len(parts) != 2:
        raise ValueError(f"validation_data has {len(parts)} parts, expected (x, context)")
    x, context = parts
    rows = TrainingRows.make(x, context, weights, sizes, "validation_")
    if len(rows.x) == 0:
        raise ValueError("validation_data has no rows, expected 1 or more")
    rows.check_names(trained)
    return rows


def _matrix(value: Any, columns: int, name: str) -> Array:
    # The executable centres numbers of float64 before it rounds them.
    is_double = _arrays.to_numpy(value, name).dtype == np.float64
    rows = _arrays.rows(value, np.dtype(np.float64) if is_double else _FLOAT, columns, name)
    if rows.ndim != 2:
        raise ValueError(f"{name} has the shape {rows.shape}, expected (N, {columns})")
    return rows


def _weights(value: Any, rows: int, prefix: str) -> Array:
    name = f"{prefix}weights"
    array = _arrays.to_numpy(value, name)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} has the dtype {array.dtype}, expected numbers")
    if array.shape not in ((rows,), (rows, 1)):
        raise ValueError(
            f"{name} has the shape {array.shape}, expected ({rows},), one for each row of {prefix}x")
    result = np.asarray(array, _FLOAT).reshape(rows, 1)
    bad = np.flatnonzero(~((result >= 0) & np.isfinite(result)))
    if len(bad):
        raise ValueError(
            f"{name} has {array.reshape(-1)[bad[0]]} for row {bad[0]}, expected finite numbers of 0 or more")
    if not result.any():
        raise ValueError(f"{name} has only zeros, expected a number above 0 for some row")
    return result
