"""Compares what flowir gives for a random flow with what Zuko says."""

import os
import random
import subprocess

import numpy as np
import torch
from safetensors.numpy import load_file

import zuko_flows
from compiled_flow import CompiledFlow

# Relative to 1 + |value|, and for gradients to the tensor's largest entry. In float64 both sides are
# exact to rounding, of which there is more the deeper the network. In float32 they are those of
# Tests/ZukoParityTests. A differential equation is solved with tolerances, by steps that are not
# Zuko's: in float32 with those of a flow by default, in float64 with 1e-10, of which Zuko keeps a
# hundredth of the digits for the log-determinant, which it divides by 100.
LIMITS = {
    "f64": {"value": 1e-9, "gradient": 1e-8},
    "f32": {"value": 2e-5, "gradient": 2e-3},
    "f64 continuous": {"value": 1e-7, "gradient": 1e-6},
    "f32 continuous": {"value": 1e-4, "gradient": 1e-2},
}
# How far inputs move to see how sensitive a value is: some hundred units in the last place for
# float64, about two for float32. Rounding within a flow is of that order at each of its steps.
NUDGES = {"f64": 1e-13, "f32": 2e-7}
# Maps whose image is not the whole line: a base may draw what lies outside.
BOUNDED = [
    "NAF", "SOSPF", "GF", "Gaussianization", "Softclip", "Sigmoid", "Tanh", "Exp", "Softplus", "Sin",
    "Cos"]


