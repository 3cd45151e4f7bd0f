"""Ray Data: a real local cluster of several processes, whose results are those of one machine to the bit."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flowir
import numpy as np
import pytest

pa = pytest.importorskip("pyarrow")
from engine_cases import X, expected, flow, rows, same  # noqa: E402, F401


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """A cluster with two worker processes."""
    ray = pytest.importorskip("ray")
    ray.init(
        num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100 << 20,
        runtime_env={"env_vars": {
            "PYTHONPATH": os.environ["PYTHONPATH"] + os.pathsep + str(Path(__file__).parent),
            "FLOWIR_EXECUTABLE": os.environ["FLOWIR_EXECUTABLE"],
            "FLOWIR_CACHE": os.environ["FLOWIR_CACHE"]}})
    ray.data.DataContext.get_current().execution_options.preserve_order = True
    yield ray
    ray.shutdown()


class Killer:
    """Kills the worker process of the first task that gets here."""

    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __call__(self, table: Any) -> Any:
        try:
            os.close(os.open(self.marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return table
        os.kill(os.getpid(), signal.SIGKILL)


def test_ray_scores_though_a_worker_is_killed(
    ray: Any, flow: flowir.CompiledFlow, rows: Path, expected: Any, tmp_path: Path
) -> None:
    import flowir.ray

    marker = tmp_path / "killed"
    ds = ray.data.read_parquet(str(rows)).repartition(8).map_batches(Killer(marker), batch_format="pyarrow")
    found = pa.concat_tables(
        flowir.ray.score(ds, flow, keep=["id"]).iter_batches(batch_format="pyarrow")).sort_by("id")
    assert marker.exists()
    assert found.column_names == ["id", "log_prob"] and found["id"].to_pylist() == list(range(20_000))
    assert found["log_prob"][3].as_py() is None
    same(found["log_prob"].to_pylist(), expected)
    with pytest.raises(flowir.Error, match="columns has U, which the table has not"):
        flowir.ray.score(ds, flow, columns={"u": "U"})


def test_ray_draws_the_samples_of_one_machine(ray: Any, flow: flowir.CompiledFlow) -> None:
    import flowir.ray

    contexts = np.random.default_rng(1).standard_normal((3, 2)).astype("f4")
    found = flowir.ray.sample(flow, 1000, context=contexts, seed=5, blocks=4, log_prob="lp")
    frame = found.to_pandas().sort_values("row")
    assert frame["row"].tolist() == list(range(3000)) and list(frame.columns) == ["row", *X, "lp"]
    np.testing.assert_array_equal(
        frame[X].to_numpy("f4").reshape(3, 1000, 3).swapaxes(0, 1), flow.sample(1000, contexts, seed=5))
