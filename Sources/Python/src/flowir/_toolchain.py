"""The C compiler and the OpenMP runtime of this machine."""

from __future__ import annotations

import glob
import importlib.metadata
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from . import _cache
from ._errors import Error

NAMES = ("clang", "cc", "gcc")
SYSTEM = ("/usr/lib/*/libomp.so*", "/usr/lib64/libomp.so*", "/usr/lib/llvm-*/lib/libomp.so")


def c_compiler() -> list[str]:
    """The C compiler: `CC`, else clang, cc or gcc in PATH, else the one that `flowir[compiler]` brings.

    Raises `Error` that names both ways to get one.
    """
    named = os.environ.get("CC")
    if named:
        return shlex.split(named)
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return [found]
    if importlib.util.find_spec("ziglang"):
        return [_wrapper([sys.executable, "-m", "ziglang", "cc"])]
    raise Error(
        f"no C compiler: none of {', '.join(NAMES)} is in PATH; install clang or gcc, or pip install "
        "'flowir[compiler]', or set CC"
    )


def environment(*, is_compiling: bool = True) -> dict[str, str]:
    """The environment for the executable, which says what `flowir[compiler]` brings where it is needed.

    Raises `Error` if there is no compiler and one will be needed.
    """
    result = dict(os.environ)
    try:
        compiler = c_compiler()
    except Error:
        if is_compiling:
            raise
        return result
    if len(compiler) > 1:
        result["CC"] = _wrapper(compiler)
    elif not any(shutil.which(name) for name in NAMES):
        result["CC"] = compiler[0]
    runtime = openmp()
    if "FLOWIR_OPENMP" not in result and runtime and not any(glob.glob(one) for one in SYSTEM):
        result["FLOWIR_OPENMP"] = runtime
    return result


@cache
def openmp() -> str | None:
    """The OpenMP runtime that `flowir[compiler]` brings."""
    try:
        found = importlib.metadata.distribution("cmeel-libomp")
    except importlib.metadata.PackageNotFoundError:
        return None
    path = Path(str(found.locate_file("cmeel.prefix/lib/libomp.so")))
    return str(path) if path.exists() else None


def shared_object(source: Path, output: Path, include: list[str]) -> None:
    """Compiles a C file of the package to a shared object."""
    command = [*c_compiler(), "-std=gnu11", "-O2", "-fPIC", "-shared", "-w"]
    command += [f"-I{folder}" for folder in include] + [str(source), "-o", str(output)]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise Error(f"the C compiler failed: {shlex.join(command)}\n{result.stderr[:4000]}")


def _wrapper(command: list[str]) -> str:
    """A program that runs a command of several words, since compilers are named by one."""
    text = f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n'

    def fill(folder: Path) -> None:
        path = folder / "c-compiler"
        path.write_text(text)
        path.chmod(0o700)

    return str(_cache.entry(_cache.key("compiler", text), fill) / "c-compiler")
