"""Flows in Dask.

    scored = flowir.dask.score(df, flow, columns=["u", "g", "r"])
    draws = flowir.dask.sample(flow, 1_000_000_000, seed=1)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ._columns import Given
from ._flow import CompiledFlow
from .tables._sampler import Sampler
from .tables._scorer import Scorer


def score(
    df: Any, flow: CompiledFlow, *, columns: Given = None, context: Given = None,
    keep: Iterable[str] | None = None, name: str = "log_prob", threads: int = 1,
) -> Any:
    """A DataFrame of Dask with log p of each row; the arguments are those of `flowir.polars.score`.

    A row with a null has NaN, as has one with NaN: pandas tells them apart nowhere.
    """
    scorer = Scorer.make(flow, list(df.columns), columns, context, keep, name, threads)
    meta = df._meta[list(scorer.keep)].copy()
    meta[name] = np.zeros(len(meta), flow.dtype)
    return df[scorer.needed].map_partitions(Pandas(scorer), meta=meta)


def sample(
    flow: CompiledFlow, rows: int, *, context: Any = None, columns: Sequence[str] | None = None,
    log_prob: str | None = None, seed: int = 0, partitions: int | None = None, threads: int = 1,
) -> Any:
    """A DataFrame of Dask with samples, whose first column `row` counts them from 0.

    The arguments are those of `flowir.spark.sample`; a million rows make a partition if `partitions` is left
    out.
    """
    import dask.dataframe as dd

    sampler = Sampler.make(flow, rows, context, columns, log_prob, seed, threads)
    parts = partitions or max(1, -(-sampler.count // 1_000_000))
    edges = [sampler.count * part // parts for part in range(parts + 1)]
    draw = Draw(sampler)
    return dd.from_map(draw, list(zip(edges[:-1], edges[1:])), meta=draw((0, 0)))


@dataclass(frozen=True)
class Draw:
    """Draws a range of a sample's rows as a frame of pandas."""

    sampler: Sampler

    def __call__(self, span: tuple[int, int]) -> Any:
        """The samples from one row to before another."""
        if span[0] == span[1]:
            empty = {name: np.empty(0, self.sampler.flow.dtype) for name in self.sampler.made}
            return pa.table({"row": np.empty(0, np.int64), **empty}).to_pandas()
        return self.sampler.draw(np.arange(*span)).to_pandas()


@dataclass(frozen=True)
class Pandas:
    """Scores frames of pandas."""

    scorer: Scorer

    def __call__(self, frame: Any) -> Any:
        """The kept columns and log p."""
        columns = [*self.scorer.x, *self.scorer.context]
        table = pa.Table.from_pandas(
            frame[list(dict.fromkeys(columns))], preserve_index=False)
        values = self.scorer.values(table)
        result = frame[list(self.scorer.keep)].copy()
        result[self.scorer.name] = values.to_numpy(zero_copy_only=False).astype(self.scorer.flow.dtype)
        return result
