"""Inputs on which the command once gave a wrong answer without a word, hung or crashed.

Each stands in `regressions` under a name that says what it shows; `damaged` holds a folder for each command
that must end with one line of error.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shlex
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FILES = Path(__file__).parent / "regressions"
DAMAGED = sorted(path.name for path in (FILES / "damaged").iterdir())


def run(*arguments: Any, folder: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs the command on one thread in a folder."""
    return subprocess.run(
        [os.environ["FLOWIR_EXECUTABLE"], *map(str, arguments), "--threads", "1"], cwd=folder, text=True,
        capture_output=True, timeout=120, **options)


def ok(*arguments: Any, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs the command, which must succeed."""
    result = run(*arguments, folder=folder)
    assert result.returncode == 0, result.stderr
    return result


def tensors(path: Path) -> dict[str, Any]:
    """The float tensors of a safetensors file."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    return {
        name: np.frombuffer(data[8 + size + one["data_offsets"][0] : 8 + size + one["data_offsets"][1]], "f4")
        for name, one in header.items() if name != "__metadata__" and one["dtype"] == "F32"}


@pytest.mark.parametrize("name", DAMAGED)
def test_ends_with_one_line(name: str, tmp_path: Path) -> None:
    for path in (FILES / "damaged" / name).iterdir():
        shutil.copy(path, tmp_path)
    command = shlex.split((tmp_path / "command").read_text())[1:]
    limit = 2 << 30

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    result = subprocess.run(
        [os.environ["FLOWIR_EXECUTABLE"], *command], cwd=tmp_path, text=True, capture_output=True,
        timeout=20, preexec_fn=bound)
    assert result.returncode in (1, 2), result.stderr
    assert result.stderr.count("\n") == 1 and "error: " in result.stderr, result.stderr
    assert not (tmp_path / "o.safetensors").exists() and not (tmp_path / "y.npy").exists()


def test_a_step_that_ends_by_rounding_leaves_an_ordinary_row(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([[float.fromhex("-0x1.d423360000000p-2")]], "f4"))
    for dtype in ("f32", "f64"):
        result = ok("score", FILES / "cnf-step-that-ends-by-rounding.safetensors", "--input", "x.npy",
                    "--output", "o.npy", "--dtype", dtype, "--json", folder=tmp_path)
        # Zuko in float64 with tight tolerances finds -0.9819.
        assert float(np.load(tmp_path / "o.npy")[0]) == pytest.approx(-0.9819, abs=1e-3)
        assert json.loads(result.stdout)["invalid_rows"] == 0


@pytest.mark.parametrize("kind", ["BPF", "GF", "NAF", "UNAF"])
def test_a_context_with_nan_has_samples_of_nan(kind: str, tmp_path: Path) -> None:
    np.save(tmp_path / "c.npy", np.array([[np.nan, 0.0]], "f4"))
    result = ok("sample", FILES / "context-with-nan" / f"{kind}.safetensors", "--rows", 2, "--context", "c.npy",
                "--output", "x.npy", "--log-prob", "l.npy", "--json", folder=tmp_path)
    assert np.isnan(np.load(tmp_path / "x.npy")).all() and np.isnan(np.load(tmp_path / "l.npy")).all()
    assert json.loads(result.stdout)["invalid_rows"] == 2


def test_a_row_with_nan_leaves_the_gradient_of_the_others(tmp_path: Path) -> None:
    def gradient(x: list[list[float]]) -> tuple[dict[str, Any], dict[str, Any]]:
        np.save(tmp_path / "x.npy", np.array(x, "f4"))
        np.save(tmp_path / "c.npy", np.zeros((len(x), 2), "f4"))
        result = ok("gradient", FILES / "one-row-with-nan.safetensors", "--input", "x.npy", "--context", "c.npy",
                    "--output", "g.safetensors", "--json", folder=tmp_path)
        return tensors(tmp_path / "g.safetensors"), json.loads(result.stdout)

    alone, _ = gradient([[0.5, -0.5]])
    both, summary = gradient([[0.5, -0.5], [np.nan, 0]])
    assert summary["invalid_rows"] == 1 and summary["first_invalid_row"] == 2
    for name, values in alone.items():
        if name not in ("x", "context"):
            np.testing.assert_allclose(both[name], values, rtol=1e-5, atol=1e-7, err_msg=name)


def test_numbers_that_become_equal_in_float32_are_mentioned(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", (2459000.5 + 0.01 * np.arange(2000))[:, None])
    result = run("train", "--flow", "NSF", "--features", 1, "--data", "x.npy", "--output", "m.safetensors",
                 "--epochs", 1, "--no-standardize", folder=tmp_path)
    assert "column 1: float32 keeps 81 of 2000 distinct numbers" in result.stderr
    # A spline is the identity there, so that training changes nothing.
    assert result.returncode == 0 and "no epoch of 1 was better than the untrained flow" in result.stderr
    assert "outside [-5.0, 5.0], where the splines change nothing" in result.stderr


@pytest.mark.parametrize("header", ["0,1", "1,2", "2020,2021", '"0","1"'])
def test_a_header_of_numbers_is_no_row(header: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(header + "\n0.5,-0.25\n1.5,0.125\n-0.5,2.5\n")
    result = run("score", FILES / "two-features.safetensors", "--input", "x.csv", "--output", "o.npy",
                 folder=tmp_path)
    if result.returncode == 0:
        assert len(np.load(tmp_path / "o.npy")) == 3 or "header" in result.stderr
    else:
        assert result.stderr.count("\n") == 1 and "header" in result.stderr


def test_an_index_column_is_no_feature(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(",v\n0,0.5\n1,-0.5\n2,1.5\n")
    result = run("score", FILES / "two-features.safetensors", "--input", "x.csv", "--output", "o.npy",
                 folder=tmp_path)
    assert result.returncode == 1 and "left out as an index" in result.stderr
    assert not (tmp_path / "o.npy").exists()


def test_a_row_has_one_number_in_all_messages(tmp_path: Path) -> None:
    for bad in ("NA", "nan", "inf", "x"):
        (tmp_path / "x.csv").write_text(f"a,b\n0.5,1\n{bad},2\n1,3\n")
        result = run("train", "--flow", "MAF", "--features", 2, "--data", "x.csv", "--output", "m.safetensors",
                     "--epochs", 1, folder=tmp_path)
        assert result.returncode == 1
        found = re.search(r"row (\d+)", result.stderr)
        assert found and found[1] == "3", result.stderr


def test_a_rate_that_changes_nothing_gives_a_model_and_is_mentioned(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", (5 + 0.01 * np.random.default_rng(0).normal(size=(1023, 1))).astype("f4"))
    result = run("train", "--flow", "MAF", "--features", 1, "--data", "x.npy", "--output", "m.safetensors",
                 "--epochs", 1, "--validation", 0, "--learning-rate", "1e-30", "--threads", 1, folder=tmp_path)
    assert result.returncode == 0 and (tmp_path / "m.safetensors").exists()
    assert "was better than the untrained flow" in result.stderr
