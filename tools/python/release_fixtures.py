"""Writes reference cases of the release of Zuko that this interpreter has.

For each release make an environment with that release and run

    python -m venv zuko-1.3.1 && zuko-1.3.1/bin/pip install zuko==1.3.1 safetensors
    zuko-1.3.1/bin/python tools/python/release_fixtures.py Tests/ZukoParityTests/Fixtures/releases

A case is one file RELEASE-NAME.safetensors with the tensors that Tests/ZukoParityTests/README.md
lists: parameters in float32, scaled up so that transforms bend, and values and gradients that the
release computed from them in float64. Which cases a release has says `cases`: every flow whose
names, constants or arguments changed, on both sides of the change.
"""

import json
import os
import sys
import warnings
import zlib

import torch
import zuko
from safetensors.torch import save_file

warnings.simplefilter("ignore")
RELEASE = tuple(map(int, zuko.__version__.split(".")))
ROWS = 24


def small(**arguments):
    return dict(features=3, context=2, transforms=2, hidden_features=[8, 8], **arguments)


# Class, arguments, and the releases that have the case: those around each change.
PREBUILT = {
    "maf": ("MAF", small(), "1.0.1 1.4.1 1.5.0"),
    "maf-one-feature": (
        "MAF", dict(small(), features=1), "1.0.1 1.1.0"),
    "nsf": ("NSF", small(bins=4), "0.3.0 1.0.0 1.0.1 1.4.1 1.5.0"),
    "ncsf": ("NCSF", small(bins=4), "0.3.2 1.3.1 1.5.0"),
    "nice": ("NICE", small(), "0.3.1"),
    "realnvp": ("RealNVP", small(), "1.5.0"),
    "sospf": ("SOSPF", small(degree=2, polynomials=2), "1.0.0 1.4.1 1.5.0"),
    "bpf": ("BPF", small(degree=6), "1.1.0 1.2.0"),
    "bpf-linear": ("BPF", small(degree=6, linear=True), "1.1.0"),
    "gf": ("GF", small(components=3), "1.0.0 1.5.0"),
    "naf": (
        "NAF", small(signal=4, network=dict(hidden_features=[6])), "1.0.0 1.1.0"),
    "unaf": (
        "UNAF", small(signal=4, network=dict(hidden_features=[6])),
        "1.0.0 1.0.1 1.1.0 1.4.1 1.5.0"),
    "cnf": (
        "CNF", dict(features=3, context=2, hidden_features=[8]), "0.3.2 1.5.0"),
    "gmm": (
        "GMM", dict(features=3, context=2, components=3, hidden_features=[8]), "1.3.1 1.4.0"),
}


def unconditional(*arguments, distribution=False, **keywords):
    if RELEASE < (1, 2, 0):
        return zuko.flows.Unconditional(*arguments, **keywords)
    if distribution:
        return zuko.flows.UnconditionalDistribution(*arguments, **keywords)
    return zuko.flows.UnconditionalTransform(*arguments, **keywords)


