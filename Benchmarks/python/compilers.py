"""Compares the code that C compilers make of the same flows.

usage: compilers.py [--workload NAME …] [--compiler COMMAND …] [--passes N]

Rates with one thread, in passes that take turns, so that what else the machine does meets all alike; the first
compiler is what the others are compared with. Needs the Python package `flowir`, Zuko and the compilers. On a
busy machine run it under `chrt -r 50`.
"""

import argparse
import json
import os
import shutil
import statistics
import time
from pathlib import Path

import numpy as np
import torch
import zuko

import flowir


def calls(flow, x, c):
    return {
        "log_prob": lambda: flow.log_prob(x, c),
        "sample": lambda: flow.sample(len(x), None if c is None else c[0], seed=1),
        "gradient": lambda: flow.log_prob_and_grad(x, c),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workload", action="append")
    parser.add_argument("--compiler", action="append")
    parser.add_argument("--passes", type=int, default=9)
    arguments = parser.parse_args()
    compilers = arguments.compiler or [one for one in ("clang", "gcc") if shutil.which(one)]
    found = json.loads((Path(__file__).parents[1] / "workloads.json").read_text())
    print("| flow | | " + " | ".join(f"{one}, rows/s" for one in compilers) + " | "
          + " | ".join(f"{one} / {compilers[0]}" for one in compilers[1:]) + " |\n| --- | --- |"
          + " ---: |" * (2 * len(compilers) - 1))
    for workload in found:
        if workload["name"] not in (arguments.workload or ["maf-power", "nsf-default", "nsf-power"]):
            continue
        torch.manual_seed(1)
        settings = dict(workload["flow"])
        live = getattr(zuko.flows, settings.pop("type"))(**settings)
        rows = 100_000 if workload["name"] != "nsf-power" else 10_000
        generator = np.random.default_rng(1)
        made = []
        for compiler in compilers:
            os.environ["CC"] = compiler
            flow = flowir.compile(live, threads=1)
            x = generator.uniform(-2, 2, (rows, flow.features)).astype("f4")
            c = generator.uniform(-2, 2, (rows, flow.context)).astype("f4") if flow.context else None
            made.append(calls(flow, x, c))
        for function in made[0]:
            rates = [[] for _ in compilers]
            for number in range(arguments.passes + 1):
                for each, functions in zip(rates, made):
                    start = time.perf_counter()
                    functions[function]()
                    each.append(rows / (time.perf_counter() - start))
            medians = [statistics.median(each[1:]) for each in rates]  # The first pass warms up.
            cells = [f"{one / 1e6:.3g} M" for one in medians] + [
                f"{one / medians[0]:.2f}" for one in medians[1:]]
            print(f"| {workload['name']} | {function} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
