"""Random descriptions of pre-built flows, and of what custom flows are made of too."""

import math
import random

KINDS = [
    "MAF", "NSF", "NCSF", "NICE", "RealNVP", "SOSPF", "BPF", "GF", "NAF", "UNAF", "CNF", "GMM",
]
ACTIVATIONS = ["ReLU", "ELU", "Tanh", "SiLU", "GELU", "LeakyReLU", "Softplus", "Sigmoid"]
# Without a kink in any derivative, which the steps of a differential equation would have to find.
SMOOTH = ["Tanh", "SiLU", "GELU", "Softplus", "Sigmoid"]


def chance(probability):
    return random.random() < probability


def sizes(is_small):
    """The arguments that every flow has."""
    return {
        "features": random.choice([1, 2, 3, 4, 5] if is_small else [1, 2, 3, 5, 9, 17]),
        "context": random.choice([0, 0, 1, 3, 5] if is_small else [0, 0, 1, 4, 20]),
    }


def draw(kind):
    """A random description of a kind of flow."""
    flow = {"type": kind, **sizes(is_small=kind in ("NAF", "UNAF", "CNF"))}
    features, context = flow["features"], flow["context"]
    if kind == "CNF":
        return {**flow, **continuous()}
    if kind == "GMM":
        return mixture(flow)
    if chance(0.9):
        flow["transforms"] = random.randint(1, 2 if kind in ("NAF", "UNAF") else 4)
    if kind == "GF":
        if chance(0.8):
            flow["components"] = random.choice([1, 2, 5, 8, 12])
        if context:
            flow.update(network(normalize=True))
        return flow
    if features == 1 and context == 0:
        # One free parameter vector and no network, which takes no arguments.
        return {**flow, **family(kind)}
    if kind in ("NICE", "RealNVP"):
        flow.update(network(normalize=True))
        if chance(0.4):
            flow["randmask"] = True
    else:
        flow.update(network(residual=features > 1))
        if features > 1 and chance(0.3):
            flow["passes"] = passes(features, context)
        if chance(0.3):
            flow["randperm"] = True
    return {**flow, **family(kind)}


def family(kind):
    """The arguments of a kind's element-wise transform."""
    if kind in ("MAF", "NICE", "RealNVP"):
        return element_wise("real") if chance(0.4) else {}
    result = {}
    if kind in ("NSF", "NCSF") and chance(0.8):
        result["bins"] = random.choice([2, 3, 5, 8, 16])
    if kind == "SOSPF" and chance(0.8):
        result.update(degree=random.randint(0, 5), polynomials=random.randint(1, 4))
    if kind == "BPF" and chance(0.8):
        result["degree"] = random.choice([1, 3, 8, 16, 20])
    if kind in ("NSF", "NCSF", "SOSPF") and chance(0.3):
        result["slope"] = random.choice([1e-2, 1e-4])
    if kind in ("NAF", "UNAF"):
        result["signal"] = random.choice([1, 4, 16])
        inner = {"hidden_features": widths([4, 8, 15])}
        if kind == "UNAF" and chance(0.5):
            inner["activation"] = random.choice(ACTIVATIONS)
        if kind == "UNAF" and chance(0.2):
            inner["normalize"] = True
        result["network"] = inner
    return result


def passes(features, context):
    """A number of passes; with one, and without a context, nothing would depend on anything."""
    return random.randint(1 if context else 2, features + 1)


def widths(choices):
    return random.choices(choices, k=random.randint(1, 3))


def network(residual=False, normalize=False):
    """The arguments of a hyper-network."""
    result = {}
    if chance(0.9):
        result["hidden_features"] = widths([5, 16, 33, 64])
    if chance(0.8):
        result["activation"] = random.choice(ACTIVATIONS)
    if residual and chance(0.3):
        result["residual"] = True
    if normalize and chance(0.3):
        result["normalize"] = True
    return result


def continuous():
    """The arguments of a free-form Jacobian transform; tolerances are the caller's."""
    return {
        "freqs": random.randint(1, 4), "hidden_features": widths([4, 8, 16]),
        "activation": random.choice(SMOOTH), "normalize": chance(0.2),
    }


def mixture(flow):
    flow["components"] = random.choice([1, 2, 3, 7])
    flow["covariance_type"] = random.choice(["full", "diagonal", "spherical"])
    flow["tied"] = chance(0.4)
    if chance(0.4):
        flow["epsilon"] = random.choice([1e-6, 1e-3, 0.1])
    if flow["context"]:
        flow.update(network(normalize=True))
    return flow


def element_wise(domain):
    """A family that maps a domain onto the reals, or onto itself."""
    bound = {"circle": math.pi, "real": random.choice([2.0, 4.5, 6.0])}[domain]
    bins, count = random.choice([2, 4, 8]), random.choice([1, 4, 11])
    splines = [[bins], [bins], [bins - 1]]
    slope = {"slope": random.choice([1e-2, 1e-3])}
    choices = [
        ({"type": "MonotonicRQSTransform", "bound": bound, **slope}, splines),
        # With one coefficient Zuko leaves out two steps at the ends, so that its map jumps.
        ({"type": "BoundedBernsteinTransform", "bound": bound}, [[max(count, 2)]]),
    ]
    if domain == "circle":
        choices.append(({"type": "CircularRQSTransform", **slope}, splines))
    else:
        choices += [
            ({"type": "MonotonicAffineTransform", **slope}, [[], []]),
            ({"type": "AdditiveTransform"}, [[]]),
            ({"type": "SignedPowerTransform"}, [[]]),
            ({"type": "BernsteinTransform", "bound": bound}, [[count + 1]]),
            ({"type": "SOSPolynomialTransform", **slope}, [[random.randint(1, 3), count % 6 + 1]]),
            ({"type": "GaussianizationTransform"}, [[count], [count]]),
        ]
    univariate, shapes = random.choice(choices)
    return {"univariate": univariate, "shapes": shapes}
