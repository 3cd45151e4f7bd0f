"""Tables: Parquet, Arrow and folders of files, scored."""

from __future__ import annotations

import os
import platform
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import flowir
import numpy as np
import pytest

pa = pytest.importorskip("pyarrow")
import pyarrow.feather as feather  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from flowir.tables._scorer import Scorer  # noqa: E402
from table_cases import C, X, flow, named, read, table  # noqa: E402, F401
from zuko_cases import build  # noqa: E402


def expected(flow: flowir.CompiledFlow, rows: Any) -> Any:
    x, c = (
        np.stack([rows[name].to_numpy() for name in names], 1).astype(flow.dtype) for names in (X, C))
    return flow.log_prob(x, c)


@pytest.mark.parametrize("ending", [".parquet", ".feather", ".arrow", ".csv"])
def test_files_are_scored_with_all_columns_kept(
    flow: flowir.CompiledFlow, tmp_path: Path, ending: str
) -> None:
    rows = table(1000)
    source = tmp_path / f"in{ending}"
    if ending == ".parquet":
        pq.write_table(rows, source, row_group_size=333)
    elif ending == ".csv":
        import pyarrow.csv

        pyarrow.csv.write_csv(rows, source)
    else:
        feather.write_feather(rows, source, chunksize=100)
    output = tmp_path / "out.feather" if ending == ".feather" else tmp_path / "out.parquet"
    report = flow.score_table(source, output, columns=X, context=C, chunk=300)
    found = read(output)
    assert found.column_names == [*rows.column_names, "log_prob"]
    np.testing.assert_array_equal(found["log_prob"].to_numpy(), expected(flow, rows))
    assert found["name"].to_pylist() == rows["name"].to_pylist()
    assert (report.rows, report.nulls, report.undefined, report.outside) == (1000, 0, 0, 0)
    assert report.mean == pytest.approx(expected(flow, rows).mean(), rel=1e-5)
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted([source.name, output.name])


def test_names_are_checked_with_those_of_the_model(
    flow: flowir.CompiledFlow, named: flowir.CompiledFlow, tmp_path: Path
) -> None:
    rows, output = table(10), tmp_path / "out.parquet"
    named.score_table(rows, output, keep=["id"])
    assert read(output).column_names == ["id", "log_prob"]
    np.testing.assert_array_equal(read(output)["log_prob"].to_numpy(), expected(flow, rows))
    renamed = rows.rename_columns(["id", "R_MAG", *rows.column_names[2:]])
    named.score_table(renamed, output, columns={"r": "R_MAG"}, keep=[], name="density")
    np.testing.assert_array_equal(read(output)["density"].to_numpy(), expected(flow, rows))
    for given, message in [
        ({"columns": ["g", "u", "r"]}, "columns is g, u, r, but the model was trained on u, g, r, in"),
        ({"columns": {"i": "g"}}, "columns renames i; the model has u, g, r"),
        ({"columns": {"u": "U"}}, "columns has U, which the table has not; the table has id, r, g"),
        ({"keep": ["i"]}, "keep has i, which the table has not"),
        ({"name": "id"}, "the table has a column id; give the log-densities another name"),
    ]:
        with pytest.raises(flowir.Error, match=message):
            named.score_table(rows, output, **given)
    with pytest.raises(flowir.Error, match="columns is missing, expected 3 names, since the model keeps"):
        flow.score_table(rows, output)
    with pytest.raises(flowir.Error, match="columns has 2 names, expected 3"):
        flow.score_table(rows, output, columns=["u", "g"], context=C)
    with pytest.raises(flowir.Error, match="column name is of the type string, expected numbers"):
        flow.score_table(rows, output, columns=["u", "g", "name"], context=C)
    with pytest.raises(flowir.Error, match="none.parquet cannot be read"):
        flow.score_table(tmp_path / "none.parquet", output, columns=X, context=C)
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(flowir.Error, match="bad.parquet cannot be read"):
        flow.score_table(tmp_path / "bad.parquet", output, columns=X, context=C)


