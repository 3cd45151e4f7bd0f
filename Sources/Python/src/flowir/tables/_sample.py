"""Writing samples as a table."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .. import _columns, _samples
from .._arrays import Array
from .._errors import Error
from .._flow import CompiledFlow
from .._progress import Progress
from . import _matrix, _pipeline
from ._report import Rate, TableReport
from ._score import ROWS
from ._sink import Sink, is_file
from ._source import Source

ROWS_PER_FILE = 1 << 22
"""The rows of a file in a folder of samples."""


def sample_table(
    flow: CompiledFlow, output: str | os.PathLike[str], rows: int, *, source: Any = None,
    context: Any = None, keep: Iterable[str] | None = None, columns: Sequence[str] | None = None,
    log_prob: str | None = None, seed: int = 0, resume: bool = False, progress: bool | None = None,
    rows_per_file: int = ROWS_PER_FILE,
) -> TableReport:
    """Writes samples; `CompiledFlow.sample_table` says more."""
    for value, what, least in ((rows, "rows", 0), (seed, "seed", 0), (rows_per_file, "rows_per_file", 1)):
        if value < least:
            raise ValueError(f"{what} is {value}, expected {least} or more")
    path = Path(output)
    contexts = Contexts(flow, source, context, keep)
    names = list(columns or flow.columns.x or [f"x{i}" for i in range(flow.features)])
    if len(names) != flow.features:
        raise Error(f"columns has {len(names)} names, expected {flow.features}")
    written = [*contexts.keep, *names, *([log_prob] if log_prob else [])]
    twice = sorted({name for name in written if written.count(name) > 1})
    if twice:
        raise Error(f"the output would have several columns {', '.join(twice)}; name or keep others")
    kind = pa.from_numpy_dtype(flow.dtype)
    schema = pa.schema([
        *contexts.fields, *(pa.field(name, kind) for name in [*names, *([log_prob] if log_prob else [])])])
    total = contexts.count * rows
    rate = Rate("sample", [total], Progress.make(progress))
    whole = is_file(path)
    if whole and resume:
        raise ValueError("resume is for samples in a folder, whose files are kept one by one")
    size = max(total, 1) if whole else rows_per_file
    key = hashlib.sha256(repr((
        flow.fingerprint, str(flow.dtype), rows, seed, names, log_prob, size, contexts.identity,
        contexts.keep)).encode()).hexdigest()
    try:
        for index, start in enumerate(range(0, max(total, 1), size)):
            stop = min(start + size, total)
            file = path if whole else path / f"part-{index:05}.parquet"
            done = file.with_name(f".{file.name}.done")
            if not whole and resume and file.exists() and done.exists() and done.read_text() == key:
                rate.add(stop - start)
                continue
            _write(flow, file, schema, contexts, rows, (start, stop), seed, bool(log_prob), rate)
            if not whole:
                done.write_text(key)
    finally:
        rate.end()
    return TableReport(rows=total, seconds=rate.seconds)


def _write(
    flow: CompiledFlow, path: Path, schema: Any, contexts: Contexts, rows: int,
    span: tuple[int, int], seed: int, has_log_prob: bool, rate: Rate,
) -> None:
    sink = Sink(path, schema)

    def write(item: tuple[list[Any], Array, Array | None]) -> None:
        kept, x, log_prob = item
        made = [*kept, *(pa.array(np.ascontiguousarray(x[:, j])) for j in range(x.shape[1]))]
        if log_prob is not None:
            made.append(pa.array(log_prob))
        sink.write(pa.Table.from_arrays(made, schema=schema))

    writer = _pipeline.Behind(write)
    try:
        for start in range(*span, ROWS):
            stop = min(start + ROWS, span[1])
            kept = contexts.beside(start, stop, rows)
            x = np.empty((stop - start, flow.features), flow.dtype)
            values = np.empty(stop - start, flow.dtype) if has_log_prob else None
            _samples.draw(
                flow, contexts.values, rows, seed, 0, start, x, values)
            writer.put((kept, x, values))
            rate.add(len(x))
        writer.close()
    except BaseException:
        sink.abandon()
        raise
    sink.close()


class Contexts:
    """The contexts that samples are drawn for, and what is kept beside them."""

    def __init__(
        self, flow: CompiledFlow, source: Any, context: Any, keep: Iterable[str] | None
    ) -> None:
        self.keep: list[str] = []
        self.fields: list[Any] = []
        self._table: Any = None
        self.values: Array | None = None
        if source is None:
            if keep is not None:
                raise ValueError("keep names columns of source, which is not given")
            self.values = flow._context(context)
            if self.values is not None:
                self.values = self.values.reshape(-1, flow.context)
        elif flow.context == 0:
            raise ValueError("source is given, expected none, since the flow has no context")
        else:
            self._read(flow, Source(source), context, keep)
        self.count = 1 if self.values is None else len(self.values)
        self.identity = "" if self.values is None else hashlib.sha256(self.values.tobytes()).hexdigest()

    def _read(
        self, flow: CompiledFlow, source: Source, context: Any, keep: Iterable[str] | None
    ) -> None:
        names = _columns.resolve(
            context, flow.columns.context, flow.context, source.names, "context")
        if len(names) != flow.context:
            raise Error(f"context has {len(names)} names, expected {flow.context}")
        self.keep = _columns.resolve(
            source.names if keep is None else keep, (), 0, source.names, "keep")
        _matrix.check_types(source.schema, names)
        read = list(dict.fromkeys([*names, *self.keep]))
        tables = list(source.chunks(source.whole(), read, ROWS))
        schema = pa.schema([source.schema.field(name) for name in read])
        table = pa.concat_tables(tables) if tables else schema.empty_table()
        self.values, nulls = _matrix.matrix(table, names, flow.dtype), _matrix.nulls(table, names)
        if nulls is not None:
            raise Error(f"row {int(np.argmax(nulls))} of the contexts has a null; drop such rows first")
        self._table = table.select(self.keep)
        self.fields = [source.schema.field(name) for name in self.keep]

    def beside(self, start: int, stop: int, rows: int) -> list[Any]:
        """The columns that are kept beside the samples from `start` to `stop`."""
        if self._table is None:
            return []
        which = pa.array(np.arange(start, stop) // max(rows, 1))
        return [column.combine_chunks() for column in self._table.take(which).columns]
