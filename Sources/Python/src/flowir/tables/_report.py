"""What was done to a table, and how fast it goes."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from .._arrays import Array
from .._progress import Progress


@dataclass(frozen=True)
class TableReport:
    """The counts of a table's rows."""

    rows: int = 0
    """All rows."""
    nulls: int = 0
    """Rows with a null in a column of the flow, whose log-density is null."""
    undefined: int = 0
    """Other rows with NaN or infinity, whose log-density is NaN."""
    outside: int = 0
    """Rows outside the support, whose log-density is -inf."""
    total: float = 0.0
    """The sum of the finite log-densities, in nats."""
    resumed: int = 0
    """Rows whose results an interrupted run had left."""
    seconds: float = 0.0
    """How long it took."""

    @property
    def mean(self) -> float:
        """The mean of the finite log-densities, in nats; NaN if there is none or they are not known."""
        finite = self.rows - self.nulls - self.undefined - self.outside
        return self.total / finite if finite else float("nan")

    def joined(self, other: TableReport) -> TableReport:
        """The counts of both."""
        return TableReport(*(
            getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    @staticmethod
    def of(values: Array, nulls: Array | None, is_resumed: bool = False) -> TableReport:
        """The counts of some log-densities."""
        missing = 0 if nulls is None else int(nulls.sum())
        finite = np.isfinite(values) if nulls is None else np.isfinite(values) & ~nulls
        outside = np.isneginf(values) if nulls is None else np.isneginf(values) & ~nulls
        count, empty = int(finite.sum()), int(outside.sum())
        return TableReport(
            rows=len(values), nulls=missing, undefined=len(values) - missing - count - empty,
            outside=empty, total=float(values.sum(where=finite, dtype=np.float64)),
            resumed=len(values) if is_resumed else 0)


class Rate:
    """Shows how many rows are done and how fast."""

    def __init__(self, verb: str, counts: list[int | None], progress: Progress) -> None:
        self._verb = verb
        known = [count for count in counts if count is not None]
        self._total = sum(known) if len(known) == len(counts) else None
        self._progress = progress
        self._start = time.perf_counter()
        self._rows = 0
        self._shown = 0.0

    @property
    def seconds(self) -> float:
        """The time since the start."""
        return time.perf_counter() - self._start

    def add(self, rows: int) -> None:
        """Counts rows, and shows a state at most four times a second."""
        self._rows += rows
        now = self.seconds
        if now - self._shown < 0.25:
            return
        self._shown = now
        rate = self._rows / max(now, 1e-9)
        text = f"{self._verb}  {self._rows:,} rows"
        if self._total:
            left = max(self._total - self._rows, 0) / max(rate, 1e-9)
            text += f" of {self._total:,}  {100 * self._rows // self._total} %  {left:,.0f} s left"
        self._progress.show(f"{text}  {rate:,.0f} rows/s")

    def end(self) -> None:
        """Ends the line."""
        self._progress.show("")
