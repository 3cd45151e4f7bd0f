"""Objects that were compiled for another processor."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import flowir
import numpy as np
import pytest

MODEL = Path(__file__).resolve().parents[1] / "ZukoParityTests/Fixtures/maf-unconditional.safetensors"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="FMA4 is an extension of x86")
def test_an_object_for_another_processor_is_refused_by_name(tmp_path: Path) -> None:
    source, library = tmp_path / "model.c", tmp_path / "libmodel.so"
    subprocess.run([os.environ["FLOWIR_EXECUTABLE"], "compile", MODEL, "--output", source], check=True)
    # AMD's FMA4 is in no processor that is made today.
    subprocess.run(
        ["cc", "-std=gnu11", "-O1", "-march=x86-64", "-mfma4", "-fPIC", "-shared", "-w", source, "-lm",
         "-o", library], check=True)
    other = flowir.compile(library)
    for call in (lambda: other.log_prob(np.zeros((4, other.features), np.float32)),
                 lambda: other.sample(5, seed=1)):
        with pytest.raises(flowir.Error, match="compiled for processors with fma4, which this one lacks"):
            call()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the processors are x86's")
def test_an_object_for_several_processors_chooses() -> None:
    both = flowir.compile(MODEL, cpu="x86-64,x86-64-v3", functions=["log_prob"])
    x = np.random.default_rng(1).normal(size=(100, both.features)).astype("f4")
    alone = flowir.compile(MODEL, cpu="x86-64", functions=["log_prob"])
    np.testing.assert_allclose(both.log_prob(x), alone.log_prob(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("cpu", ["x86-64,", "z80", "x86-64,z80", "native,x86-64", "x86-64,x86-64"])
def test_processors_are_known_and_differ(cpu: str) -> None:
    with pytest.raises(ValueError, match="cpu is"):
        flowir.compile(MODEL, cpu=cpu)
