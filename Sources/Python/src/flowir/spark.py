"""Flows in Spark.

    scored = flowir.spark.score(df, flow, columns=["u", "g", "r"])
    draws = flowir.spark.sample(spark, flow, 1_000_000_000, seed=1)

The workers need the package and a C compiler (`flowir[compiler]` brings one). The model travels as bytes
and is compiled once for each worker's processor. A row's result depends on nothing but the row, and a
sample's on nothing but seed and row: however the table is cut, and whichever task is run again, the results
are those of one machine with that processor, to the bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ._columns import Given
from ._flow import CompiledFlow
from .tables._sampler import Sampler
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

    sampler = Sampler.make(flow, rows, context, columns, log_prob, seed, threads)
    kind = types.FloatType() if flow.dtype == np.float32 else types.DoubleType()
    schema = types.StructType([
        types.StructField("row", types.LongType(), False),
        *(types.StructField(one, kind, False) for one in sampler.made)])
    return spark.range(0, sampler.count, 1, partitions).mapInArrow(sampler.batches, schema)
