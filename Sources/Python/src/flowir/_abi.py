"""A compiled flow's shared object, through its C interface.

ctypes releases the interpreter's lock during a call. The functions are thread-safe and have the same
results at any number of threads.
"""

from __future__ import annotations

import ctypes
import json
import os
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from . import _dtypes, _toolchain
from ._errors import Error

ABI_VERSION = 1

# x or seed and first row, context, rows, context rows, results.
_POINTER, _ROWS = ctypes.c_void_p, ctypes.c_int64
_SIGNATURES: dict[str, list[Any]] = {
    "log_prob": [_POINTER, _POINTER, _ROWS, _ROWS, _POINTER],
    "transform": [_POINTER, _POINTER, _ROWS, _ROWS, _POINTER, _POINTER],
    "inverse": [_POINTER, _POINTER, _ROWS, _ROWS, _POINTER, _POINTER],
    "log_prob_gradient": [_POINTER, _POINTER, _ROWS, _ROWS, _POINTER, _POINTER, _POINTER],
    "sample": [ctypes.c_uint64, _ROWS, _POINTER, _ROWS, _ROWS, _POINTER, _POINTER],
    "log_prob_hvp": [_POINTER, _POINTER, _POINTER, _ROWS, _ROWS, _POINTER, _POINTER, _POINTER],
}

# Come with sample: seed, first row, context, contexts, samples, results;
# seed, first row, lower, upper, most draws, context, rows, context rows, x, log_prob, draws;
# seed, lower, upper, draws, context, contexts, log_mass, log_mass_error.
_WITH_SAMPLE: dict[str, list[Any]] = {
    "sample_each": [ctypes.c_uint64, _ROWS, _POINTER, _ROWS, _ROWS, _POINTER, _POINTER],
    "sample_within": [
        ctypes.c_uint64, _ROWS, _POINTER, _POINTER, _ROWS, _POINTER, _ROWS, _ROWS, _POINTER, _POINTER, _POINTER],
    "log_mass": [ctypes.c_uint64, _POINTER, _POINTER, _ROWS, _POINTER, _ROWS, _POINTER, _POINTER],
}

FUNCTIONS = tuple(_SIGNATURES)
"""The functions that an object can have."""

STANDARD = tuple(name for name in FUNCTIONS if name != "log_prob_hvp")
"""The functions that an object has unless others are asked for."""


class Artifact:
    """A loaded shared object and what it says of itself."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._library = _load(path)
        code = path.read_bytes()
        prefix = _prefix(path, code)
        describe = self._symbol(f"{prefix}_description")
        describe.restype = ctypes.c_char_p
        self.description: dict[str, Any] = json.loads(describe().decode())
        version = self.description.get("abi_version")
        if version != ABI_VERSION:
            raise Error(f"{path} has version {version} of the interface, expected {ABI_VERSION}")
        self.features: int = self.description["features"]
        self.context: int = self.description["context"]
        self.functions: tuple[str, ...] = tuple(self.description["functions"])
        self.dtype = _dtypes.numpy(self.description["dtype"])
        self._last_error = self._symbol(f"{prefix}_last_error")
        self._last_error.restype = ctypes.c_char_p
        self._set_threads = self._symbol(f"{prefix}_set_threads")
        self._set_threads.argtypes = [ctypes.c_int]
        self._calls = {}
        signatures = {name: _SIGNATURES[name] for name in self.functions}
        signatures |= {
            name: arguments for name, arguments in _WITH_SAMPLE.items()
            if "sample" in signatures and hasattr(self._library, f"{prefix}_{name}")
        }
        for name, arguments in signatures.items():
            self._calls[name] = self._symbol(f"{prefix}_{name}")
            self._calls[name].argtypes = arguments
        self._needs_libgomp = b"libgomp" in code
        self._computes_in_one_thread = False
        if _parent_had_threads:
            self._after_fork()
        _loaded.add(self)

    def _symbol(self, name: str) -> Any:
        try:
            return self._library[name]
        except AttributeError as error:
            raise Error(f"{self.path} has no function {name}") from error

    def address(self, name: str) -> int:
        """The address of a function, for other runtimes that call it."""
        self._check(name)
        return ctypes.cast(self._calls[name], ctypes.c_void_p).value or 0

    @property
    def last_error_address(self) -> int:
        """The address of the function that gives the message of a failed call."""
        return ctypes.cast(self._last_error, ctypes.c_void_p).value or 0

    def _check(self, name: str) -> None:
        if name in _WITH_SAMPLE and name not in self._calls and "sample" in self._calls:
            raise Error(
                f"{self.path} was compiled before compiled flows had the function {name}; compile it again")
        if name not in self._calls:
            raise Error(
                f"the compiled flow has no function {name}, only {', '.join(self.functions)}; compile "
                f"it with functions=[…, {name!r}]"
            )

    def call(self, name: str, threads: int | None, *arguments: Any) -> None:
        """Calls a function with arrays (None for NULL) and integers.

        `threads` is the number of threads; None for one a processor. Raises `Error`.
        """
        self._check(name)
        if not self._computes_in_one_thread:
            self._set_threads(threads or 0)
        status = self._calls[name](*(
            value.ctypes.data if isinstance(value, np.ndarray) else value for value in arguments
        ))
        if status:
            raise Error(self._last_error().decode())

    def _after_fork(self) -> None:
        # GCC's OpenMP runtime waits forever for the threads of its parent, which a child does not have.
        # So does LLVM's where KMP_INIT_AT_FORK forbids it to start anew: scikit-learn, which sbi
        # imports, sets that variable to FALSE.
        starts_anew = os.environ.get("KMP_INIT_AT_FORK", "TRUE").upper() in ("TRUE", "1", "YES", "ON")
        if not starts_anew or self._needs_libgomp:
            self._computes_in_one_thread = True
            self._set_threads(1)


def _prefix(path: Path, code: bytes) -> str:
    """What the names of an object's functions start with, which its description tells."""
    at = code.find(b'{"abi_version": ')
    if at < 0:
        raise Error(f"{path} is not a compiled flow")
    start = code.index(b'"prefix": "', at) + len(b'"prefix": "')
    return code[start:code.index(b'"', start)].decode()


def _load(path: Path) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        runtime = _toolchain.openmp()
        if "libomp" not in str(error):
            raise Error(f"{path} cannot be loaded: {error}") from error
        if runtime is None:
            raise Error(f"{path} needs the OpenMP runtime libomp, which is not there ({error}); "
                        "install libomp-dev") from error
    try:  # The loader finds what is loaded already by its name.
        ctypes.CDLL(runtime, ctypes.RTLD_GLOBAL)
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise Error(f"{path} cannot be loaded: {error}; the OpenMP runtime that was found is "
                    f"{runtime}") from error


_loaded: weakref.WeakSet[Artifact] = weakref.WeakSet()


_parent_had_threads = False
"""Whether this process is a fork of one that had loaded compiled flows."""


def _after_fork() -> None:
    global _parent_had_threads
    _parent_had_threads = _parent_had_threads or len(_loaded) > 0
    for artifact in _loaded:
        artifact._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
