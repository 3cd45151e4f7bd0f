"""The C compiler of this machine."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from ._errors import Error


def c_compiler() -> list[str]:
    """The C compiler: `CC`, else clang, cc or gcc in PATH, else the one that `flowir[compiler]` brings.

    Raises `Error` that names both ways to get one.
    """
    named = os.environ.get("CC")
    if named:
        return shlex.split(named)
    for name in ("clang", "cc", "gcc"):
        found = shutil.which(name)
        if found:
            return [found]
    if importlib.util.find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "cc"]
    raise Error(
        "no C compiler: none of clang, cc and gcc is in PATH; install one, or pip install "
        "'flowir[compiler]', or set CC"
    )


def shared_object(source: Path, output: Path, include: list[str]) -> None:
    """Compiles a C file of the package to a shared object."""
    command = [*c_compiler(), "-std=gnu11", "-O2", "-fPIC", "-shared", "-w"]
    command += [f"-I{folder}" for folder in include] + [str(source), "-o", str(output)]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise Error(f"the C compiler failed: {shlex.join(command)}\n{result.stderr[:4000]}")