def custom():
    """A flow of parts: default slopes, tensors named by position, sums of squares with a shift."""
    from zuko import transforms
    from zuko.flows.autoregressive import MaskedAutoregressiveTransform
    from zuko.flows.coupling import GeneralCouplingTransform

    common = dict(features=3, context=2, hidden_features=[8])
    spline = [[4], [4], [3]]
    squares = [[2, 3], []] if RELEASE < (1, 5, 0) else [[2, 3]]
    flow = zuko.flows.Flow(
        [
            MaskedAutoregressiveTransform(
                univariate=transforms.MonotonicRQSTransform, shapes=spline, **common),
            unconditional(transforms.RotationTransform, torch.randn(3, 3)),
            GeneralCouplingTransform(**common).inv,
            unconditional(transforms.SoftclipTransform, bound=11.0),
            MaskedAutoregressiveTransform(
                univariate=transforms.SOSPolynomialTransform, shapes=squares, **common),
        ],
        unconditional(
            zuko.distributions.DiagNormal, torch.zeros(3), torch.ones(3), buffer=True,
            distribution=True),
    )
    masked = {"type": "MaskedAutoregressiveTransform", **common}
    part = "UnconditionalTransform"
    description = {
        "type": "Flow", "features": 3, "context": 2,
        "transform": [
            {**masked, "univariate": {"type": "MonotonicRQSTransform"}, "shapes": spline},
            {"type": part, "f": {"type": "RotationTransform"}},
            {"type": "LazyInverse", "transform": {"type": "GeneralCouplingTransform", **common}},
            {"type": part, "f": {"type": "SoftclipTransform", "bound": 11.0}},
            {**masked, "univariate": {"type": "SOSPolynomialTransform"}, "shapes": squares},
        ],
        "base": {"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}, "buffer": True},
    }
    return flow, description


def values(flow, kind, x, context):
    """The tensors of a case, in the dtype of the inputs."""
    x.requires_grad_()
    context.requires_grad_()
    distribution = flow(context)
    result = {}
    if kind != "GMM":
        z, ladj = distribution.transform.call_and_ladj(x)
        result.update(z=z, ladj=ladj)
    log_prob = distribution.log_prob(x)
    finite = torch.isfinite(log_prob)
    loss = -log_prob[finite].sum() / finite.sum()
    inputs = {**dict(flow.named_parameters()), "x": x, "context": context}
    gradients = torch.autograd.grad(loss, list(inputs.values()), allow_unused=True)
    result.update(log_prob=log_prob, loss=loss.reshape(1), loss_rows=finite)
    for name, gradient in zip(inputs, gradients):
        if gradient is not None:
            result["grad." + name] = gradient
    return {name: tensor.detach().clone().contiguous() for name, tensor in result.items()}


def write(folder, name, flow, description):
    kind = description["type"]
    description = {"zuko": zuko.__version__, **description}
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.mul_(0.6 if kind in ("CNF", "GF") else 1.6)
    state = {key: tensor.clone().contiguous() for key, tensor in flow.state_dict().items()}
    x = torch.randn(ROWS, description["features"]) * 1.5
    if kind == "NCSF":
        x = (torch.rand_like(x) * 2 - 1) * 3.1
    elif kind in ("NSF", "Flow"):
        x[:4] *= 5
    context = torch.randn(ROWS, description["context"])
    # In float32 a continuous flow does not get as exact as it is asked to be here.
    single = values(flow, kind, x.clone(), context.clone()) if kind != "CNF" else {}
    double = values(flow.double(), kind, x.double(), context.double())
    error = {
        key: (single[key].double() - double[key])[torch.isfinite(double[key])].abs().max().item()
        for key in ("log_prob", "z", "ladj") if key in single
    }
    tensors = {**state, "ref.x": x, "ref.context": context}
    tensors.update({"ref." + key: tensor for key, tensor in double.items()})
    save_file(
        tensors, os.path.join(folder, f"{zuko.__version__}-{name}.safetensors"),
        metadata={
            "flowir.flow": json.dumps(description), "ref.zuko_float32_error": json.dumps(error)})


def main(folder):
    os.makedirs(folder, exist_ok=True)
    for name, (kind, arguments, only) in PREBUILT.items():
        if zuko.__version__ in only.split():
            torch.manual_seed(zlib.crc32(name.encode()))
            given = dict(arguments)
            if kind == "CNF" and RELEASE >= (1, 0, 0):
                given.update(atol=1e-10, rtol=1e-10)
            flow = getattr(zuko.flows, kind)(**json.loads(json.dumps(given)))
            write(folder, name, flow, {"type": kind, **given})
    if zuko.__version__ in "1.0.0 1.4.1 1.5.0".split():
        torch.manual_seed(5)
        write(folder, "custom", *custom())


if __name__ == "__main__":
    main(*sys.argv[1:])
