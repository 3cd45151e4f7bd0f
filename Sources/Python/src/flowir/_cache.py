"""Files that are kept by their content in the user's cache directory."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from ._errors import Error


def folder() -> Path:
    """The package's cache directory, made if need be; nobody but the user can write to it.

    It lies in `FLOWIR_CACHE`, else under `XDG_CACHE_HOME` or `~/.cache`. Raises `Error` if it belongs
    to somebody else: what lies there is loaded as code.
    """
    named = os.environ.get("FLOWIR_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    result = Path(named) if named else Path(base) / "flowir" / "python"
    try:
        result.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = result.stat()
        if status.st_uid != os.geteuid():
            raise Error(f"the cache directory {result} is not yours; set FLOWIR_CACHE to another")
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            result.chmod(0o700)
    except OSError as error:
        raise Error(
            f"the cache directory {result} cannot be used ({error.strerror}); set FLOWIR_CACHE to another"
        ) from error
    return result


def key(*parts: str | bytes) -> str:
    """A name made of the content of the parts and of where one ends and the next begins."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()[:40]


def entry(name: str, fill: Callable[[Path], None]) -> Path:
    """The directory under a key; `fill` puts its files into an empty one first if there is none.

    Several processes may ask for the same entry: each fills one of its own, and the first stays.
    """
    place = folder() / name
    if place.is_dir():
        if place.stat().st_uid != os.geteuid():
            raise Error(f"{place} is not yours; remove it, or set FLOWIR_CACHE to another directory")
        return place
    temporary = Path(tempfile.mkdtemp(prefix=".making-", dir=place.parent))
    try:
        fill(temporary)
        try:
            temporary.rename(place)
        except OSError:
            if not place.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return place
