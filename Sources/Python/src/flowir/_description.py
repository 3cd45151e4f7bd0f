"""A flow's description: its architecture and tensors, as a model file holds them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import _columns, _safetensors
from ._arrays import Array
from ._columns import Columns
from ._errors import Error

KEY = "flowir.flow"
"""The key of the architecture in a model file's metadata."""

DISCRETE = "flowir.discrete"
"""The key of the discrete columns."""


@dataclass(frozen=True)
class Description:
    """What a model file says: the architecture as a JSON object, and the tensors by name."""

    json: dict[str, Any]
    tensors: Mapping[str, Array]
    columns: Columns = Columns()
    """The names of the columns that the flow was trained on, if they are known."""
    discrete: str | None = None
    """The discrete columns that it was trained on, as the JSON text of a model file; None for none."""

    @property
    def features(self) -> int:
        """The number of features."""
        return int(self.json["features"])

    @property
    def context(self) -> int:
        """The number of context features; 0 for none."""
        return int(self.json.get("context", 0))

    def encode(self) -> bytes:
        """The bytes of the model file."""
        metadata = {KEY: json.dumps(self.json, ensure_ascii=False)}
        if self.columns.x or self.columns.context:
            metadata[_columns.KEY] = self.columns.encode()
        if self.discrete is not None:
            metadata[DISCRETE] = self.discrete
        return _safetensors.encode(self.tensors, metadata)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the model file."""
        write(Path(path), self.encode())

    @staticmethod
    def decode(data: bytes, source: str) -> Description:
        """Reads a model file's bytes; `source` names it in errors."""
        return Description(
            architecture(data, source), _safetensors.decode(data, source), columns(data, source),
            discrete(data, source))


def architecture(data: bytes, source: str) -> dict[str, Any]:
    """The architecture in a model file's bytes."""
    text = _safetensors.metadata(data, source).get(KEY)
    if text is None:
        raise Error(f"{source}: no flow description; expected the key {KEY} in its metadata")
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Error(f"{source}: {KEY} is not JSON ({error})") from error
    if not isinstance(found, dict):
        raise Error(f"{source}: {KEY} is not a JSON object")
    return found


def discrete(data: bytes, source: str) -> str | None:
    """The text of the discrete columns in a model file's bytes; None for none."""
    return _safetensors.metadata(data, source).get(DISCRETE)


def columns(data: bytes, source: str) -> Columns:
    """The names of columns in a model file's bytes."""
    text = _safetensors.metadata(data, source).get(_columns.KEY)
    return Columns() if text is None else Columns.decode(text, source)


def units_need_float64(model: bytes) -> bool:
    """Whether the centres of a model's units, or its bounds, have digits that float32 has not."""
    tensors = _safetensors.decode(model, "the model")
    return any(
        name in tensors and tensors[name].dtype == "f8"
        for name in (
            "transform.transforms.0.loc", "transform.transforms.0.lower", "transform.transforms.0.upper",
            "transform.transforms.1.loc", "embedding.0.mean"))


def named(model: bytes, names: Columns) -> bytes:
    """A model file's bytes with the names of columns."""
    metadata = _safetensors.metadata(model, "the model")
    metadata[_columns.KEY] = names.encode()
    return _safetensors.encode(_safetensors.decode(model, "the model"), metadata)


def write(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        raise Error(f"{path} cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
