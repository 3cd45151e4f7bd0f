"""Scoring the rows of a table."""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from .. import _columns
from .._arrays import Array
from .._description import write
from .._flow import CompiledFlow
from .._progress import Progress
from . import _matrix, _pipeline
from ._blocks import Blocks, Scores
from ._journal import Journal
from ._report import Rate, TableReport
from ._scorer import Scorer
from ._sink import Sink, is_file
from ._source import Part, Source

ROWS = 1 << 18
"""The rows of a chunk, which is a row group of the output."""


def score_table(
    flow: CompiledFlow, source: Any, output: str | os.PathLike[str], *,
    columns: _columns.Given = None, context: _columns.Given = None,
    keep: Iterable[str] | None = None, name: str = "log_prob", resume: bool = False,
    progress: bool | None = None, chunk: int = ROWS,
) -> TableReport:
    """Writes a table with log p of each row; `CompiledFlow.score_table` says more."""
    if chunk < 1:
        raise ValueError(f"chunk is {chunk}, expected 1 or more")
    table, path = Source(source), Path(output)
    plan = Scorer.make(flow, table.names, columns, context, keep, name, 1)
    _matrix.check_types(table.schema, [*plan.x, *plan.context])
    whole = is_file(path)
    if whole:
        outputs = [(table.whole(), path)]
    else:
        outputs = [(part, path / f"{part.name}.parquet") for part in table.parts()]
    rate = Rate("score", [table.count(part) for part, _ in outputs], Progress.make(progress))
    report = TableReport()
    try:
        for part, file in outputs:
            report = report.joined(_score_part(
                flow, table, part, file, plan, resume, chunk, rate, not whole))
    finally:
        rate.end()
    return replace(report, seconds=rate.seconds)


def _score_part(
    flow: CompiledFlow, source: Source, part: Part, path: Path, plan: Scorer, resume: bool, chunk: int,
    rate: Rate, is_one_of_many: bool,
) -> TableReport:
    identity = _identity(flow, part, plan, chunk)
    done = path.with_name(f".{path.name}.done")
    if resume and path.exists() and done.exists():
        found = json.loads(done.read_text())
        if found.pop("key") == identity["key"]:
            rate.add(found["rows"])
            return TableReport(**{**found, "resumed": found["rows"]})
    done.unlink(missing_ok=True)
    schema = pa.schema([
        *(source.schema.field(name) for name in plan.keep),
        pa.field(plan.name, pa.from_numpy_dtype(flow.dtype))], source.schema.metadata)
    journal = Journal(path, identity, flow.dtype, resume)
    try:
        sink = Sink(path, schema)
        try:
            report = _stream(flow, source, part, sink, journal, plan, chunk, rate)
        except BaseException:
            sink.abandon()
            raise
    finally:
        journal.close()
    if is_one_of_many:
        write(done, json.dumps({**asdict(report), **identity}).encode())
    journal.remove()
    return report


def _stream(
    flow: CompiledFlow, source: Source, part: Part, sink: Sink, journal: Journal, plan: Scorer,
    chunk: int, rate: Rate,
) -> TableReport:
    """Reads, scores and writes a part, each in threads of its own."""
    report = TableReport()

    def append(item: tuple[Any, Array, Array | None, bool]) -> None:
        nonlocal report
        table, values, nulls, is_kept = item
        if not is_kept:
            journal.append(values)
        report = report.joined(TableReport.of(values, nulls, is_kept))
        kept = [table.column(name) for name in plan.keep]
        sink.write(pa.Table.from_arrays([*kept, pa.array(values, mask=nulls)], schema=sink.schema))
        rate.add(len(values))

    writer = _pipeline.Behind(append)
    blocks = Blocks(plan, flow.threads, chunk)
    waiting: deque[tuple[Any, Scores]] = deque()
    is_kept = True
    try:
        for table in _pipeline.ahead(source.chunks(part, plan.needed, chunk)):
            values = journal.next(len(table)) if is_kept else None
            if values is not None:
                writer.put((table, values, plan.nulls(table), True))
                continue
            is_kept = False
            waiting.append((table, blocks.submit(table)))
            if len(waiting) > _pipeline.AHEAD:
                first, scores = waiting.popleft()
                writer.put((first, *scores.result(), False))
        for first, scores in waiting:
            writer.put((first, *scores.result(), False))
    except BaseException:
        try:
            writer.close()
        except BaseException:
            pass  # The first error says more.
        raise
    finally:
        blocks.close()
    writer.close()
    sink.close()
    return report


def _identity(flow: CompiledFlow, part: Part, plan: Scorer, chunk: int) -> dict[str, str]:
    digest = hashlib.sha256(repr((
        flow.fingerprint, str(flow.dtype), plan.x, plan.context, plan.keep, plan.name, chunk, part.identity)).encode()).hexdigest()
    return {"key": digest}
