"""Scoring a chunk's rows in blocks, by several threads that never wait for each other."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from .._arrays import Array
from ._scorer import Scorer

SMALLEST, LARGEST = 1 << 12, 1 << 15
"""The rows of a block: few enough for a processor's cache, and enough that Python's part is small."""


class Scores:
    """The log-densities of a chunk, which are computed while others are waited for."""

    def __init__(self, blocks: list[Future[tuple[Array, Array | None]]]) -> None:
        self._blocks = blocks

    def result(self) -> tuple[Array, Array | None]:
        """log p of the rows, and which of them have a null; None if none has."""
        found = [block.result() for block in self._blocks]
        values = np.concatenate([one for one, _ in found])
        if all(nulls is None for _, nulls in found):
            return values, None
        return values, np.concatenate([
            np.zeros(len(one), bool) if nulls is None else nulls for one, nulls in found])


class Blocks:
    """Threads that score blocks of rows.

    Each call of the flow has one thread. The threads of a call that has several would wait for the slowest at
    its end, and then hold processors that reading and writing could use.
    """

    def __init__(self, plan: Scorer, threads: int | None, chunk: int) -> None:
        """Starts as many threads as said; one a processor for None. Chunks have at most `chunk` rows."""
        count = threads or len(os.sched_getaffinity(0))
        self._plan = plan
        self._rows = min(max(chunk // (4 * count), SMALLEST), LARGEST)
        self._pool = ThreadPoolExecutor(count, "flowir-score")

    def submit(self, table: Any) -> Scores:
        """Begins to score a table of Arrow."""
        return Scores([
            self._pool.submit(self._plan.scores, table.slice(start, self._rows))
            for start in range(0, len(table), self._rows)])

    def close(self) -> None:
        """Ends the threads; what has not begun is not done."""
        self._pool.shutdown(cancel_futures=True)
