"""Times one value and gradient of log_prob through each library that compiled flows take part in.

usage: adapters.py [--workload NAME …] [--rows N …] [--passes N] [--seconds S]

Prints a table for the documentation: the time of a call with 1, 100 and 1,000,000 rows, natively (NumPy
arrays), in JAX (a jitted value and gradient), PyTorch (autograd) and PyTensor (a compiled function), and of
Zuko in PyTorch alone. Zuko handles the million in parts of 16,384 rows, since it would not fit in memory
otherwise. Needs the Python package `flowir`, Zuko, JAX and PyTensor; a library that is missing is left out.

Each number of rows has a process of its own, and each cell is the median of several passes. On a busy machine run it under `chrt -r 50`.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
import zuko

import flowir
from timing import measure

ZUKO_PART = 16_384


def is_there(module):
    return importlib.util.find_spec(module) is not None


def native(flow, x, c):
    return lambda: flow.log_prob_and_grad(x, c)


def in_jax(flow, x, c):
    import jax

    ours = flow.jax()
    both = jax.jit(jax.value_and_grad(
        lambda x: ours.log_prob(x, c).sum()))
    x = jax.numpy.asarray(x)
    return lambda: jax.block_until_ready(both(x))


def through_torch(density, x, c):
    """A call of autograd through a function of two tensors."""
    x = torch.from_numpy(x)
    c = None if c is None else torch.from_numpy(c)

    def call():
        for rows, given in parts(x, c) if density.in_parts else [(x, c)]:
            rows = rows.detach().requires_grad_()
            density(rows, given).sum().backward()

    return call


def parts(x, c):
    for start in range(0, len(x), ZUKO_PART):
        stop = start + ZUKO_PART
        yield x[start:stop], None if c is None else c[start:stop]


class Density:
    """log p of tensors, by a compiled flow or by Zuko's."""

    def __init__(self, flow, in_parts):
        self.flow, self.in_parts = flow, in_parts

    def __call__(self, x, c):
        if self.in_parts:
            return self.flow(c).log_prob(x)
        return self.flow.log_prob(x, c)


def in_pytensor(flow, x, c):
    import pytensor
    import pytensor.tensor as pt

    given = pt.matrix("x", dtype="float32")
    fixed = () if c is None else (pt.constant(c),)
    value = flow.pytensor()(given, *fixed).sum()
    function = pytensor.function([given], [value, pt.grad(value, given)])
    function.trust_input = True
    return lambda: function(x)


def hosts(live, flow, x, c):
    """What is measured: a name, and the call."""
    yield "native", native(flow, x, c)
    if is_there("jax"):
        yield "JAX", in_jax(flow, x, c)
    yield "PyTorch", through_torch(Density(flow, False), x, c)
    if is_there("pytensor"):
        yield "PyTensor", in_pytensor(flow, x, c)
    yield "Zuko alone", through_torch(Density(live, True), x, c)


def duration(seconds):
    """A time with three digits and its unit."""
    for unit, scale in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def times(workload, rows, passes, seconds):
    """The seconds of a call through each library."""
    torch.distributions.Distribution.set_default_validate_args(False)
    torch.manual_seed(1)
    settings = dict(workload["flow"])
    kind, context = settings.pop("type"), settings.get("context", 0)
    live = getattr(zuko.flows, kind)(**settings).requires_grad_(False)
    flow = flowir.compile(live)
    generator = np.random.default_rng(1)
    x = generator.uniform(-2, 2, (rows, flow.features)).astype("f4")
    c = generator.uniform(-2, 2, (rows, context)).astype("f4") if context else None
    return {
        name: 1 / measure(call, 1, passes, seconds)["median"] for name, call in hosts(live, flow, x, c)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workload", action="append")
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 100, 1_000_000])
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.4)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    names = arguments.workload or ["maf-power", "nsf-default"]
    workloads = json.loads((Path(__file__).parents[1] / "workloads.json").read_text())
    for workload in (one for one in workloads if one["name"] in names):
        if arguments.one:
            print(json.dumps(
                times(workload, arguments.rows[0], arguments.passes, arguments.seconds)))
            return
        table = {}
        for rows in arguments.rows:
            found = subprocess.run(
                [sys.executable, __file__, "--one", "--workload", workload["name"], "--rows", str(rows),
                 "--passes", str(arguments.passes), "--seconds", str(arguments.seconds)],
                stdout=subprocess.PIPE, text=True, check=True)
            for name, seconds in json.loads(found.stdout.splitlines()[-1]).items():
                table.setdefault(name, []).append(duration(seconds))
        print(f"\n{workload['name']}:\n\n| through | "
              + " | ".join(f"{rows:,} rows" if rows > 1 else "1 row" for rows in arguments.rows)
              + " |\n| --- |" + " ---: |" * len(arguments.rows))
        for name, cells in table.items():
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