def test_a_trained_flow_keeps_the_names_of_a_table() -> None:
    rows = table(400).select(["u", "g", "z"])
    flow = flowir.MAF(features=2, context=1, transforms=1, hidden_features=[8]).fit(
        rows.select(["u", "g"]), rows.select(["z"]), epochs=1)
    assert flow.columns == flowir.Columns(("u", "g"), ("z",))
    assert flowir.describe(flow).columns == flow.columns


def test_nulls_have_no_density_and_are_counted(flow: flowir.CompiledFlow, tmp_path: Path) -> None:
    rows = table(100)
    values = rows["u"].to_pylist()
    values[3], values[50], values[70] = None, None, float("nan")
    rows = rows.set_column(rows.column_names.index("u"), "u", pa.array(values, pa.float64()))
    whole = rows["error"].to_pylist()
    whole[4] = None
    rows = rows.set_column(rows.column_names.index("error"), "error", pa.array(whole, pa.int16()))
    report = flow.score_table(rows, tmp_path / "out.parquet", columns=X, context=C, chunk=40)
    found = read(tmp_path / "out.parquet")["log_prob"].to_pylist()
    assert [i for i, one in enumerate(found) if one is None] == [3, 4, 50]
    assert np.isnan(found[70])
    assert (report.rows, report.nulls, report.undefined) == (100, 3, 1)


def test_rows_have_the_same_bits_however_a_table_is_cut(
    flow: flowir.CompiledFlow, tmp_path: Path
) -> None:
    rows = table(65)  # The last chunk of 64 rows has one.
    for chunk in (1, 2, 64):
        flow.score_table(rows, tmp_path / "out.parquet", columns=X, context=C, chunk=chunk)
        np.testing.assert_array_equal(
            read(tmp_path / "out.parquet")["log_prob"].to_numpy(), expected(flow, rows))


def test_threads_and_processors_do_not_change_the_bytes(tmp_path: Path) -> None:
    rows = table(20_001)
    files = []
    for threads in (None, 1, 3):
        own = flowir.compile(build("NSF"), threads=threads)
        files.append(tmp_path / f"{threads}.parquet")
        own.score_table(rows, files[-1], columns=X, context=C, chunk=10_000)
    assert len({one.read_bytes() for one in files}) == 1
    # Numbers that hardly repeat are written as they are, the others through a dictionary.
    group = pq.ParquetFile(files[0]).metadata.row_group(0)
    encodings = {group.column(n).path_in_schema: group.column(n).encodings for n in range(group.num_columns)}
    assert "RLE_DICTIONARY" in encodings["name"] and "RLE_DICTIONARY" not in encodings["log_prob"]
    if platform.machine() == "x86_64":  # The code that scores is the flow's own, not this processor's.
        other = flowir.compile(build("NSF"), cpu="x86-64")
        other.score_table(rows, files[0], columns=X, context=C)
        np.testing.assert_array_equal(read(files[0])["log_prob"].to_numpy(), expected(other, rows))
        assert other.with_threads(1).path == other.path


