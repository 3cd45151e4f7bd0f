"""Flows in Polars.

    scored = flowir.polars.score(frame, flow, columns=["u", "g", "r"])
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ._columns import Given
from ._flow import CompiledFlow
from .tables._scorer import Scorer


def score(
    frame: Any, flow: CompiledFlow, *, columns: Given = None, context: Given = None,
    keep: Iterable[str] | None = None, name: str = "log_prob", threads: int | None = None,
) -> Any:
    """A frame with log p of each row, lazy if the given one is.

    Args:
      frame: the frame.
      flow: the flow.
      columns: the names of the features, in the flow's order; left out for those that the flow was trained
        on. A mapping says what the frame calls the trained names.
      context: the same for the context.
      keep: the columns to keep; all if left out.
      name: the name of the column of log-densities.
      threads: the threads of a call; one a processor if left out.

    A row with a null has a null. Raises `Error` for columns that are not there.
    """
    import polars as pl

    is_lazy = isinstance(frame, pl.LazyFrame)
    schema = frame.collect_schema()
    scorer = Scorer.make(flow, schema.names(), columns, context, keep, name, threads)

    def append(part: Any) -> Any:
        values = scorer.values(part.select(list(dict.fromkeys([*scorer.x, *scorer.context]))).to_arrow())
        return part.select(list(scorer.keep)).with_columns(pl.Series(name, pl.from_arrow(values)))

    if not is_lazy:
        return append(frame)
    kind = pl.Float32 if flow.dtype == np.float32 else pl.Float64
    made = {**{one: schema[one] for one in scorer.keep}, name: kind}
    return frame.map_batches(append, schema=made, streamable=True)
