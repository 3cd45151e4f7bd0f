"""What was computed so far, so that an interrupted run can go on."""

from __future__ import annotations

import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from .._arrays import Array
from .._errors import Error


class Journal:
    """A file beside an output that keeps the result of each chunk until the output is there.

    A header line says what is computed of what; after it comes each chunk's values with a checksum. What a
    killed process wrote by halves is not used.
    """

    def __init__(self, output: Path, identity: dict[str, Any], dtype: Any, resume: bool) -> None:
        self.path = output.with_name(f".{output.name}.journal")
        self._dtype = np.dtype(dtype)
        header = json.dumps(identity, sort_keys=True).encode() + b"\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            is_new = not resume or not self.path.exists()
            self._file = open(self.path, "w+b" if is_new else "r+b")
            found = b"" if is_new else self._file.readline()
            if found.endswith(b"\n") and found != header:
                self._file.close()
                raise Error(
                    f"{self.path} is of a run with another model, other arguments or other files; "
                    "remove it, or run without resume")
            if found != header:
                self._start(header)
        except OSError as error:
            raise Error(f"{self.path} cannot be written: {error.strerror}") from error

    def _start(self, header: bytes) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._file.write(header)
        self._file.flush()

    def next(self, rows: int) -> Array | None:
        """The values of the next chunk if they were kept; None from the first that was not."""
        start = self._file.tell()
        size = rows * self._dtype.itemsize
        data = self._file.read(size + 4)
        if len(data) == size + 4 and struct.unpack("<I", data[size:])[0] == zlib.crc32(data[:size]):
            return np.frombuffer(data[:size], self._dtype)
        self._file.seek(start)
        self._file.truncate()
        return None

    def append(self, values: Array) -> None:
        """Keeps a chunk's values."""
        data = np.ascontiguousarray(values, self._dtype).tobytes()
        try:
            self._file.write(data + struct.pack("<I", zlib.crc32(data)))
            self._file.flush()
        except OSError as error:
            raise Error(f"{self.path} cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """Leaves the file for a later run."""
        self._file.close()

    def remove(self) -> None:
        """Removes the file, when the output is there."""
        self._file.close()
        os.unlink(self.path)
