"""Model files: safetensors, written and read with NumPy alone."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from ._errors import Error

NAMES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U8": "u1", "BOOL": "?",
}
TYPES = {np.dtype(value): name for name, value in NAMES.items()}


def encode(tensors: Mapping[str, np.ndarray[Any, Any]], metadata: Mapping[str, str]) -> bytes:
    """The bytes of a file; the same tensors and metadata give the same bytes."""
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    blocks, offset = [], 0
    for name in sorted(tensors):
        tensor = np.asarray(tensors[name])
        tensor = tensor.astype(tensor.dtype.newbyteorder("<"), order="C", copy=False)
        if tensor.dtype not in TYPES:
            raise Error(f"{name}: tensors of {tensor.dtype} cannot be stored")
        block = tensor.tobytes()
        header[name] = {
            "dtype": TYPES[tensor.dtype], "shape": list(tensor.shape),
            "data_offsets": [offset, offset + len(block)],
        }
        blocks.append(block)
        offset += len(block)
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([struct.pack("<Q", len(text)), text, *blocks])


def header(data: bytes, source: str) -> dict[str, Any]:
    """The header of a file's bytes; `source` names it in errors."""
    size = struct.unpack_from("<Q", data)[0] if len(data) >= 8 else -1
    if not 2 <= size <= len(data) - 8:
        raise Error(f"{source}: not a safetensors file")
    try:
        result = json.loads(data[8:8 + size])
    except ValueError as error:
        raise Error(f"{source}: not a safetensors file ({error})") from error
    if not isinstance(result, dict):
        raise Error(f"{source}: not a safetensors file")
    return result


def metadata(data: bytes, source: str) -> dict[str, str]:
    """The texts that a file holds beside its tensors."""
    found = header(data, source).get("__metadata__", {})
    return dict(found) if isinstance(found, dict) else {}


def decode(data: bytes, source: str) -> dict[str, np.ndarray[Any, Any]]:
    """The tensors of a file's bytes."""
    tensors = {}
    start = 8 + struct.unpack_from("<Q", data)[0] if len(data) >= 8 else 8
    for name, entry in header(data, source).items():
        if name == "__metadata__":
            continue
        try:
            dtype = np.dtype(NAMES[entry["dtype"]])
            first, last = entry["data_offsets"]
            values = np.frombuffer(data[start + first:start + last], dtype)
            tensors[name] = values.reshape(entry["shape"]).copy()
        except (KeyError, TypeError, ValueError) as error:
            raise Error(f"{source}: tensor {name} cannot be read ({error})") from error
    return tensors
