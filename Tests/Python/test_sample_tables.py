"""Tables of samples."""

from __future__ import annotations

from pathlib import Path

import flowir
import numpy as np
import pytest

pa = pytest.importorskip("pyarrow")
import pyarrow.parquet as pq  # noqa: E402
from table_cases import C, X, flow, named, read, table  # noqa: E402, F401


def test_samples_are_written_with_their_contexts(named: flowir.CompiledFlow, tmp_path: Path) -> None:
    contexts = table(7)
    report = named.sample_table(
        tmp_path / "x.parquet", 5, source=contexts, keep=["id"], log_prob="log_prob", seed=3)
    found = read(tmp_path / "x.parquet")
    assert report.rows == 35 and found.column_names == ["id", *X, "log_prob"]
    assert found["id"].to_pylist() == [i for i in range(7) for _ in range(5)]
    c = np.stack([contexts[name].to_numpy() for name in C], 1).astype("f4")
    x = np.stack([found[name].to_numpy() for name in X], 1)
    np.testing.assert_array_equal(x.reshape(7, 5, 3).swapaxes(0, 1), named.sample(5, c, seed=3))
    np.testing.assert_allclose(
        found["log_prob"].to_numpy(), named.log_prob(x, np.repeat(c, 5, axis=0)), rtol=1e-4, atol=1e-4)
    named.sample_table(tmp_path / "y.feather", 10, context=c[0], columns=["a", "b", "c"], seed=3)
    np.testing.assert_array_equal(
        read(tmp_path / "y.feather")["b"].to_numpy(), named.sample(10, c[0], seed=3)[:, 1])
    with pytest.raises(flowir.Error, match="several columns g, r, u"):
        named.sample_table(tmp_path / "z.parquet", 5, source=contexts)


@pytest.mark.parametrize("count", [1, 7, 300])
def test_samples_have_the_same_bits_however_they_are_cut(
    named: flowir.CompiledFlow, tmp_path: Path, count: int
) -> None:
    c = np.random.default_rng(2).standard_normal((3, 2)).astype("f4")
    whole, density = named.sample(count, c, seed=4, return_log_prob=True)
    named.sample_table(tmp_path / "x", count, context=c, seed=4, log_prob="lp", rows_per_file=count + 1)
    found = pa.concat_tables(
        [pq.read_table(one) for one in sorted((tmp_path / "x").glob("*.parquet"))])
    x = np.stack([found[name].to_numpy() for name in X], 1)
    np.testing.assert_array_equal(x.reshape(3, count, 3).swapaxes(0, 1), whole)
    np.testing.assert_array_equal(found["lp"].to_numpy().reshape(3, count).T, density)


def test_a_folder_of_samples_goes_on_to_the_same_bytes(
    named: flowir.CompiledFlow, tmp_path: Path
) -> None:
    c = np.zeros(2)
    named.sample_table(tmp_path / "a", 1000, context=c, seed=1, rows_per_file=300)
    named.sample_table(tmp_path / "b", 1000, context=c, seed=1, rows_per_file=300)
    (tmp_path / "b" / "part-00002.parquet").unlink()
    (tmp_path / "b" / ".part-00001.parquet.done").unlink()
    (tmp_path / "b" / "part-00001.parquet").write_bytes(b"half")
    before = (tmp_path / "b" / "part-00000.parquet").stat().st_mtime_ns
    named.sample_table(tmp_path / "b", 1000, context=c, seed=1, rows_per_file=300, resume=True)
    assert (tmp_path / "b" / "part-00000.parquet").stat().st_mtime_ns == before
    for index in range(4):
        name = f"part-{index:05}.parquet"
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
