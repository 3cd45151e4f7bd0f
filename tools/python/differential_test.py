"""Compares flowir with Zuko on random architectures of every kind.

usage: differential_test.py FLOWIR [--seed N] [--count N] [--seconds N] [--dtype f64|f32]

FLOWIR is the executable. Draws flows (kind, sizes, depths, activations, masks, orders, passes, bins,
degrees, contexts, parts and bases) at random, saves Zuko's parameters as model files, and compares in
float64 and float32: log-densities, transforms and log-determinants, inverses, the log-densities of
samples, the loss and its gradients with respect to every parameter, row and context. Needs torch,
zuko, safetensors and numpy.

Case N is drawn from the seed N alone: `--seed N --count 1` repeats it. Exits with 1 if any disagrees.
"""

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
import traceback
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool


def check(flowir, seed, dtypes):
    """The description drawn from a seed, what disagrees, the worst error by its limit, and seconds."""
    start = time.time()
    # Imported where it is used: the process that hands out the work needs no torch.
    import torch
    from differential_case import Case
    from differential_check import Check

    torch.set_num_threads(1)
    description, failures, worst = {}, [], {}
    try:
        case = Case(seed)
        description = case.description
        reference = case.values()
        for dtype in dtypes:
            with tempfile.TemporaryDirectory() as folder:
                # Objects of thousands of models would fill the user's cache.
                os.environ["XDG_CACHE_HOME"] = folder
                comparison = Check(case, reference, dtype, flowir, folder)
                failures += comparison.run()
                worst[dtype] = comparison.worst
    except Exception as error:
        failures.append("".join(traceback.format_exception(error)))
    return description, failures, worst, time.time() - start


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flowir", help="the executable")
    parser.add_argument("--seed", type=int, default=0, help="the first case")
    parser.add_argument("--count", type=int, help="how many cases; no limit if left out")
    parser.add_argument("--seconds", type=float, help="for how long to start new ones; 60 if neither")
    parser.add_argument("--dtype", choices=["f64", "f32"], help="both if left out")
    arguments = parser.parse_args()
    dtypes = [arguments.dtype] if arguments.dtype else ["f64", "f32"]
    flowir = os.path.abspath(arguments.flowir)
    if arguments.count is None and arguments.seconds is None:
        arguments.seconds = 60
    end = time.time() + (arguments.seconds or float("inf"))
    workers = os.cpu_count() or 1
    seed, running, done, failed = arguments.seed, {}, 0, []
    with ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), max_tasks_per_child=50
    ) as pool:
        while True:
            while (len(running) < workers and time.time() < end
                   and (arguments.count is None or seed < arguments.seed + arguments.count)):
                running[pool.submit(check, flowir, seed, dtypes)] = seed
                seed += 1
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                number = running.pop(future)
                try:
                    description, failures, worst, seconds = future.result()
                except BrokenProcessPool:
                    died = ", ".join(map(str, [number, *running.values()]))
                    sys.exit(f"a process died while it checked one of the cases {died}")
                report(number, description, failures, worst, seconds)
                done += 1
                failed += [number] if failures else []
    print(f"{done - len(failed)} of {done} random flows agree with Zuko")
    if failed:
        print("failed: " + ", ".join(f"--seed {number} --count 1" for number in failed))
    sys.exit(1 if failed or not done else 0)


def report(seed, description, failures, worst, seconds):
    """One line on a case, and what failed."""
    shares = " ".join(f"{dtype} {value:.0e}" for dtype, value in worst.items())
    print(
        f"{'FAIL' if failures else 'ok  '} {seed} {seconds:.1f} s {shares} {json.dumps(description)}",
        flush=True)
    for failure in failures:
        print(f"     {failure}", flush=True)


if __name__ == "__main__":
    main()
