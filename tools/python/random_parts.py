"""Random custom flows: lazy parts of every class, composed so that each gets what it is defined for."""

import math
import random

from random_flows import chance, continuous, element_wise, network, passes, sizes

# Where the values are between two parts: on the real line, above 0, in (0, 1), (-1, 1), (-pi/2, pi/2),
# (0, pi) or (-pi, pi).
STARTS = ["real"] * 6 + ["positive", "unit", "symmetric", "circle"]
BOXES = {"unit": (0.0, 1.0), "symmetric": (-1.0, 1.0), "circle": (-math.pi, math.pi)}

# What leads from one of these to another: the class, its arguments.
STEPS = {
    "real": [
        ("unit", "SigmoidTransform", {}), ("symmetric", "TanhTransform", {}),
        ("symmetric", "SoftclipTransform", {"bound": 1.0}),
        ("circle", "SoftclipTransform", {"bound": math.pi}),
        ("positive", "ExpTransform", {}), ("positive", "SoftplusTransform", {}),
    ],
    "positive": [
        ("real", "ExpTransform", {"inverse": True}), ("real", "SoftplusTransform", {"inverse": True}),
        ("positive", "PowerTransform", {}),
    ],
    "unit": [("real", "SigmoidTransform", {"inverse": True})],
    "symmetric": [
        ("real", "TanhTransform", {"inverse": True}),
        ("real", "SoftclipTransform", {"bound": 1.0, "inverse": True}),
        ("sine", "SinTransform", {"inverse": True}), ("cosine", "CosTransform", {"inverse": True}),
    ],
    "sine": [("symmetric", "SinTransform", {})],
    "cosine": [("symmetric", "CosTransform", {})],
    "circle": [
        ("circle", "CircularShiftTransform", {"bound": math.pi}),
        ("real", "SoftclipTransform", {"bound": math.pi, "inverse": True}),
    ],
}


def custom():
    """A random custom flow, the domain of its rows, and the box of its base if it has to be one."""
    flow = {"type": "Flow", **sizes(is_small=True)}
    features, context = flow["features"], flow["context"]
    domain = start = random.choice(STARTS)
    parts = []
    for _ in range(random.randint(1, 5)):
        if domain in ("real", "circle") and chance(0.7):
            parts.append(part(features, context, domain))
        else:
            domain = step(parts, domain)
    base = random.choice(["DiagNormal", "DiagNormal", "BoxUniform", "GeneralizedNormal"])
    while domain != "real" and (base != "BoxUniform" or domain not in BOXES):
        domain = step(parts, domain, towards="real")
    if not parts:
        parts.append(part(features, context, domain))
    flow["transform"] = parts[0] if len(parts) == 1 and chance(0.5) else parts
    flow["base"] = {
        "type": "UnconditionalDistribution", "f": {"type": base}, "buffer": chance(0.7)}
    return flow, start, BOXES.get(domain) if base == "BoxUniform" else None


def step(parts, domain, towards=None):
    """Adds a part that leads to another domain, which it gives."""
    choices = [choice for choice in STEPS[domain] if towards in (None, choice[0])] or STEPS[domain]
    target, kind, arguments = random.choice(choices)
    if domain == "real":
        # Far out these lose all digits, here as there.
        parts.append(unconditional("SoftclipTransform", {"bound": 4.0}))
    parts.append(unconditional(kind, arguments))
    return target


def unconditional(kind, arguments, buffer=False):
    return {"type": "UnconditionalTransform", "f": {"type": kind, **arguments}, "buffer": buffer}


def part(features, context, domain, depth=0):
    """A part that maps a domain to itself."""
    if depth < 2 and chance(0.1):
        inner = [part(features, context, domain, depth + 1) for _ in range(random.randint(1, 3))]
        return {"type": "LazyComposedTransform", "transforms": inner}
    if domain == "real" and chance(0.3):
        kind = random.choice([
            "AffineTransform", "AdditiveTransform", "MonotonicAffineTransform", "LULinearTransform",
            "SignedPowerTransform", "PermutationTransform", "RotationTransform",
            "IdentityTransform", "MonotonicAffineTransform"])
        arguments = {"inverse": True} if chance(0.3) else {}
        if kind == "MonotonicAffineTransform" and chance(0.5):
            arguments["slope"] = 0.05
        return unconditional(kind, arguments, chance(0.5))
    if domain == "real" and chance(0.1):
        return {"type": "FFJTransform", "features": features, "context": context, **continuous()}
    result = lazy(features, context, domain)
    # The image of this one is bounded.
    if result.get("univariate", {}).get("type") == "GaussianizationTransform":
        return result
    return {"type": "LazyInverse", "transform": result} if chance(0.25) else result


def lazy(features, context, domain):
    """A part with parameters for each feature."""
    kind = random.choice([
        "MaskedAutoregressiveTransform", "GeneralCouplingTransform", "ElementWiseTransform"])
    result = {"type": kind, "features": features, "context": context}
    if domain != "real" or chance(0.7):
        result.update(element_wise(domain))
    if kind == "ElementWiseTransform" or features == 1:
        if context:
            result.update(network(normalize=True))
        return result
    if kind == "GeneralCouplingTransform":
        if chance(0.6):
            mask = [1, 0] + [random.randint(0, 1) for _ in range(features - 2)]
            random.shuffle(mask)
            result["mask"] = mask
        return {**result, **network(normalize=True)}
    way = random.choice(["", "passes", "order", "adjacency"])
    if way == "passes":
        result["passes"] = passes(features, context)
    if way == "order":
        result["order"] = random.sample(range(features), features)
    if way == "adjacency":
        result["adjacency"] = adjacency(features, context if chance(0.5) else 0)
    return {**result, **network(residual=True)}


def adjacency(features, context):
    """A random graph without cycles and with an edge, each feature its own parent too."""
    order = random.sample(range(features), features)

    def is_parent(j, i):
        is_first, is_last = order[j] == 0, order[i] == features - 1
        return i == j or (order[i] > order[j] and ((is_first and is_last) or chance(0.5)))

    return [
        [int(is_parent(j, i)) for j in range(features)]
        + [random.randint(0, 1) for _ in range(context)]
        for i in range(features)
    ]
