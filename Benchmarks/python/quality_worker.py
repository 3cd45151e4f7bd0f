"""Trains one library on one table, once for each seed that it is asked for, and writes what a seed begins with.

usage: quality_worker.py REQUEST      a JSON object, see `quality.py`

Prints a line of JSON when all is imported, built and compiled; then reads a line of standard input and does what it
says, and so on: a seed to train with, of which it prints what became, or a seed and the path of a model file for the
flow that the seed begins with. A library's module has a class `Training` with `start(seed)`, `begin(seed)`,
`epoch(order)` and `log_prob(part)`, the mean of rows of a part.
"""

import json
import math
import os
import sys
import time
import warnings

import numpy as np

PACKAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Sources", "Python", "src")


def write_start(training, seed, path):
    """Writes the flow that a seed begins with as a model file of flowir."""
    sys.path.insert(0, PACKAGE)
    import flowir

    with open(path, "wb") as file:
        file.write(flowir.describe(training.start(seed)).encode())


def train(training, rows, epochs, seed):
    """The validation likelihood and the time after each epoch, and the test likelihood of the best one."""
    random = np.random.default_rng(seed)
    training.begin(seed)
    best, validation, seconds = -math.inf, [], []
    start = time.perf_counter()
    for _ in range(epochs):
        training.epoch(random.permutation(rows))
        found = training.log_prob("validation")
        if found > best:
            best = found
            training.keep()
        validation.append(found)
        seconds.append(time.perf_counter() - start)
    training.restore()
    return {"validation": validation, "seconds": seconds, "test": training.log_prob("test")}


def main(request):
    warnings.filterwarnings("ignore")
    # Standard output is for results alone.
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    data = dict(np.load(request["data"]))
    if request["peer"] == "flowjax":
        from quality_flowjax import Training
    else:
        from quality_zuko import Training
    training = Training(request, data)
    rows = len(data["train"])
    # Whatever is compiled when it is first called is compiled here.
    train(training, rows, 1, seed=0)
    print(json.dumps({"ready": time.time() - request["began"]}), file=output, flush=True)
    for line in sys.stdin:
        seed, *path = line.rstrip("\n").split(" ", 1)
        if path:
            write_start(training, int(seed), path[0])
            found = {}
        else:
            found = train(training, rows, request["epochs"], int(seed))
        print(json.dumps(found), file=output, flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
