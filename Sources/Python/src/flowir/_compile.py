"""`compile` and `describe`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from . import _build, _cache, _check, _dtypes
from ._abi import Artifact
from ._description import Description, architecture, write
from ._errors import Error
from ._flow import CompiledFlow
from .loaders import Live, load


def describe(obj: Any) -> Description:
    """What a flow is: its architecture and tensors as a model file holds them, read from the live object.

    Raises `Error` that names the part, its class and the reason if something cannot be described.

    >>> import zuko
    >>> description = describe(zuko.flows.NSF(features=2, transforms=1, bins=4))
    >>> description.features, description.json["type"]
    (2, 'Flow')
    """
    if isinstance(obj, Description):
        return obj
    if isinstance(obj, (str, os.PathLike)):
        return Description.decode(_read(Path(obj)), str(obj))
    if isinstance(obj, CompiledFlow):
        if obj._model is None:
            raise Error(f"{obj.path} holds no parameters")
        return Description.decode(obj._model, "the model")
    return load(obj).description


def compile(
    obj: Any, *, dtype: Any = "float32", cpu: str = "native", threads: int | None = None,
    functions: Iterable[str] | None = None,
) -> CompiledFlow:
    """Compiles a flow to native code.

    Args:
      obj: a live flow of a library that is supported, a `Description`, the path of a model file
        (.safetensors) or of a compiled flow (.so).
      dtype: the float type to compute in, float32 or float64.
      cpu: the processor: native, x86-64, x86-64-v3 (AVX2) or x86-64-v4 (AVX-512); or several but native,
        separated by commas, of which the best that a machine can run is chosen when it is loaded.
      threads: the number of threads of a call; one a processor if left out.
      functions: some of log_prob, transform, inverse, log_prob_gradient, sample and log_prob_hvp; all but
        the last if left out, which is compiled when it is first called.

    The result is kept by its content: a second call is instant. A live object is compared with what was
    made of it on 64 rows in float64. Raises `Error`, also if they differ.

    >>> import torch, zuko
    >>> theirs = zuko.flows.MAF(features=2, transforms=1)
    >>> ours = compile(theirs, dtype="float64")
    >>> x = torch.randn(100, 2, dtype=torch.float64)
    >>> bool(torch.allclose(ours.log_prob(x), theirs.double()().log_prob(x), atol=1e-9))
    True
    """
    if threads is not None and threads < 1:
        raise ValueError(f"threads is {threads}, expected 1 or more")
    target = _build.Target.make(_dtypes.short(dtype), cpu, functions)
    if isinstance(obj, (str, os.PathLike)):
        path = Path(obj)
        if path.suffix == ".so":
            return _loaded(path, threads)
        model = _read(path)
        architecture(model, str(path))
    elif isinstance(obj, CompiledFlow):
        if obj._model is None:
            return CompiledFlow(obj._artifact, model=None, target=obj._target, threads=threads)
        model = obj._model
    else:
        model = model_file(obj)
    return _compiled(model, target, threads)


def save(obj: Any, path: str | os.PathLike[str]) -> None:
    """Writes the model file of a live flow, after comparing them on 64 rows."""
    write(Path(path), model_file(obj))


def model_file(obj: Any) -> bytes:
    """The model file of a flow; that of a live one after comparing them on 64 rows."""
    if isinstance(obj, (str, os.PathLike, Description, CompiledFlow)):
        return describe(obj).encode()
    live: Live = load(obj)
    result = live.description.encode()
    _check.check(live, result)
    return result


def restore(
    model: bytes | None, code: bytes | None, target: _build.Target, threads: int | None
) -> CompiledFlow:
    """The flow that was pickled."""
    if model is not None:
        return _compiled(model, target, threads)
    assert code is not None

    def fill(folder: Path) -> None:
        (folder / "libmodel.so").write_bytes(code)

    return _loaded(_cache.entry(_cache.key("object", code), fill) / "libmodel.so", threads)


def _compiled(model: bytes, target: _build.Target, threads: int | None) -> CompiledFlow:
    artifact = Artifact(_build.build(model, target))
    return CompiledFlow(artifact, model=model, target=target, threads=threads)


def _loaded(path: Path, threads: int | None) -> CompiledFlow:
    if not path.is_file():
        raise Error(f"{path} does not exist")
    artifact = Artifact(path.resolve())
    target = _build.Target(_dtypes.short(artifact.dtype), "native", artifact.functions)
    return CompiledFlow(artifact, model=None, target=target, threads=threads)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Error(f"{path} cannot be read: {error.strerror}") from error
