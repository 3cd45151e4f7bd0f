"""Compiling a model's bytes to a shared object, which is kept by its content."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from . import _cache, _executable
from ._abi import FUNCTIONS, STANDARD

CPUS = ("native", "x86-64", "x86-64-v3", "x86-64-v4")


@dataclass(frozen=True)
class Target:
    """What an object is compiled for."""

    dtype: str = "f32"
    cpu: str = "native"
    functions: tuple[str, ...] = STANDARD
    prefix: str = "flowir"

    @staticmethod
    def make(dtype: str, cpu: str, functions: Iterable[str] | None) -> Target:
        """Checks the arguments; raises `ValueError`."""
        parts = cpu.split(",")
        if any(part not in CPUS for part in parts):
            raise ValueError(
                f"cpu is {cpu!r}, expected one of {', '.join(CPUS)}, or several with commas")
        if len(set(parts)) < len(parts) or len(parts) > 1 and "native" in parts:
            raise ValueError(f"cpu is {cpu!r}, expected different processors, and native alone")
        chosen = STANDARD if functions is None else tuple(dict.fromkeys(functions))
        for name in chosen:
            if name not in FUNCTIONS:
                raise ValueError(f"functions has {name!r}, expected some of {', '.join(FUNCTIONS)}")
        if not chosen:
            raise ValueError(f"functions is empty, expected some of {', '.join(FUNCTIONS)}")
        return Target(dtype, cpu, tuple(name for name in FUNCTIONS if name in chosen))


def build(model: bytes, target: Target, name: str = "model") -> Path:
    """The shared object libNAME.so of a model, compiled if it is not in the cache.

    NAME.h and the C file NAME.c are not kept. Raises `Error`.
    """
    key = _cache.key(
        model, _executable.identity(), target.dtype, target.cpu, ",".join(target.functions),
        target.prefix, name, os.environ.get("CC", ""), os.environ.get("FLOWIR_OPENMP", ""),
        processor() if target.cpu == "native" else "",
    )

    def fill(folder: Path) -> None:
        source = folder / "model.safetensors"
        source.write_bytes(model)
        try:
            compile_file(source, folder / f"lib{name}.so", target)
        finally:
            source.unlink()

    return _cache.entry(key, fill) / f"lib{name}.so"


def build_beside(path: Path, model: bytes, target: Target) -> Path:
    """The shared object of a model that is to be written to `path`, whose header is written beside it."""
    name = path.stem.removeprefix("lib")
    built = build(model, target, name)
    header = built.with_name(f"{name}.h")
    if header.exists():
        shutil.copyfile(header, path.with_name(header.name))
    return built


def compile_file(source: Path, output: Path, target: Target) -> None:
    """Runs `flowir compile`, which writes the header beside the output."""
    _executable.run(
        "compile", source, "--output", output, "--dtype", target.dtype, "--cpu", target.cpu,
        "--function", ",".join(target.functions), "--prefix", target.prefix,
    )


@cache
def processor() -> str:
    """What tells this processor from others that share a home directory."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine() + platform.processor()
    wanted = ("model name", "flags", "Features", "CPU part")
    return "\n".join(dict.fromkeys(line for line in lines if line.startswith(wanted)))
