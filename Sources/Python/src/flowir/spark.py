"""Flows in Spark.

    scored = flowir.spark.score(df, flow, columns=["u", "g", "r"])
    draws = flowir.spark.sample(spark, flow, 1_000_000_000, seed=1)

The workers need the package and a C compiler (`flowir[compiler]` brings one). The model travels as bytes
and is compiled once for each worker's processor. A row's result depends on nothing but the row, and a
sample's on nothing but seed and row: however the table is cut, and whichever task is run again, the results
are those of one machine with that processor, to the bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from . import _samples
from ._arrays import Array
from ._columns import Given
from ._compile import compile
from ._errors import Error
from ._flow import CompiledFlow
from .tables._matrix import matrix
from .tables._scorer import Scorer


def score(
    df: Any, flow: CompiledFlow, *, columns: Given = None, context: Given = None,
    keep: Iterable[str] | None = None, name: str = "log_prob", threads: int = 1,
) -> Any:
    """A DataFrame with log p of each row.

    Args:
      df: a DataFrame of Spark.
      flow: the flow.
      columns: the names of the features, in the flow's order; left out for those that the flow was trained
        on. A mapping says what the DataFrame calls the trained names.
      context: the same for the context.
      keep: the columns to keep; all if left out.
      name: the name of the column of log-densities.
      threads: the threads of a task.

    A row with a null has a null. Raises `Error` for columns that are not there.
    """
    from pyspark.sql import types

    scorer = Scorer.make(flow, list(df.columns), columns, context, keep, name, threads)
    kind = types.FloatType() if flow.dtype == np.float32 else types.DoubleType()
    chosen = df.select(*(f"`{one}`" for one in scorer.needed))
    schema = types.StructType([
        *(chosen.schema[one] for one in scorer.keep), types.StructField(name, kind, True)])
    return chosen.mapInArrow(scorer.batches, schema)


def sample(
    spark: Any, flow: CompiledFlow, rows: int, *, context: Any = None, columns: Sequence[str] | None = None,
    log_prob: str | None = None, seed: int = 0, partitions: int | None = None, threads: int = 1,
) -> Any:
    """A DataFrame of samples, whose first column `row` counts them from 0.

    Args:
      spark: the session.
      flow: the flow.
      rows: the number of samples; with several contexts, of samples for each, one context after the other.
      context: the contexts, (C,) or (M, C), which travel with the model.
      columns: the names of the samples' columns; if left out the trained ones, or x0, x1, ….
      log_prob: the name of a column for the samples' log-densities; left out for none.
      seed: the seed.
      partitions: how many tasks to make; Spark's default if left out.
      threads: the threads of a task.
    """
    from pyspark.sql import types

    if rows < 0 or not 0 <= seed < 1 << 64:
        raise ValueError(f"rows is {rows} and seed {seed}, expected 0 or more, and a seed below 2**64")
    names = list(columns or flow.columns.x or [f"x{i}" for i in range(flow.features)])
    if len(names) != flow.features:
        raise Error(f"columns has {len(names)} names, expected {flow.features}")
    contexts = flow._context(context)
    if contexts is not None:
        contexts = contexts.reshape(-1, flow.context)
    made = [*names, *([log_prob] if log_prob else [])]
    kind = types.FloatType() if flow.dtype == np.float32 else types.DoubleType()
    schema = types.StructType([
        types.StructField("row", types.LongType(), False),
        *(types.StructField(one, kind, False) for one in made)])
    own = compile(flow, dtype=flow.dtype, threads=threads, functions=flow.functions)
    count = rows * (1 if contexts is None else len(contexts))
    sampler = Sampler(own, contexts, rows, tuple(names), log_prob, seed)
    return spark.range(0, count, 1, partitions).mapInArrow(sampler.batches, schema)


@dataclass(frozen=True)
class Sampler:
    """Draws the samples of given rows; it pickles."""

    flow: CompiledFlow
    contexts: Array | None
    rows: int
    names: tuple[str, ...]
    log_prob: str | None
    seed: int

    def batches(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Record batches of consecutive row numbers in, of samples out."""
        for batch in batches:
            numbers = matrix(pa.Table.from_batches([batch]), ["id"], np.int64)[0][:, 0]
            if len(numbers):
                yield self._draw(numbers)

    def _draw(self, numbers: Array) -> Any:
        flow, count = self.flow, len(numbers)
        if not np.array_equal(numbers, np.arange(numbers[0], numbers[0] + count)):
            raise Error("Spark's range is not in order")
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
