"""The executable `flowir`: where it is, and running it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from . import _toolchain
from ._errors import Error

VARIABLE = "FLOWIR_EXECUTABLE"
"""The environment variable that names another executable than the package's own."""


def path() -> Path:
    """The executable: the one that `FLOWIR_EXECUTABLE` names, else the one in the package.

    Raises `Error` if there is none.
    """
    named = os.environ.get(VARIABLE)
    candidate = Path(named) if named else Path(__file__).parent / "bin" / "flowir"
    if os.access(candidate, os.X_OK) and candidate.is_file():
        return candidate
    if named:
        raise Error(f"{VARIABLE} is {named}, which is not an executable file")
    raise Error(
        f"the package holds no executable (expected {candidate}); install a wheel, or set {VARIABLE} "
        "to one that was built from source"
    )


def identity() -> str:
    """What tells one build of the executable from another, for keys of the cache."""
    status = path().stat()
    return f"{status.st_size} {status.st_mtime_ns}"


def run(*arguments: str | os.PathLike[str]) -> str:
    """Runs the executable and gives its standard output.

    Raises `Error` with what it wrote on standard error if it fails.
    """
    command = [str(path()), *map(str, arguments)]
    try:
        result = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            env=_toolchain.environment(),
        )
    except OSError as error:
        raise Error(f"{command[0]} cannot be run: {error.strerror}") from error
    if result.returncode:
        raise Error(message(result.stderr) or f"flowir {arguments[0]} ended by {result.returncode}")
    return result.stdout


def message(text: str) -> str:
    """The message in what the executable wrote on standard error."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    for index, line in enumerate(lines):
        for start in ("flowir: ", "Error: "):
            if line.startswith(start):
                return "\n".join([line[len(start):], *lines[index + 1:]])
    return "\n".join(lines)
