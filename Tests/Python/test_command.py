"""The wheel's command with tables in place of arrays."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import flowir
import numpy as np
import pytest

pa = pytest.importorskip("pyarrow")
import pyarrow.feather as feather  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

GENERATOR = np.random.default_rng(5)
CODE = "import sys; from flowir._command import main; sys.argv[0] = 'flowir'; main()"


def command(*arguments: Any, status: int = 0) -> subprocess.CompletedProcess[str]:
    found = subprocess.run(
        [sys.executable, "-c", CODE, *map(str, arguments)], capture_output=True, text=True)
    assert found.returncode == status, found.stderr
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table, the same rows as arrays, and a model that was trained on it by the command."""
    folder = tmp_path_factory.mktemp("command")
    rows = pa.table({
        "id": np.arange(500), "b": GENERATOR.standard_normal(500).astype("f4"),
        "a": GENERATOR.standard_normal(500).astype("f4"),
        "z": GENERATOR.standard_normal(500).astype("f4")})
    pq.write_table(rows, folder / "rows.parquet")
    feather.write_feather(rows, folder / "rows.feather")
    np.save(folder / "x.npy", np.stack([rows["a"], rows["b"]], 1))
    np.save(folder / "c.npy", np.asarray(rows["z"])[:, None])
    (folder / "flow.json").write_text(json.dumps({
        "type": "MAF", "features": 2, "context": 1, "transforms": 1, "hidden_features": [8]}))
    command(
        "train", "--config", folder / "flow.json", "--data", folder / "rows.parquet", "--columns", "a,b",
        "--context-columns=z", "--epochs", 2, "--output", folder / "model.safetensors")
    return folder


def test_training_on_a_table_keeps_its_names(folder: Path) -> None:
    model = flowir.describe(folder / "model.safetensors")
    assert model.columns == flowir.Columns(("a", "b"), ("z",))
    command(
        "train", "--config", folder / "flow.json", "--data", folder / "x.npy", "--context-data",
        folder / "c.npy", "--epochs", 2, "--output", folder / "plain.safetensors")
    plain = flowir.describe(folder / "plain.safetensors")
    for name, tensor in plain.tensors.items():
        np.testing.assert_array_equal(tensor, model.tensors[name])


def test_scores_of_a_table_are_those_of_arrays(folder: Path) -> None:
    command(
        "score", folder / "model.safetensors", "--input", folder / "x.npy", "--context", folder / "c.npy",
        "--output", folder / "lp.npy")
    found = command(
        "score", folder / "model.safetensors", "--input", folder / "rows.parquet", "--output",
        folder / "lp.parquet", "--keep", "id", "--json")
    table = pq.read_table(folder / "lp.parquet")
    assert table.column_names == ["id", "log_prob"]
    np.testing.assert_array_equal(np.asarray(table["log_prob"]), np.load(folder / "lp.npy"))
    assert json.loads(found.stdout)["rows"] == 500
    command(  # A table in, an array out.
        "score", folder / "model.safetensors", "--input", folder / "rows.feather", "--output",
        folder / "lp2.npy")
    np.testing.assert_array_equal(np.load(folder / "lp2.npy"), np.load(folder / "lp.npy"))


def test_both_directions_of_a_transform(folder: Path) -> None:
    command(
        "transform", folder / "model.safetensors", "--input", folder / "rows.feather", "--output",
        folder / "z.parquet", "--ladj", folder / "ladj.parquet")
    command(
        "transform", folder / "model.safetensors", "--input", folder / "x.npy", "--context",
        folder / "c.npy", "--output", folder / "z.npy")
    table = pq.read_table(folder / "z.parquet")
    assert table.column_names == ["id", "b", "a", "z", "z0", "z1"]
    np.testing.assert_array_equal(np.asarray(table["z1"]), np.load(folder / "z.npy")[:, 1])
    assert pq.read_table(folder / "ladj.parquet").column_names[-1] == "ladj"


def test_samples_go_to_tables(folder: Path) -> None:
    pq.write_table(pq.read_table(folder / "rows.parquet").slice(0, 3), folder / "three.parquet")
    command(
        "sample", folder / "model.safetensors", "--rows", 4, "--context", folder / "three.parquet",
        "--keep", "id", "--seed", 9, "--output", folder / "s.parquet")
    np.save(folder / "three.npy", np.load(folder / "c.npy")[:3])
    command(
        "sample", folder / "model.safetensors", "--rows", 4, "--context", folder / "three.npy",
        "--seed", 9, "--output", folder / "s.npy")
    table = pq.read_table(folder / "s.parquet")
    assert table.column_names == ["id", "a", "b"]
    np.testing.assert_array_equal(np.asarray(table["b"]), np.load(folder / "s.npy")[:, 1])
    command(
        "sample", folder / "model.safetensors", "--rows", 4, "--context", folder / "three.npy",
        "--seed", 9, "--output", folder / "t.feather", "--log-prob", folder / "l.feather")
    assert feather.read_table(folder / "t.feather")["b"].equals(table["b"])
    assert feather.read_table(folder / "l.feather").column_names == ["log_prob"]


