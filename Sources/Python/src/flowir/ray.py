"""Flows in Ray Data.

    scored = flowir.ray.score(ds, flow, columns=["u", "g", "r"])
    draws = flowir.ray.sample(flow, 1_000_000_000, seed=1)

The workers need the package and a C compiler (`flowir[compiler]` brings one). The model travels as bytes
and is compiled once for each worker's processor. A row's result depends on nothing but the row, and a
sample's on nothing but seed and row, so the results are those of one machine with that processor, to the
bit, however Ray cuts the data and whichever tasks it runs again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ._columns import Given
from ._errors import Error
from ._flow import CompiledFlow
from .tables._sampler import Sampler
from .tables._scorer import Scorer


def score(
    ds: Any, flow: CompiledFlow, *, columns: Given = None, context: Given = None,
    keep: Iterable[str] | None = None, name: str = "log_prob", threads: int = 1,
) -> Any:
    """A Dataset with log p of each row; the arguments are those of `flowir.spark.score`.

    A task asks Ray for as many processors as it has threads. A row with a null has a null. Raises `Error`
    for columns that are not there, or a Dataset whose columns Ray does not know.
    """
    names = ds.columns()
    if names is None:
        raise Error("the Dataset has no rows and no columns")
    scorer = Scorer.make(flow, list(names), columns, context, keep, name, threads)
    return ds.select_columns(scorer.needed).map_batches(
        scorer.table, batch_format="pyarrow", batch_size=None, zero_copy_batch=True, num_cpus=threads)


def sample(
    flow: CompiledFlow, rows: int, *, context: Any = None, columns: Sequence[str] | None = None,
    log_prob: str | None = None, seed: int = 0, blocks: int | None = None, threads: int = 1,
) -> Any:
    """A Dataset of samples, whose first column `row` counts them from 0.

    The arguments are those of `flowir.spark.sample`; `blocks` says how many tasks to make, Ray's default if
    left out.
    """
    import ray

    sampler = Sampler.make(flow, rows, context, columns, log_prob, seed, threads)
    numbers = ray.data.range(sampler.count, override_num_blocks=blocks)
    return numbers.map_batches(
        Draw(sampler), batch_format="pyarrow", batch_size=None, zero_copy_batch=True, num_cpus=threads)


class Draw:
    """Draws the samples of a table of row numbers."""

    def __init__(self, sampler: Sampler) -> None:
        self.sampler = sampler

    def __call__(self, table: Any) -> Any:
        """The samples, as a table of Arrow."""
        import pyarrow as pa

        numbers = np.asarray(table.column("id").to_numpy(), np.int64)
        return pa.Table.from_batches([self.sampler.draw(numbers)])
