"""Flows in Dask.

    scored = flowir.dask.score(df, flow, columns=["u", "g", "r"])
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ._columns import Given
from ._flow import CompiledFlow
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
