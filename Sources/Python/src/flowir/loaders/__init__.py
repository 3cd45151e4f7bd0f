"""One module for each library whose flows can be compiled.

Such a module has two functions: `recognises(obj)`, and `load(obj)`, which gives a `Live`: the description
that it read from the object, and the object itself as functions to compare with. A module is imported
only if its library is, since otherwise the object is none of its.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from .._errors import Error
from ._live import CannotDescribe, Live, Reference

LIBRARIES = {
    "sbi": "flowir.loaders.sbi",
    "nflows": "flowir.loaders.nflows",
    "normflows": "flowir.loaders.normflows",
    "zuko": "flowir.loaders.zuko",
    "flowjax": "flowir.loaders.flowjax",
}
"""The module of each library, by the name of the library's own; the first that recognises loads."""

__all__ = ["LIBRARIES", "CannotDescribe", "Live", "Reference", "load"]


def load(obj: Any) -> Live:
    """Reads a live object; raises `Error` if it is of no library that is known."""
    for library, name in LIBRARIES.items():
        if library not in sys.modules:
            continue
        loader = importlib.import_module(name)
        if loader.recognises(obj):
            live: Live = loader.load(obj)
            return live
    kind = type(obj)
    raise Error(
        f"found {kind.__module__}.{kind.__qualname__}, expected a flow of {', '.join(LIBRARIES)}, a "
        "description, or the path of a model file or a compiled flow"
    )
