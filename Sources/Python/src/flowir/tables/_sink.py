"""Tables out: a file of Parquet or Arrow that appears whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .._errors import Error
from ._source import FORMATS

WRITTEN = {ending: kind for ending, kind in FORMATS.items() if kind != "csv"}


def is_file(path: Path) -> bool:
    """Whether an output is one file, by its ending; else it is a folder."""
    if path.suffix.lower() in WRITTEN:
        return True
    if path.suffix and not path.is_dir():
        raise Error(f"{path} ends in none of {', '.join(WRITTEN)}; a folder has no ending")
    return False


def _repeating(schema: Any) -> list[str]:
    """The columns for which Parquet looks for values that repeat.

    Measured numbers hardly do, and looking takes ten times as long as writing them.
    """
    return [field.name for field in schema if not pa.types.is_floating(field.type)]


class Sink:
    """A file that is written table by table, each a row group, and renamed at the end."""

    def __init__(self, path: Path, schema: Any) -> None:
        self.path = path
        self.schema = schema
        self._temporary = path.with_name(f".{path.name}.writing")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if WRITTEN[path.suffix.lower()] == "parquet":
                self._writer = pq.ParquetWriter(
                    self._temporary, schema, use_dictionary=_repeating(schema))
            else:
                options = pa.ipc.IpcWriteOptions(compression="lz4")
                self._writer = pa.ipc.new_file(str(self._temporary), schema, options=options)
        except OSError as error:
            raise self._failure(error) from error
        except (pa.ArrowException, ValueError) as error:
            raise Error(f"{path} cannot be written: {error}") from error

    def write(self, table: Any) -> None:
        """Appends the rows of a table."""
        try:
            self._writer.write_table(table)
        except OSError as error:
            raise self._failure(error) from error

    def close(self) -> None:
        """Ends the file and gives it its name."""
        try:
            self._writer.close()
            with open(self._temporary, "rb") as file:
                os.fsync(file.fileno())
            self._temporary.replace(self.path)
        except OSError as error:
            raise self._failure(error) from error

    def abandon(self) -> None:
        """Removes what was written."""
        try:
            self._writer.close()
        except (OSError, pa.ArrowException):
            pass
        self._temporary.unlink(missing_ok=True)

    def _failure(self, error: OSError) -> Error:
        return Error(f"{self.path} cannot be written: {error.strerror or error}")
