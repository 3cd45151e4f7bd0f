"""Compares the rate of score_table on a file of Parquet with that of the C interface on arrays in memory.

usage: tables.py [--workload NAME …] [--rows N] [--passes N] [--keep none | all]

The file lies in the page cache; the output, log p alone or beside all columns, is written as Parquet too.
What a row takes of processors' time apart from scoring (decoding, interleaving columns, encoding) is measured
in one thread; with it the table has the rate that nothing could exceed, where these and scoring share the
processors evenly:

    bound = processors / (processors × time of a row in the C interface + processor time of the rest)

Needs the Python package `flowir`, pyarrow and Zuko. On a busy machine run it under `chrt -r 50`.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import zuko

import flowir


def seconds(call, passes):
    """The median time of a call, and of the processor time of the whole process, after a warm-up."""
    call()
    walls, processors = [], []
    for _ in range(passes):
        start, used = time.perf_counter(), time.process_time()
        call()
        walls.append(time.perf_counter() - start)
        processors.append(time.process_time() - used)
    return statistics.median(walls), statistics.median(processors)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workload", action="append")
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--keep", choices=["none", "all"], default="none")
    arguments = parser.parse_args()
    found = json.loads((Path(__file__).parents[1] / "workloads.json").read_text())
    names = arguments.workload or ["maf-power", "nsf-default", "nsf-power"]
    rows, processors = arguments.rows, len(os.sched_getaffinity(0))
    print("| flow | C interface, rows/s | score_table, rows/s | share | bound | share of the bound |\n"
          "| --- | ---: | ---: | ---: | ---: | ---: |")
    for workload in (one for one in found if one["name"] in names):
        torch.manual_seed(1)
        settings = dict(workload["flow"])
        flow = flowir.compile(getattr(zuko.flows, settings.pop("type"))(**settings))
        generator = np.random.default_rng(1)
        x = generator.uniform(-2, 2, (rows, flow.features)).astype("f4")
        c = generator.uniform(-2, 2, (rows, flow.context)).astype("f4") if flow.context else None
        columns = {f"x{n}": x[:, n] for n in range(flow.features)}
        conditions = {f"c{n}": c[:, n] for n in range(flow.context)}
        with tempfile.TemporaryDirectory(prefix="flowir-") as name:
            source, output = Path(name, "in.parquet"), Path(name, "out.parquet")
            pq.write_table(pa.table(columns | conditions), source)
            out = np.empty(rows, "f4")
            direct, _ = seconds(lambda: flow.log_prob(x, c, out=out), arguments.passes)
            keep = [] if arguments.keep == "none" else None

            def score():
                flow.score_table(
                    source, output, columns=list(columns), context=list(conditions), keep=keep,
                    progress=False)

            wall, used = seconds(score, arguments.passes)
        rest = max(0.0, used - processors * direct)
        bound = processors / (processors * direct + rest)
        cells = [f"{rows / direct / 1e6:.2f} M", f"{rows / wall / 1e6:.2f} M", f"{direct / wall:.2f}",
                 f"{bound * rows / 1e6:.2f} M", f"{1 / wall / bound:.2f}"]
        print(f"| {workload['name']} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
