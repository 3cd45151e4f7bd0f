"""Dask, Polars and DuckDB: the results are those of one machine to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flowir
import numpy as np
import pytest

pa = pytest.importorskip("pyarrow")
from engine_cases import C, X, expected, flow, rows, same  # noqa: E402, F401

import pyarrow.parquet as pq  # noqa: E402


def test_dask_scores(flow: flowir.CompiledFlow, rows: Path, expected: Any) -> None:
    pytest.importorskip("distributed")
    dd = pytest.importorskip("dask.dataframe")
    from distributed import Client, LocalCluster

    import flowir.dask

    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit=0
    ) as cluster, Client(cluster):
        df = dd.from_pandas(pq.read_table(rows).to_pandas(), npartitions=5)
        found = flowir.dask.score(df, flow, keep=["id"])
        assert list(found.columns) == ["id", "log_prob"] and found.dtypes["log_prob"] == np.float32
        computed = found.compute()
    same(computed["log_prob"].tolist(), expected)


def test_dask_draws_the_samples_of_one_machine(flow: flowir.CompiledFlow) -> None:
    pytest.importorskip("dask.dataframe")
    import flowir.dask

    contexts = np.random.default_rng(1).standard_normal((3, 2)).astype("f4")
    found = flowir.dask.sample(flow, 1000, context=contexts, seed=5, partitions=4, log_prob="lp")
    assert found.npartitions == 4 and list(found.columns) == ["row", *X, "lp"]
    frame = found.compute()
    assert frame["row"].tolist() == list(range(3000))
    np.testing.assert_array_equal(
        frame[X].to_numpy("f4").reshape(3, 1000, 3).swapaxes(0, 1), flow.sample(1000, contexts, seed=5))


def test_polars_scores(flow: flowir.CompiledFlow, rows: Path, expected: Any) -> None:
    pl = pytest.importorskip("polars")
    import flowir.polars

    eager = flowir.polars.score(pl.read_parquet(rows), flow)
    assert eager.columns == ["id", *X, *C, "log_prob"] and eager["log_prob"][3] is None
    same(eager["log_prob"].to_list(), expected)
    lazy = flowir.polars.score(pl.scan_parquet(rows), flow, keep=["id"]).filter(pl.col("id") < 5)
    same(lazy.collect()["log_prob"].to_list(), expected[:5])


def test_duckdb_scores(flow: flowir.CompiledFlow, rows: Path, expected: Any) -> None:
    duckdb = pytest.importorskip("duckdb")
    import flowir.duckdb

    connection = duckdb.connect()
    flowir.duckdb.register(connection, flow, "density")
    found = connection.sql(
        f"SELECT density(u, g, r, z, error) FROM '{rows}' ORDER BY id").fetchall()
    assert found[3] == (None,)
    same([one[0] for one in found], expected)