def test_bad_arguments_and_bad_files_are_told_apart(folder: Path) -> None:
    model, rows = folder / "model.safetensors", folder / "rows.parquet"
    for arguments, status, message in [
        (("score", model, "--input", rows), 2, "output"),
        (("score", model, "--input", rows, "--output"), 2, "--output is missing its value"),
        (("score", model, "--input", rows, "--output", folder / "o.parquet", "--chunk", "x"), 2, "whole"),
        (("score", model, "--input", rows, "--output", folder / "o.parquet", "--columns", "b,a"), 1,
         "columns is b, a, but the model was trained on a, b, in this order"),
        (("score", model, "--input", folder / "n.parquet", "--output", folder / "o.parquet"), 1,
         "n.parquet cannot be read"),
        (("score", folder / "x.npy", "--input", rows, "--output", folder / "o.parquet"), 1, "x.npy"),
    ]:
        found = command(*arguments, status=status)
        assert message in found.stderr
        if status == 1:
            assert found.stderr.startswith("flowir: ") and found.stderr.count("\n") == 1, found.stderr
    assert "--context-columns" in command("score", "--help").stdout


def test_validation_and_weights_may_be_tables(folder: Path) -> None:
    rows = pq.read_table(folder / "rows.parquet")
    w = np.arange(500, dtype="f4") % 3
    pq.write_table(rows.select(["z", "a", "b"]).slice(0, 100), folder / "held.parquet")
    pq.write_table(pa.table({"w": w}), folder / "w.parquet")
    np.save(folder / "w.npy", w)
    for name in ("x", "c"):
        np.save(folder / f"held-{name}.npy", np.load(folder / f"{name}.npy")[:100])
    common = ["train", "--config", folder / "flow.json", "--epochs", 2]
    command(
        *common, "--no-standardize", "--data", folder / "rows.parquet", "--columns", "a,b", "--context-columns",
        "z", "--validation-data", folder / "held.parquet", "--weights", folder / "w.parquet", "--output",
        folder / "by-tables.safetensors")
    command(
        *common, "--no-standardize", "--data", folder / "x.npy", "--context-data", folder / "c.npy",
        "--validation-data", folder / "held-x.npy", "--validation-context-data", folder / "held-c.npy",
        "--weights", folder / "w.npy", "--output", folder / "by-arrays.safetensors")
    found = flowir.describe(folder / "by-tables.safetensors")
    assert found.columns == flowir.Columns(("a", "b"), ("z",))
    for name, tensor in flowir.describe(folder / "by-arrays.safetensors").tensors.items():
        np.testing.assert_array_equal(tensor, found.tensors[name])


def test_tables_are_drawn_checked_and_looked_into(folder: Path) -> None:
    model, table = folder / "model.safetensors", folder / "rows.parquet"
    command("plot", model, "--data", table, "--kind", "corner", "--output", folder / "corner.svg")
    assert all(f">{name}</text>" in (folder / "corner.svg").read_text() for name in "ab")
    found = json.loads(command("check", model, "--data", table, "--json").stdout)
    assert {finding["name"] for finding in found} >= {"weights", "data", "float32"}
    assert "// no NaN" in command("dump", "--stage", "trace", model, "--values", table).stdout


def test_every_flag_of_the_executable_is_known() -> None:
    from flowir._command import COMMANDS
    from flowir.tables._line import FLAGS

    for name in COMMANDS:
        text = command("help", name).stdout
        lines = re.findall(r"^  (?:-\w, )?(--[a-z/-]+)(?: +[A-Z].*)?$", text, re.MULTILINE)
        flags = {flag for line in lines for flag in line.split("/")}
        assert "--version" in flags and flags <= set(FLAGS), name


def test_one_version() -> None:
    """The package and the executable state the same version."""
    executable = os.environ["FLOWIR_EXECUTABLE"]
    said = subprocess.run([executable, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["flowir", flowir.__version__]


def test_discrete_columns_of_a_table_are_known_by_name_scored_as_masses_and_rounded(
    tmp_path: Path,
) -> None:
    counts = GENERATOR.poisson(2, 300)
    pq.write_table(
        pa.table({"size": GENERATOR.standard_normal(300), "count": counts.astype("f8")}),
        tmp_path / "rows.parquet")
    model = tmp_path / "model.safetensors"
    command(
        "train", "--flow", "MAF", "--set", "transforms=1", "--data", tmp_path / "rows.parquet",
        "--discrete", "count:1", "--lower=-inf,0", "--epochs", 2, "--output", model)
    assert json.loads(flowir.describe(model).discrete or "")[0]["feature"] == 1
    for output in ("masses.parquet", "masses.npy"):
        command("score", model, "--input", tmp_path / "rows.parquet", "--output", tmp_path / output)
    table = pq.read_table(tmp_path / "masses.parquet")
    np.testing.assert_array_equal(table["log_prob"], np.load(tmp_path / "masses.npy"))
    command("sample", model, "--rows", 50, "--output", tmp_path / "samples.parquet")
    drawn = np.asarray(pq.read_table(tmp_path / "samples.parquet")["count"])
    assert (drawn == drawn.round()).all() and (drawn >= 0).all()
