"""Writes reference cases of density estimators that sbi made with Zuko.

    python -m venv sbi && sbi/bin/pip install sbi safetensors
    sbi/bin/python tools/python/sbi_fixtures.py Tests/ZukoParityTests/Fixtures/sbi

Each case is a model file that `from_sbi` wrote, with what sbi computed in float64 beside it (see
Tests/ZukoParityTests/README.md). Data lie far from zero, so that z-scoring matters.
"""

import json
import os
import sys
import warnings
import zlib

import torch
from safetensors.torch import save_file
from sbi.neural_nets.embedding_nets import FCEmbedding
from sbi.neural_nets.net_builders import flow as builders
from sbi.utils import BoxUniform

from from_sbi import model

warnings.simplefilter("ignore")
ROWS, FEATURES, CONTEXT = 24, 3, 4
small = dict(hidden_features=8, num_transforms=2)


def positive():
    """A prior of positive numbers."""
    return torch.distributions.Independent(
        torch.distributions.LogNormal(torch.zeros(FEATURES), torch.ones(FEATURES)), 1)


CASES = {
    "maf": ("maf", dict(small)),
    "nsf": ("nsf", dict(small, num_bins=4)),
    "maf-structured": (
        "maf", dict(
            small, z_score_x="structured", z_score_y="structured",
            embedding_net=FCEmbedding(CONTEXT, 2, num_hiddens=6))),
    "maf-residual": ("maf", dict(small, residual=True)),
    "nsf-bounded": (
        "nsf", dict(
            small, num_bins=4, z_score_x="transform_to_unconstrained",
            x_dist=BoxUniform(torch.tensor([-1.0, 0.0, 2.0]), torch.tensor([1.0, 5.0, 2.5])))),
    "nice-positive": (
        "nice", dict(small, z_score_x="transform_to_unconstrained", x_dist=positive())),
    "ncsf": ("ncsf", dict(small, num_bins=4, z_score_x="none")),
    "sospf": ("sospf", dict(small, degree=2, polynomials=2)),
    "naf": ("naf", dict(small, signal=4, network=dict(hidden_features=[6]))),
    "unaf": ("unaf", dict(small, signal=4, network=dict(hidden_features=[6]))),
    "gf": ("gf", dict(small, components=3)),
    "bpf": ("bpf", dict(small, degree=6)),
    "unconditional": (None, dict(small, z_score_x="independent")),
}


def data(arguments, rows):
    prior = arguments.get("x_dist")
    if prior is not None:
        return prior.sample((rows,))
    if arguments.get("z_score_x") == "none":
        return (torch.rand(rows, FEATURES) * 2 - 1) * 3.1
    return torch.randn(rows, FEATURES) * torch.tensor([0.1, 1.0, 5.0]) + torch.tensor([2.0, -9, 70])


def build(kind, arguments):
    x = data(arguments, 200)
    y = torch.randn(200, CONTEXT) * torch.tensor([0.2, 1, 9, 3]) + torch.tensor([90.0, -3, 20, 0])
    if kind is None:
        return builders.build_zuko_unconditional_flow("NSF", x, bins=4, **arguments)
    return getattr(builders, f"build_zuko_{kind}")(x, y, **arguments)


def values(estimator, x, context):
    x.requires_grad_()
    inputs = {"x": x}
    if context is not None:
        inputs["context"] = context.requires_grad_()
        z, ladj = estimator.net(estimator.embedding_net(context)).transform.call_and_ladj(x)
        log_prob = estimator.log_prob(x[None], context)[0]
    else:
        z, ladj = estimator.net().transform.call_and_ladj(x)
        log_prob = estimator.log_prob(x)
    loss = -log_prob.mean()
    gradients = torch.autograd.grad(loss, list(inputs.values()))
    result = {"z": z, "ladj": ladj, "log_prob": log_prob, "loss": loss.reshape(1)}
    result.update({"grad." + k: g for k, g in zip(inputs, gradients)})
    # Gradients of parameters that have the same name in the model file.
    named = {k[4:]: p for k, p in estimator.named_parameters() if k.startswith("net.")}
    log_prob = estimator.log_prob(x) if context is None else estimator.log_prob(x[None], context)[0]
    gradients = torch.autograd.grad(-log_prob.mean(), list(named.values()))
    result.update({"grad." + k: g for k, g in zip(named, gradients)})
    return {k: t.detach().clone().contiguous() for k, t in result.items()}


def main(folder):
    os.makedirs(folder, exist_ok=True)
    for name, (kind, arguments) in CASES.items():
        torch.manual_seed(zlib.crc32(name.encode()))
        # In evaluation mode Zuko leaves out gradients of the networks in NAF and UNAF.
        estimator = build(kind, dict(arguments)).train()
        with torch.no_grad():
            for parameter in estimator.parameters():
                parameter.mul_(0.8 if kind == "gf" else 1.5)
        tensors, description = model(estimator)
        x = data(arguments, ROWS)
        context = None
        if kind is not None:
            scale = torch.tensor([0.2, 1, 9, 3])
            context = torch.randn(ROWS, CONTEXT) * scale + torch.tensor([90.0, -3, 20, 0])
        single = values(estimator, x.clone(), None if context is None else context.clone())
        double = values(
            estimator.double(), x.double(), None if context is None else context.double())
        error = {
            k: (single[k].double() - double[k]).abs().max().item()
            for k in ("log_prob", "z", "ladj")}
        tensors["ref.x"] = x
        if context is not None:
            tensors["ref.context"] = context
        tensors.update({"ref." + k: t for k, t in double.items()})
        save_file(
            tensors, os.path.join(folder, f"{name}.safetensors"),
            metadata={
                "flowir.flow": json.dumps(description),
                "ref.zuko_float32_error": json.dumps(error)})


if __name__ == "__main__":
    main(*sys.argv[1:])
