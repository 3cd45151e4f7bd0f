"""Measures how the rate of scoring in Spark grows from one executor to two, and what a billion rows cost.

usage: engines.py [--workload NAME …] [--rows N] [--passes N]

Each number of executors is a cluster of its own (`local-cluster`), an executor has one core, and the whole
cluster is bound to as many processors as it has executors: the second executor brings a processor with it,
as a second machine would. A table of Parquet lies in the page cache. Three things are timed, medians of
several passes after one that compiles the flow on every executor:

    copy    the rows go through Python unchanged, which is Spark's own part
    score   log p is appended, one thread a task, and thrown away
    write   the same, written as Parquet

Prints a table, and from the rates with one executor the hours of a billion rows on 1, 10 and 100 of them.
Needs the Python package `flowir`, pyspark, Zuko and a Java runtime. On a busy machine run it under `chrt -r 50`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BILLION = 1_000_000_000


def workloads(names):
    found = json.loads((Path(__file__).parents[1] / "workloads.json").read_text())
    return [one for one in found if one["name"] in names]


def make_files(flow, rows, folder):
    """The model, and a table of eight row groups of float32."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    flow.save(folder / "model.safetensors")
    generator = np.random.default_rng(1)
    size = flow.features + flow.context
    table = pa.table({
        f"x{n}": generator.uniform(-2, 2, rows).astype("f4") for n in range(size)})
    pq.write_table(table, folder / "rows.parquet", row_group_size=-(-rows // 8))


def copied(batches):
    yield from batches


def measure(request):
    """The rates of one cluster, in rows a second."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:request["executors"]])
    import pyspark
    from pyspark.sql import SparkSession

    import flowir
    import flowir.spark

    folder = Path(request["folder"])
    os.environ.update(
        SPARK_HOME=str(Path(pyspark.__file__).parent), PYSPARK_PYTHON=sys.executable,
        SPARK_LOCAL_IP="127.0.0.1", SPARK_WORKER_DIR=str(folder / "work"))
    spark = (
        SparkSession.builder.master(f"local-cluster[{request['executors']},1,1024]")
        .config("spark.executor.memory", "1g").config("spark.driver.memory", "1g")
        .config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.files.maxPartitionBytes", request["bytes"] // 8 + 1)
        .config("spark.sql.files.openCostInBytes", 0).getOrCreate())
    spark.sparkContext.setLogLevel("ERROR")
    flow = flowir.compile(folder / "model.safetensors")
    df = spark.read.parquet(str(folder / "rows.parquet"))
    names = df.columns
    scored = flowir.spark.score(
        df, flow, columns=names[:flow.features], context=names[flow.features:])
    calls = {
        "copy": lambda: df.mapInArrow(copied, df.schema).write.format("noop").mode("overwrite").save(),
        "score": lambda: scored.write.format("noop").mode("overwrite").save(),
        "write": lambda: scored.write.mode("overwrite").parquet(str(folder / "scored")),
    }
    rates = {}
    for name, call in calls.items():
        call()
        found = []
        for _ in range(request["passes"]):
            start = time.perf_counter()
            call()
            found.append(request["rows"] / (time.perf_counter() - start))
        rates[name] = statistics.median(found)
    spark.stop()
    print(json.dumps(rates))


def cluster(request):
    """`measure` in a process of its own, for a cluster with affinity and settings of its own."""
    found = subprocess.run(
        [sys.executable, __file__, "--request", json.dumps(request)], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True)
    if found.returncode:
        sys.exit(found.stderr)
    return json.loads(found.stdout.splitlines()[-1])


def hours(rate):
    """The time of a billion rows."""
    seconds = BILLION / rate
    return f"{seconds / 3600:.2g} h" if seconds >= 3600 else f"{seconds / 60:.2g} min"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workload", action="append")
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--request", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.request:
        measure(json.loads(arguments.request))
        return
    import torch
    import zuko

    import flowir

    print("| flow | | 1 executor, rows/s | 2 executors, rows/s | growth | 10⁹ rows on 1 | on 10 | on 100 |\n"
          "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for workload in workloads(arguments.workload or ["maf-power", "nsf-default", "nsf-power"]):
        torch.manual_seed(1)
        settings = dict(workload["flow"])
        live = getattr(zuko.flows, settings.pop("type"))(**settings)
        with tempfile.TemporaryDirectory(prefix="flowir-") as name:
            folder = Path(name)
            make_files(flowir.compile(live), arguments.rows, folder)
            request = {
                "folder": name, "rows": arguments.rows, "passes": arguments.passes,
                "bytes": (folder / "rows.parquet").stat().st_size}
            one, two = (cluster(request | {"executors": count}) for count in (1, 2))
        for kind in one:
            cells = [f"{one[kind] / 1e6:.2f} M", f"{two[kind] / 1e6:.2f} M", f"{two[kind] / one[kind]:.2f}",
                     *(hours(one[kind] * count) for count in (1, 10, 100))]
            print(f"| {workload['name']} | {kind} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
