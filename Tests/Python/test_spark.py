"""Spark: a real local cluster of several processes, whose results are those of one machine to the bit."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import flowir
import numpy as np
import pytest

pa = pytest.importorskip("pyarrow")
from engine_cases import X, expected, flow, rows, same  # noqa: E402, F401


class Killer:
    """Kills the executor of the first task that gets here, in the middle of its rows."""

    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __call__(self, batches: Iterable[Any]) -> Iterator[Any]:
        for index, batch in enumerate(batches):
            yield batch
            if index == 2:
                try:
                    os.close(os.open(self.marker, os.O_CREAT | os.O_EXCL))
                except FileExistsError:
                    continue
                daemon = os.getppid()
                with open(f"/proc/{daemon}/stat") as file:
                    executor = int(file.read().rsplit(")", 1)[1].split()[1])
                os.kill(executor, signal.SIGKILL)


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A cluster of two workers, each a process with an executor process."""
    pyspark = pytest.importorskip("pyspark")
    sql = pytest.importorskip("pyspark.sql")
    home = Path(pyspark.__file__).parent
    os.environ.update(
        SPARK_HOME=str(home), PYSPARK_PYTHON=sys.executable, PYSPARK_DRIVER_PYTHON=sys.executable,
        SPARK_LOCAL_IP="127.0.0.1", SPARK_WORKER_DIR=str(tmp_path_factory.mktemp("spark")))
    session = (
        sql.SparkSession.builder.master("local-cluster[2,1,600]").appName("flowir")
        .config("spark.executor.memory", "600m").config("spark.driver.memory", "600m")
        .config("spark.ui.enabled", "false").config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "500")
        .config("spark.executorEnv.PYTHONPATH", os.environ["PYTHONPATH"] + os.pathsep + str(
            Path(__file__).parent))
        .config("spark.executorEnv.FLOWIR_EXECUTABLE", os.environ["FLOWIR_EXECUTABLE"])
        .config("spark.executorEnv.FLOWIR_CACHE", os.environ["FLOWIR_CACHE"])
        .config("spark.sql.session.timeZone", "UTC").getOrCreate())
    yield session
    session.stop()


def test_spark_scores_though_a_worker_is_killed(
    spark: Any, flow: flowir.CompiledFlow, rows: Path, expected: Any, tmp_path: Path
) -> None:
    import flowir.spark

    df = spark.read.parquet(str(rows)).repartition(8, "id")
    assert len({
        one[0] for one in df.mapInArrow(_processes, "process long").collect()}) > 1
    marker = tmp_path / "killed"
    df = df.mapInArrow(Killer(marker), df.schema)
    found = flowir.spark.score(df, flow, keep=["id"]).orderBy("id").collect()
    assert marker.exists()
    assert [one["id"] for one in found] == list(range(20_000))
    assert found[3]["log_prob"] is None
    same([one["log_prob"] for one in found], expected)
    with pytest.raises(flowir.Error, match="columns has U, which the table has not"):
        flowir.spark.score(df, flow, columns={"u": "U"})


def _processes(batches: Iterable[Any]) -> Iterator[Any]:
    for _ in batches:
        yield pa.RecordBatch.from_arrays([pa.array([os.getppid()])], ["process"])


def test_spark_draws_the_samples_of_one_machine(spark: Any, flow: flowir.CompiledFlow) -> None:
    import flowir.spark

    contexts = np.random.default_rng(1).standard_normal((3, 2)).astype("f4")
    found = flowir.spark.sample(
        spark, flow, 1000, context=contexts, seed=5, partitions=4, log_prob="lp").orderBy("row").collect()
    x = np.array([[one[name] for name in X] for one in found], "f4")
    assert [one["row"] for one in found] == list(range(3000))
    np.testing.assert_array_equal(
        x.reshape(3, 1000, 3).swapaxes(0, 1), flow.sample(1000, contexts, seed=5))
