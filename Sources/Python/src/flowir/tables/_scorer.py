"""Scoring one batch of a table, as a value that travels to an engine's workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from .. import _columns
from .._arrays import Array
from .._errors import Error
from .._flow import CompiledFlow
from . import _matrix


@dataclass(frozen=True)
class Scorer:
    """Adds log p to batches of Arrow.

    It pickles: the model travels as bytes and is compiled once for each worker's processor.
    """

    flow: CompiledFlow
    x: tuple[str, ...]
    context: tuple[str, ...]
    keep: tuple[str, ...]
    name: str

    @staticmethod
    def make(
        flow: CompiledFlow, available: list[str], columns: _columns.Given, context: _columns.Given,
        keep: Iterable[str] | None, name: str, threads: int | None,
    ) -> Scorer:
        """Checks the names of columns against the model and the table; raises `Error`."""
        trained = flow.columns
        x = _columns.resolve(columns, trained.x, flow.features, available, "columns")
        c = _columns.resolve(context, trained.context, flow.context, available, "context")
        for found, size, what in ((x, flow.features, "columns"), (c, flow.context, "context")):
            if len(found) != size:
                raise Error(f"{what} has {len(found)} names, expected {size}")
        kept = available if keep is None else [keep] if isinstance(keep, str) else list(keep)
        kept = _columns.resolve(kept, (), len(kept), available, "keep")
        if name in kept:
            raise Error(
                f"the table has a column {name}; give the log-densities another name, or keep other "
                "columns")
        return Scorer(flow.with_threads(threads), tuple(x), tuple(c), tuple(kept), name)

    @property
    def needed(self) -> list[str]:
        """The columns that are read, each once."""
        return list(dict.fromkeys([*self.x, *self.context, *self.keep]))

    def values(self, table: Any) -> Any:
        """log p of the rows of a table of Arrow, as an array of Arrow with nulls where the flow has none."""
        _matrix.check_types(table.schema, [*self.x, *self.context])
        log_prob, nulls = self.scores(table)
        return pa.array(log_prob, mask=nulls)

    def scores(self, table: Any) -> tuple[Array, Array | None]:
        """log p of the rows of a table of Arrow, and which of them have a null; None if none has."""
        x = _matrix.matrix(table, list(self.x), self.flow.dtype)
        context = None
        if self.context:
            context = _matrix.matrix(table, list(self.context), self.flow.dtype)
        return self.log_prob(x, context), self.nulls(table)

    def nulls(self, table: Any) -> Array | None:
        """Which rows of a table of Arrow have a null in a column of the flow; None if none has."""
        return _matrix.nulls(table, [*self.x, *self.context])

    def log_prob(self, x: Array, context: Array | None) -> Array:
        """log p of rows; a row's bits do not depend on which rows come with it.

        A lone row's context would be taken for one that all rows share, which is rounded in another order.
        """
        if context is not None and len(x) == 1:
            x, context = np.repeat(x, 2, axis=0), np.repeat(context, 2, axis=0)
            return np.asarray(self.flow.log_prob(x, context))[:1]
        return np.asarray(self.flow.log_prob(x, context))

    def table(self, table: Any) -> Any:
        """The kept columns of a table of Arrow, and log p."""
        column = self.values(table)
        kept = table.select(list(self.keep))
        return kept.append_column(pa.field(self.name, column.type), column)

    def batches(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Record batches in, record batches out."""
        for batch in batches:
            yield from self.table(pa.Table.from_batches([batch])).to_batches()
