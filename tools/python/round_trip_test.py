"""Models that are trained here load into Zuko, and Zuko's load here; both score the same.

usage: round_trip_test.py FLOWIR [--flow NAME]

For each kind of flow: `flowir train` fits a model to galaxies, Zuko loads its file by a strict
`load_state_dict` and scores rows; then Zuko trains that flow for some steps, and `flowir score` reads
what it saves. FLOWIR is the executable. Needs torch, zuko, safetensors and numpy.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import traceback
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

import zuko_flows

GALAXIES = os.path.join(
    os.path.dirname(__file__), "../../Sources/Examples/Galaxies/galaxies.npy")
FEATURES, CONTEXT, ROWS = 3, 2, 1024
SIZE = {"features": FEATURES, "context": CONTEXT}
NETWORK = {"hidden_features": [16, 16]}


def custom():
    """A flow of each kind of lazy part, over a base that is trained too."""
    def unconditional(kind, buffer=False, **arguments):
        return {"type": "UnconditionalTransform", "f": {"type": kind, **arguments}, "buffer": buffer}

    spline = {"univariate": {"type": "MonotonicRQSTransform"}, "shapes": [[8], [8], [7]]}
    return {"type": "Flow", **SIZE, "transform": [
        unconditional("AffineTransform", buffer=True),
        {"type": "MaskedAutoregressiveTransform", **SIZE, **NETWORK, **spline, "order": [2, 0, 1]},
        unconditional("RotationTransform"), unconditional("LULinearTransform"),
        unconditional("PermutationTransform"),
        {"type": "LazyInverse", "transform": {
            "type": "GeneralCouplingTransform", **SIZE, **NETWORK, "mask": [1, 0, 0]}},
        unconditional("SoftclipTransform", bound=20.0),
        {"type": "LazyComposedTransform", "transforms": [
            {"type": "ElementWiseTransform", **SIZE, **NETWORK},
            {"type": "MaskedAutoregressiveTransform", **SIZE, **NETWORK,
             "adjacency": [[1, 0, 0, 1, 0], [1, 1, 0, 0, 1], [0, 1, 1, 1, 1]]}]},
    ], "base": {"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}}}


FLOWS = {
    kind: {"type": kind, **SIZE, **NETWORK}
    for kind in ["MAF", "NSF", "NICE", "RealNVP", "SOSPF", "BPF", "GF", "CNF"]
} | {
    # What Zuko's constructors draw at random is in the file.
    "MAF randperm": {"type": "MAF", **SIZE, **NETWORK, "randperm": True},
    "NICE randmask": {"type": "NICE", **SIZE, **NETWORK, "randmask": True},
    "NCSF": {"type": "NCSF", **SIZE, **NETWORK},
    "NAF": {"type": "NAF", **SIZE, **NETWORK, "transforms": 2, "network": NETWORK},
    "UNAF": {"type": "UNAF", **SIZE, **NETWORK, "transforms": 1, "network": NETWORK},
    "GMM full": {"type": "GMM", **SIZE, **NETWORK, "components": 3},
    "GMM diagonal": {"type": "GMM", **SIZE, "components": 2, "covariance_type": "diagonal"},
    "GMM tied": {"type": "GMM", "features": FEATURES, "components": 3, "tied": True},
    "GMM spherical": {"type": "GMM", "features": FEATURES, "covariance_type": "spherical"},
    "GF without context": {"type": "GF", "features": FEATURES},
    "Flow": custom(),
}


def data(description):
    """Rows of galaxies, standardised, and the columns after them as context, if there is one."""
    rows = np.load(GALAXIES, mmap_mode="r")[:ROWS].astype("f4")
    rows = (rows - rows.mean(0)) / rows.std(0)
    x, context = rows[:, :FEATURES], rows[:, FEATURES:FEATURES + CONTEXT]
    if description["type"] == "NCSF":
        x = np.pi * np.tanh(x / 2)
    return np.ascontiguousarray(x), np.ascontiguousarray(context)


class RoundTrip:
    """Both ways for one flow; what failed, in words."""

    def __init__(self, flowir, description, folder):
        self.flowir, self.description, self.folder = flowir, description, folder
        self.x, self.context = data(description)
        np.save(self.path("x.npy"), self.x)
        np.save(self.path("c.npy"), self.context)
        if not description.get("context"):
            self.context = None
        # Steps of a differential equation are taken by other rules: each is within the tolerances.
        self.limit = 1e-3 if description["type"] == "CNF" else 1e-9
        self.failures = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *arguments):
        # What it compiles would fill the user's cache.
        environment = {**os.environ, "XDG_CACHE_HOME": self.folder}
        subprocess.run(
            [self.flowir, *arguments], check=True, capture_output=True, text=True, env=environment)

    def expect(self, way, model, flow):
        """`flowir score` in float64 gives what Zuko gives."""
        options = [] if self.context is None else ["--context", self.path("c.npy")]
        self.run("score", model, "--input", self.path("x.npy"), *options, "--output",
                 self.path("lp.npy"), "--dtype", "f64")
        found, wanted = np.load(self.path("lp.npy")), self.log_prob(flow.double())
        error = np.abs(found - wanted) / (1 + np.abs(wanted))
        if not error.max() <= self.limit:
            row = int(np.nanargmax(error))
            self.failures.append(f"{way}: row {row} scores {found[row]} instead of {wanted[row]}")

    def log_prob(self, flow):
        with torch.no_grad():
            context = None if self.context is None else torch.from_numpy(self.context).double()
            return flow(context).log_prob(torch.from_numpy(self.x).double()).numpy()

    def trained_here(self):
        """Trains, and loads the file in Zuko, which raises an error for a key too many or too few."""
        with open(self.path("flow.json"), "w") as file:
            json.dump(self.description, file)
        options = [] if self.context is None else ["--context-data", self.path("c.npy")]
        model = self.path("here.safetensors")
        self.run("train", "--config", self.path("flow.json"), "--data", self.path("x.npy"), *options,
                 "--output", model, "--epochs", "2", "--batch-size", "128", "--no-standardize")
        flow, description = zuko_flows.load(model)
        if description != self.description:
            self.failures.append(f"the description changed to {description}")
        self.expect("trained here", model, flow)
        if self.context is None:
            # Zuko has no module for a context that is standardized.
            self.run("train", "--config", self.path("flow.json"), "--data", self.path("x.npy"),
                     "--output", model, "--epochs", "2", "--batch-size", "128", "--standardize")
            flow, _ = zuko_flows.load(model)
            self.expect("trained here, standardized", model, flow)

    def trained_in_zuko(self):
        """Trains for some steps in Zuko, and scores the checkpoint here."""
        torch.manual_seed(0)
        flow = zuko_flows.build(self.description)
        optimizer = torch.optim.Adam(flow.parameters(), lr=1e-3)
        x = torch.from_numpy(self.x[:256])
        context = None if self.context is None else torch.from_numpy(self.context[:256])
        for _ in range(5):
            optimizer.zero_grad()
            loss = -flow(context).log_prob(x).mean()
            loss.backward()
            optimizer.step()
        model = self.path("zuko.safetensors")
        zuko_flows.save(flow, self.description, model)
        self.expect("trained in Zuko", model, flow)


def check(flowir, name):
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        try:
            trip = RoundTrip(flowir, FLOWS[name], folder)
            trip.trained_here()
            trip.trained_in_zuko()
            return trip.failures
        except subprocess.CalledProcessError as error:
            return [f"{' '.join(error.cmd)}: {error.stderr}"]
        except Exception as error:
            return ["".join(traceback.format_exception(error))]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flowir", help="the executable")
    parser.add_argument("--flow", choices=list(FLOWS), help="only this one")
    arguments = parser.parse_args()
    names = [arguments.flow] if arguments.flow else list(FLOWS)
    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda name: check(os.path.abspath(arguments.flowir), name), names)
        for name, failures in zip(names, results):
            print(f"{'FAIL' if failures else 'ok  '} {name}", flush=True)
            for failure in failures:
                print(f"     {failure}", flush=True)
            failed += bool(failures)
    print(f"{len(names) - failed} of {len(names)} flows go to Zuko and back")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
