"""Drawing given rows of a sample, as a value that travels to an engine's workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from .. import _samples
from .._arrays import Array
from .._errors import Error
from .._flow import CompiledFlow
from ._matrix import matrix


@dataclass(frozen=True)
class Sampler:
    """Draws the samples of given rows; it pickles, and the model is compiled for each worker's processor."""

    flow: CompiledFlow
    contexts: Array | None
    rows: int
    names: tuple[str, ...]
    log_prob: str | None
    seed: int

    @staticmethod
    def make(
        flow: CompiledFlow, rows: int, context: Any, columns: Sequence[str] | None, log_prob: str | None,
        seed: int, threads: int,
    ) -> Sampler:
        """Checks the arguments; raises `ValueError` or `Error`."""
        if rows < 0 or not 0 <= seed < 1 << 64:
            raise ValueError(f"rows is {rows} and seed {seed}, expected 0 or more, and a seed below 2**64")
        names = list(columns or flow.columns.x or [f"x{i}" for i in range(flow.features)])
        if len(names) != flow.features:
            raise Error(f"columns has {len(names)} names, expected {flow.features}")
        contexts = flow._context(context)
        if contexts is not None:
            contexts = contexts.reshape(-1, flow.context)
        return Sampler(flow.with_threads(threads), contexts, rows, tuple(names), log_prob, seed)

    @property
    def count(self) -> int:
        """How many rows there are in all: the samples of one context after those of another."""
        return self.rows * (1 if self.contexts is None else len(self.contexts))

    @property
    def made(self) -> list[str]:
        """The columns of floats that it makes."""
        return [*self.names, *([self.log_prob] if self.log_prob else [])]

    def batches(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Record batches of consecutive row numbers in a column `id`, to those of samples."""
        for batch in batches:
            numbers = matrix(pa.Table.from_batches([batch]), ["id"], np.int64)[:, 0]
            if len(numbers):
                yield self.draw(numbers)

    def draw(self, numbers: Array) -> Any:
        """The samples with these numbers, which must be consecutive, as a record batch."""
        flow, count = self.flow, len(numbers)
        if not np.array_equal(numbers, np.arange(numbers[0], numbers[0] + count)):
            raise Error("the engine's range of row numbers is not in order")
        x = np.empty((count, flow.features), flow.dtype)
        values = np.empty(count, flow.dtype) if self.log_prob else None
        _samples.draw(
            flow, self.contexts, self.rows, self.seed, 0, int(numbers[0]), x, values)
        arrays = [pa.array(numbers), *(pa.array(np.ascontiguousarray(column)) for column in x.T)]
        names = ["row", *self.names]
        if values is not None:
            arrays.append(pa.array(values))
            names.append(str(self.log_prob))
        return pa.RecordBatch.from_arrays(arrays, names)
