"""Compares flowir with Zuko on random architectures, in float64.

usage: differential_test.py FLOWIR [--seed N] [--count N]

FLOWIR is the executable. Needs torch, zuko, safetensors and numpy. Draws flows (kind, sizes, depths,
activations, masks, orders, passes, bins, context) at random, saves Zuko's parameters as a model
file, and compares scores, inverses and gradients. Exits with 1 if any disagrees.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

import numpy as np
import torch
import zuko
from safetensors.numpy import load_file
from safetensors.torch import save_file

ACTIVATIONS = ["ReLU", "ELU", "Tanh", "SiLU", "GELU", "LeakyReLU", "Softplus", "Sigmoid"]


def draw():
    """A random flow description."""
    kind = random.choice(["MAF", "NSF", "NICE", "RealNVP"])
    flow = {
        "type": kind,
        "features": random.choice([1, 2, 3, 5, 9, 17]),
        "context": random.choice([0, 0, 1, 4, 20]),
        "transforms": random.randint(1, 4),
        "hidden_features": random.choices([5, 16, 33, 64, 100], k=random.randint(1, 3)),
        "activation": random.choice(ACTIVATIONS),
    }
    several = flow["features"] > 1
    if not several and flow["context"] == 0:
        flow["context"] = 2
    if kind in ("MAF", "NSF"):
        if several and random.random() < 0.3:
            flow["passes"] = random.randint(2, flow["features"])
        flow["randperm"] = random.random() < 0.3
        if several:
            flow["residual"] = random.random() < 0.3
        if kind == "NSF":
            flow["bins"] = random.choice([2, 3, 8, 16])
    else:
        flow["randmask"] = random.random() < 0.4
        flow["normalize"] = random.random() < 0.3
    return flow


def build(description):
    """Zuko's flow, its parameters scaled up so that the transforms bend."""
    arguments = dict(description)
    kind = arguments.pop("type")
    arguments["activation"] = getattr(torch.nn, arguments["activation"])
    flow = getattr(zuko.flows, kind)(**arguments)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.mul_(1.5)
    return flow


def compare(flowir, description, folder):
    """The worst errors of scores, inverses and gradients."""
    flow = build(description)
    model = os.path.join(folder, "model.safetensors")
    state = {name: tensor.clone() for name, tensor in flow.state_dict().items()}
    save_file(state, model, metadata={"flowir.flow": json.dumps(description)})
    rows = random.choice([1, 50, 200])
    x = torch.randn(rows, description["features"]) * 2
    context, options = None, []
    np.save(os.path.join(folder, "x.npy"), x.double().numpy())
    if description["context"]:
        context = torch.randn(rows, description["context"]).double()
        np.save(os.path.join(folder, "c.npy"), context.numpy())
        options = ["--context", os.path.join(folder, "c.npy")]
    flow.double()
    x = x.double().requires_grad_()
    log_prob = flow(context).log_prob(x)
    (-log_prob.mean()).backward()

    def run(command, source, target, *more):
        subprocess.run(
            [flowir, command, model, "--input", os.path.join(folder, source), *options, "--output",
             os.path.join(folder, target), "--dtype", "f64", *more], check=True)

    run("score", "x.npy", "lp.npy")
    run("transform", "x.npy", "z.npy")
    run("transform", "z.npy", "back.npy", "--inverse")
    run("gradient", "x.npy", "g.safetensors")

    def error(name, wanted):
        found = np.load(os.path.join(folder, name))
        return float(np.max(np.abs(found - wanted) / (1 + np.abs(wanted))))

    gradients = load_file(os.path.join(folder, "g.safetensors"))
    worst = 0.0
    for name, parameter in [*flow.named_parameters(), ("x", x)]:
        wanted = parameter.grad.numpy()
        largest = np.abs(wanted).max()
        if largest > 0:
            found = gradients[name].reshape(wanted.shape)
            worst = max(worst, float(np.abs(found - wanted).max() / largest))
    return error("lp.npy", log_prob.detach().numpy()), error("back.npy", x.detach().numpy()), worst


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("flowir")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=30)
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    torch.manual_seed(arguments.seed)
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(arguments.count):
            description = draw()
            score, inverse, gradient = compare(arguments.flowir, description, folder)
            # The inverse is as good as the map is conditioned; the others are at rounding.
            agrees = score < 1e-9 and gradient < 1e-8 and inverse < 1e-6
            failures += not agrees
            print(
                f"{'ok  ' if agrees else 'FAIL'} score {score:.0e} inverse {inverse:.0e} "
                f"gradient {gradient:.0e} {json.dumps(description)}", flush=True)
    print(f"{arguments.count - failures} of {arguments.count} agree")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
