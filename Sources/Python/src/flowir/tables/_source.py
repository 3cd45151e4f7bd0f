"""Tables in: files, folders of files and Arrow's own objects, as batches in the order of their rows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._errors import Error

try:
    import pyarrow as pa
    import pyarrow.dataset as ds
except ImportError as error:
    raise Error("tables need pyarrow; pip install 'flowir[tables]'") from error

FORMATS = {
    ".parquet": "parquet", ".pq": "parquet", ".feather": "ipc", ".arrow": "ipc", ".ipc": "ipc",
    ".csv": "csv",
}
"""Arrow's format of a file, by its ending."""


@dataclass(frozen=True)
class Part:
    """Some rows of a source: one file, or what is in memory."""

    name: str
    fragments: list[Any]
    identity: list[str]
    """What tells these files from others of the same names."""


class Source:
    """A table of one or many files, or in memory."""

    def __init__(self, given: Any) -> None:
        """Opens files by their paths, a folder of files, a dataset, or a table of Arrow.

        Raises `Error`.
        """
        try:
            self.dataset = _dataset(given)
            self.fragments = list(self.dataset.get_fragments())
        except (OSError, pa.ArrowException) as error:
            raise Error(f"{_name(given)} cannot be read: {error}") from error
        self.schema = self.dataset.schema

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return list(self.schema.names)

    def whole(self) -> Part:
        """All rows as one part."""
        return Part("table", self.fragments, [one for f in self.fragments for one in _identity(f)])

    def parts(self) -> list[Part]:
        """The rows of each file, named as the file below the folder that all share."""
        paths = [str(getattr(fragment, "path", "")) for fragment in self.fragments]
        if not all(paths):
            return [self.whole()]
        root = os.path.commonpath([os.path.dirname(path) for path in paths])
        return [
            Part(os.path.splitext(os.path.relpath(path, root))[0], [fragment], _identity(fragment))
            for path, fragment in zip(paths, self.fragments, strict=True)]

    def count(self, part: Part) -> int | None:
        """The number of rows, if files say it without being read."""
        if getattr(getattr(self.dataset, "format", None), "default_extname", "") == "csv":
            return None
        return sum(fragment.count_rows() for fragment in part.fragments)

    def chunks(self, part: Part, columns: list[str], rows: int) -> Iterator[Any]:
        """The columns of a part in tables of as many rows as asked for; the last has fewer.

        Row groups are read one after another, some ahead. Raises `Error`.
        """
        waiting: list[Any] = []
        size = 0
        schema = pa.schema([self.schema.field(name) for name in columns])
        for batch in self._batches(part, columns, rows):
            while len(batch):
                taken = batch.slice(0, rows - size)
                batch = batch.slice(len(taken))
                waiting.append(taken)
                size += len(taken)
                if size == rows:
                    yield pa.Table.from_batches(waiting, schema)
                    waiting, size = [], 0
        if size:
            yield pa.Table.from_batches(waiting, schema)

    def _batches(self, part: Part, columns: list[str], rows: int) -> Iterator[Any]:
        for fragment in part.fragments:
            try:
                for group in _row_groups(fragment):
                    yield from group.to_batches(
                        schema=self.schema, columns=columns, batch_size=rows, batch_readahead=2,
                        fragment_readahead=1, **_OPTIONS.get(type(group), {}))
            except (OSError, pa.ArrowException) as error:
                name = getattr(fragment, "path", None) or "the table"
                raise Error(f"{name} cannot be read: {error}") from error


# Arrow reads all row groups of a file ahead of time if it may.
_OPTIONS: dict[Any, dict[str, Any]] = {
    ds.ParquetFileFragment: {
        "fragment_scan_options": ds.ParquetFragmentScanOptions(
            pre_buffer=False, use_buffered_stream=True)},
}


def _row_groups(fragment: Any) -> list[Any]:
    if isinstance(fragment, ds.ParquetFileFragment):
        return list(fragment.split_by_row_group()) or [fragment]
    return [fragment]


def is_table(path: str | os.PathLike[str]) -> bool:
    """Whether a path is one of Parquet or Arrow by its ending."""
    return FORMATS.get(Path(path).suffix.lower(), "csv") != "csv"


def _dataset(given: Any) -> Any:
    if isinstance(given, ds.Dataset):
        return given
    if isinstance(given, (pa.Table, pa.RecordBatch)):
        return ds.dataset(given)
    if isinstance(given, (str, os.PathLike)):
        path = Path(given)
        if not path.is_dir():
            return ds.dataset(str(path), format=_format(path))
        inner = sorted(
            one for one in path.rglob("*")
            if one.is_file() and one.suffix.lower() in FORMATS
            and not any(name.startswith((".", "_")) for name in one.relative_to(path).parts))
        if not inner:
            raise Error(f"{path} holds no files of {', '.join(FORMATS)}")
        kinds = {_format(one) for one in inner}
        if len(kinds) > 1:
            raise Error(f"{path} holds files of different kinds: {', '.join(sorted(kinds))}")
        return ds.dataset(
            [str(one) for one in inner], format=kinds.pop(), partition_base_dir=str(path),
            partitioning="hive")
    if isinstance(given, Iterable):
        paths = [Path(one) for one in given]
        kinds = {_format(path) for path in paths}
        if len(kinds) != 1:
            raise Error("the source lists no files, or files of different kinds")
        return ds.dataset([str(path) for path in paths], format=kinds.pop())
    raise Error(f"the source is a {type(given).__name__}, expected paths or a table of Arrow")


def _format(path: Path) -> str:
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise Error(f"{path} ends in none of {', '.join(FORMATS)}")
    return kind


def _name(given: Any) -> str:
    return str(given) if isinstance(given, (str, os.PathLike)) else "the source"


def _identity(fragment: Any) -> list[str]:
    path = getattr(fragment, "path", "")
    if not path or not os.path.exists(path):
        return [path]
    status = os.stat(path)
    return [path, str(status.st_size), str(status.st_mtime_ns)]