def test_an_error_in_a_block_ends_the_run(
    flow: flowir.CompiledFlow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, calls = Scorer.log_prob, iter(range(1000))

    def fail(self: Scorer, x: Any, context: Any) -> Any:
        if next(calls) == 5:
            raise flowir.Error("no more")
        return plain(self, x, context)

    monkeypatch.setattr(Scorer, "log_prob", fail)
    before = threading.active_count()
    with pytest.raises(flowir.Error, match="no more"):
        flow.score_table(table(2000), tmp_path / "out.parquet", columns=X, context=C, chunk=100)
    assert threading.active_count() == before
    assert not (tmp_path / "out.parquet").exists()


def test_folders_of_files_give_folders(flow: flowir.CompiledFlow, tmp_path: Path) -> None:
    rows = [table(300, seed) for seed in range(3)]
    for index, part in enumerate(rows):
        folder = tmp_path / "lake" / f"night={index}"
        folder.mkdir(parents=True)
        pq.write_table(part, folder / "stars.parquet")
    report = flow.score_table(tmp_path / "lake", tmp_path / "out", columns=X, context=C)
    assert report.rows == 900
    for index, part in enumerate(rows):
        found = read(tmp_path / "out" / f"night={index}" / "stars.parquet")
        np.testing.assert_array_equal(found["log_prob"].to_numpy(), expected(flow, part))
    flow.score_table(tmp_path / "lake", tmp_path / "one.parquet", columns=X, context=C, chunk=256)
    one = read(tmp_path / "one.parquet")
    np.testing.assert_array_equal(
        one["log_prob"].to_numpy(), np.concatenate([expected(flow, part) for part in rows]))
    assert set(one["night"].to_pylist()) == {0, 1, 2}
    again = flow.score_table(tmp_path / "lake", tmp_path / "out", columns=X, context=C, resume=True)
    assert again.resumed == 900 and again.mean == report.mean


SLOW = """
import sys, time, flowir
from flowir.tables._scorer import Scorer
flow = flowir.compile(sys.argv[1])
plain = Scorer.log_prob
def slow(*arguments):
    time.sleep(0.04)
    return plain(*arguments)
Scorer.log_prob = slow
flow.score_table(sys.argv[2], sys.argv[3], columns=["u", "g", "r"], context=["z", "error"], chunk=100,
    resume=True)
"""


def test_a_killed_run_goes_on_to_the_same_bytes(flow: flowir.CompiledFlow, tmp_path: Path) -> None:
    pq.write_table(table(5000), tmp_path / "in.parquet", row_group_size=170)
    flow.save(tmp_path / "model.safetensors")
    output, journal = tmp_path / "out.parquet", tmp_path / ".out.parquet.journal"
    flow.score_table(tmp_path / "in.parquet", tmp_path / "whole.parquet", columns=X, context=C, chunk=100)
    command = [
        sys.executable, "-c", SLOW, str(tmp_path / "model.safetensors"), str(tmp_path / "in.parquet"),
        str(output)]
    sizes = [0]
    for _ in range(2):
        process = subprocess.Popen(command)
        deadline = time.monotonic() + 60
        while not journal.exists() or journal.stat().st_size < sizes[-1] + 1500:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not output.exists()
        sizes.append(journal.stat().st_size)
    with open(journal, "ab") as file:  # A chunk that was written by halves.
        file.write(b"half a chunk")
    with pytest.raises(flowir.Error, match="is of a run with another model, other arguments or other files"):
        flow.score_table(
            tmp_path / "in.parquet", output, columns=X, context=C, chunk=200, resume=True)
    report = flow.score_table(
        tmp_path / "in.parquet", output, columns=X, context=C, chunk=100, resume=True)
    assert 200 < report.resumed < 5000
    assert output.read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert not journal.exists()


def test_memory_does_not_grow_with_the_table(flow: flowir.CompiledFlow, tmp_path: Path) -> None:
    flow.save(tmp_path / "model.safetensors")
    script = """
import resource, sys, flowir
flow = flowir.compile(sys.argv[1])
for name in ("small", "large"):
    flow.score_table(f"{sys.argv[2]}/{name}.parquet", f"{sys.argv[2]}/out.parquet",
        columns=["u", "g", "r"], context=["z", "error"], chunk=20_000)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    part = table(50_000)
    for name, count in (("small", 8), ("large", 80)):
        with pq.ParquetWriter(tmp_path / f"{name}.parquet", part.schema) as writer:
            for _ in range(count):
                writer.write_table(part, row_group_size=25_000)
    found = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "model.safetensors"), str(tmp_path)], check=True,
        capture_output=True, text=True).stdout.split()
    small, large = (int(one) / 1024 for one in found)
    # 3,600,000 rows more, which are 200 MB of numbers and names.
    assert large < small + 60, f"{small:.0f} MB, then {large:.0f} MB"


def test_a_full_disk_leaves_the_old_output(flow: flowir.CompiledFlow, tmp_path: Path) -> None:
    output = tmp_path / "out.parquet"
    output.write_bytes(b"old")
    pq.write_table(table(200_000), tmp_path / "in.parquet")
    flow.save(tmp_path / "model.safetensors")
    script = SLOW.replace("time.sleep(0.04)", "pass").replace("chunk=100", "chunk=10_000")

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    found = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "model.safetensors"),
         str(tmp_path / "in.parquet"), str(output)],
        capture_output=True, text=True, preexec_fn=limit, env=os.environ)
    assert found.returncode != 0 and "flowir._errors.Error" in found.stderr, found.stderr
    assert "File too large" in found.stderr
    assert output.read_bytes() == b"old"
