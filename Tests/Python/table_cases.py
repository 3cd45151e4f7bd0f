"""What the tests of tables share: a flow with and without names, tables of mixed types, reading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flowir
import numpy as np
import pytest

pa = pytest.importorskip("pyarrow")
torch = pytest.importorskip("torch")
import pyarrow.feather as feather  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from zuko_cases import build  # noqa: E402

X, C = ["u", "g", "r"], ["z", "error"]


@pytest.fixture(scope="module")
def flow() -> flowir.CompiledFlow:
    """A spline flow of three features and two of context, which keeps no names."""
    return flowir.compile(build("NSF"))


@pytest.fixture(scope="module")
def named(flow: flowir.CompiledFlow) -> flowir.CompiledFlow:
    """The same flow with the names that it was trained on."""
    described = flowir.describe(flow)
    return flowir.compile(
        flowir.Description(described.json, described.tensors, flowir.Columns(tuple(X), tuple(C))))


def table(rows: int, seed: int = 0) -> Any:
    """Rows of mixed types in another order than the flow's, with an id and a name."""
    generator = np.random.default_rng(seed)
    columns = {name: generator.standard_normal(rows) for name in [*X, *C]}
    return pa.table({
        "id": pa.array(np.arange(rows, dtype="i8")),
        "r": pa.array(columns["r"].astype("f4")), "g": columns["g"], "u": columns["u"],
        "z": columns["z"], "name": pa.array([f"star {i}" for i in range(rows)]),
        "error": pa.array(np.round(columns["error"]).astype("i2"))})


def read(path: Path) -> Any:
    return pq.read_table(path) if path.suffix == ".parquet" else feather.read_table(path)
