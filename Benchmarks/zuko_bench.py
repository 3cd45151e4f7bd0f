"""Times one workload with Zuko and prints a line of JSON, as `Bench` does for flowir.

usage: zuko_bench.py NAME DESCRIPTION BATCH THREADS eager|compile
"""

import json
import statistics
import sys
import time

import torch
import zuko


def median_rate(count, run, runs=5, warmup=2):
    speeds = []
    for index in range(runs + warmup):
        start = time.perf_counter()
        run()
        if index >= warmup:
            speeds.append(count / (time.perf_counter() - start))
    return statistics.median(speeds)


def main(name, description, batch, threads, mode):
    torch.set_num_threads(int(threads))
    torch.manual_seed(1)
    arguments = json.loads(description)
    flow = getattr(zuko.flows, arguments.pop("type"))(**arguments)
    features, context = arguments["features"], arguments.get("context", 0)
    rows = 8192 if features > 20 else 65536
    x = torch.rand(rows, features) * 4 - 2
    c = torch.rand(rows, context) * 4 - 2 if context else None
    compiled = (lambda f: torch.compile(f, dynamic=False)) if mode == "compile" else (lambda f: f)

    def log_prob(x, c):
        return flow(c).log_prob(x)

    def sample(z, c):
        return flow(c).transform.inv(z)

    result = {"name": name, "threads": int(threads), "mode": mode}
    with torch.no_grad():
        f = compiled(log_prob)
        result["log_prob"] = median_rate(rows, lambda: f(x, c))
        sample_rows = 1024 if features > 20 else 16384
        z = torch.randn(sample_rows, features)
        part = c[:sample_rows] if context else None
        if mode == "eager":
            result["sample"] = median_rate(sample_rows, lambda: sample(z, part), runs=3, warmup=1)
    optimizer = torch.optim.Adam(flow.parameters(), lr=1e-4)
    batch = int(batch)
    xb, cb = x[:batch], c[:batch] if context else None
    loss = compiled(lambda x, c: -flow(c).log_prob(x).mean())

    def step():
        for _ in range(10):
            optimizer.zero_grad()
            loss(xb, cb).backward()
            optimizer.step()

    result["train"] = median_rate(10, step)
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