class Check:
    """The comparisons of one flow in one float type; what failed, in words."""

    def __init__(self, case, reference, dtype, flowir, folder):
        self.case, self.reference, self.dtype = case, reference, dtype
        self.flowir, self.folder = flowir, folder
        self.limits = LIMITS[dtype + (" continuous" if case.is_continuous else "")]
        self.is_bounded = any(kind in str(case.description) for kind in BOUNDED)
        self.failures, self.worst = [], 0.0
        # In float32 Zuko's own errors say how sensitive the flow is, as in the parity tests.
        self.moved = case.values(nudge=NUDGES["f64"]) if dtype == "f64" else case.values(torch.float32)
        self.model = os.path.join(folder, f"{dtype}.safetensors")
        description = case.exact() if dtype == "f64" else case.description
        zuko_flows.save(case.flow, description, self.model)

    def expect(self, name, found, wanted, limit, spread):
        """Each found number is within `limit (1 + |wanted|)` or four times the spread."""
        found, wanted = np.atleast_1d(found), np.atleast_1d(wanted)
        if found.shape != wanted.shape:
            self.failures.append(f"{self.dtype} {name}: {found.shape} instead of {wanted.shape}")
            return
        with np.errstate(invalid="ignore"):
            error = np.abs(found - wanted)
        error[(found == wanted) | (np.isnan(found) & np.isnan(wanted))] = 0
        error[np.isnan(error)] = np.inf
        if "log_prob" in name and not self.case.has_box:
            # The density is positive everywhere: where Zuko says 0 a slope has lost all digits.
            error[np.isneginf(wanted) & np.isfinite(found)] = 0
        allowed = limit * (1 + np.where(np.isfinite(wanted), np.abs(wanted), 0))
        with np.errstate(invalid="ignore"):
            share = np.nan_to_num(error / np.maximum(allowed, 4 * spread), posinf=np.inf)
        if error.size and share.max() > 1:
            index = np.unravel_index(share.argmax(), share.shape)
            place = list(map(int, index))
            self.failures.append(
                f"{self.dtype} {name}{place}: {found[index]:.12g} instead of {wanted[index]:.12g}")
        self.worst = max(self.worst, float(share.max(initial=0)))

    def spread(self, name):
        """How far Zuko's own value moves: each number's in float64, the worst in float32."""
        with np.errstate(invalid="ignore"):
            moved = np.nan_to_num(np.abs(self.moved[name] - self.reference[name]), posinf=0)
        return moved if self.dtype == "f64" else moved.max(initial=0)

    def run(self):
        case, reference, limit = self.case, self.reference, self.limits["value"]
        functions = ["transform", "inverse", "sample"] if case.has_transform else ["sample"]
        if self.dtype == "f32":
            # The C compiler takes most of the time, and the functions are those of float64.
            functions = [random.choice(functions)]
        compiled = CompiledFlow(
            self.flowir, self.model, os.path.join(self.folder, f"lib{self.dtype}.so"), self.dtype,
            case.description["features"], ["log_prob", *functions])
        x = case.x.numpy()
        context = None if case.context is None else case.context.numpy()
        found = compiled.log_prob(x, context)
        self.expect("log_prob", found, reference["log_prob"], limit, self.spread("log_prob"))
        if "transform" in functions:
            z, ladj = compiled.map("transform", x, context)
            self.expect("z", z, reference["z"], limit, self.spread("z"))
            self.expect("ladj", ladj, reference["ladj"], limit, self.spread("ladj"))
        if "inverse" in functions:
            self.inverse(compiled, context)
        if "sample" in functions:
            self.sample(compiled)
        self.gradients(x, context)
        return self.failures

    def inverse(self, compiled, context):
        """Zuko's transform of the inverse leads back, and their log-determinants cancel."""
        z = self.reference["z"]
        found, ladj = compiled.map("inverse", z, context)
        again, forward = self.case.forward(found)
        # An inverse can't be better than the rounding of what it gives.
        nudge = NUDGES[self.dtype]
        moved = [self.case.forward(found * (1 + step)) for step in (nudge, -nudge)]
        with np.errstate(invalid="ignore"):
            spread = [
                np.nan_to_num(np.max([np.abs(other[part] - value) for other in moved], axis=0))
                for part, value in enumerate((again, forward))]
        if self.is_bounded:
            # Where a map is flat to the last digit nothing says what was mapped.
            flat = (self.reference["ladj"] < np.log(nudge)) | (np.abs(found).max(axis=1) > 1e6)
            spread[0][flat], spread[1][flat] = np.inf, np.inf
        limit = self.limits["value"]
        self.expect("f(inverse)", again, z, limit, np.maximum(spread[0], self.spread("z")))
        self.expect(
            "inverse ladj", ladj, -forward, limit, np.maximum(spread[1], self.spread("ladj")))

    def sample(self, compiled):
        """Samples' log-densities are those that Zuko gives them; all rows share one context."""
        case = self.case
        context = None if case.context is None else case.context[:1]
        x, log_prob = compiled.sample(7, 65, None if context is None else context.numpy())
        if not (self.is_bounded or np.isfinite(x).all()):
            self.failures.append(f"{self.dtype} sample: not finite")
            return
        wanted = case.log_prob(x, context)
        if self.is_bounded:
            # What no row is mapped to has no sample, neither here nor there: a root is at the end of
            # its domain, whose multiples overflow, or a map's inverse outside.
            kept = np.isfinite(log_prob) & np.isfinite(wanted) & (np.abs(x).max(axis=1) < 1e6)
            x, log_prob, wanted = x[kept], log_prob[kept], wanted[kept]
            if len(x) == 0:
                return
        nudge = NUDGES[self.dtype]
        moved = [case.log_prob(x * (1 + step), context) for step in (nudge, -nudge)]
        with np.errstate(invalid="ignore"):
            spread = np.nan_to_num(np.max([np.abs(other - wanted) for other in moved], axis=0))
        # Where a sample has rounded to an edge of its domain its density is that of no such number.
        spread[spread > 0.1] = np.inf
        spread = np.maximum(spread, self.spread("log_prob").max(initial=0))
        self.expect("sample log_prob", log_prob, wanted, self.limits["value"], spread)
        found = compiled.log_prob(x, None if context is None else context.numpy())
        self.expect("log_prob of samples", found, wanted, self.limits["value"], spread)

    def gradients(self, x, context):
        """The loss and its gradients with respect to parameters, rows and contexts."""
        def path(name):
            return os.path.join(self.folder, name)

        np.save(path("x.npy"), x)
        options = []
        if context is not None:
            np.save(path("c.npy"), context)
            options = ["--context", path("c.npy")]
        subprocess.run(
            [self.flowir, "gradient", self.model, "--input", path("x.npy"), *options, "--output",
             path("g.safetensors"), "--dtype", self.dtype], check=True)
        gradients = load_file(path("g.safetensors"))
        self.expect(
            "loss", np.array(gradients["loss"], "f8"), self.reference["loss"], self.limits["value"],
            self.spread("loss"))
        wanted = {
            name: value for name, value in self.reference.items() if name.startswith("grad.")}
        overall = max(1.0, *(float(np.abs(value).max(initial=0)) for value in wanted.values()))
        for name, wanted in wanted.items():
            found = gradients.get(name[5:])
            if found is None:
                self.failures.append(f"{self.dtype} gradient {name[5:]}: missing")
                continue
            # Relative to the largest entry: what is far below it, or below all others, is rounding.
            largest = max(float(np.abs(wanted).max(initial=0)), 1e-3 * overall)
            found = found.astype("f8").reshape(wanted.shape) / largest
            self.expect(
                f"gradient {name[5:]}", found, wanted / largest, self.limits["gradient"],
                np.max(self.spread(name), initial=0) / largest)
