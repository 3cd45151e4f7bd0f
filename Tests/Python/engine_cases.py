"""What the tests of engines share: a flow with named columns, a table in a file, and its log-densities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flowir
import numpy as np
import pytest

pa = pytest.importorskip("pyarrow")
torch = pytest.importorskip("torch")
import pyarrow.parquet as pq  # noqa: E402
from zuko_cases import build  # noqa: E402

X, C = ["u", "g", "r"], ["z", "error"]


@pytest.fixture(scope="module")
def flow() -> flowir.CompiledFlow:
    """A spline flow that was trained on named columns."""
    described = flowir.describe(build("NSF"))
    return flowir.compile(
        flowir.Description(described.json, described.tensors, flowir.Columns(tuple(X), tuple(C))))


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table in a file, with a null in its fourth row."""
    generator = np.random.default_rng(7)
    path = tmp_path_factory.mktemp("engines") / "rows.parquet"
    u = generator.standard_normal(20_000).tolist()
    u[3] = None
    pq.write_table(pa.table({
        "id": np.arange(20_000), "u": pa.array(u, pa.float64()),
        **{name: generator.standard_normal(20_000) for name in [*X[1:], *C]}}), path)
    return path


@pytest.fixture(scope="module")
def expected(flow: flowir.CompiledFlow, rows: Path) -> Any:
    """The log-densities that one machine finds, which is NaN where there is a null."""
    table = pq.read_table(rows)
    x, c = (
        np.stack([np.asarray(table[name].to_numpy()) for name in names], 1) for names in (X, C))
    return flow.log_prob(x, c)


def same(found: Any, expected: Any) -> None:
    """Compares bits; a null of the fourth row is None or NaN."""
    values = np.array([np.nan if one is None else one for one in found], "f4")
    np.testing.assert_array_equal(values, expected)
