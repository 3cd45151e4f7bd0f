"""Writes the values that the distributions are tested against, computed by Zuko in float64.

usage: distribution_values.py OUTPUT.safetensors   (needs torch, zuko and safetensors)
"""

import sys

import torch
from safetensors.torch import save_file
from torch.distributions import MultivariateNormal, Normal, Uniform
from zuko.distributions import (
    BoxUniform, DiagNormal, GeneralizedNormal, Joint, Maximum, Minimum, Sort, TopK,
    TransformedUniform, Truncated)
from zuko.transforms import SigmoidTransform

torch.set_default_dtype(torch.float64)
torch.manual_seed(0)


def main(path):
    values = {}
    scalar = torch.cat([torch.linspace(-3, 3, 41), torch.tensor([-0.5, 0.0, 1.0, 2.0])])
    values["x"] = scalar
    lower, upper = torch.tensor(-0.5), torch.tensor(1.0)
    normal = Normal(torch.tensor(0.3), torch.tensor(1.2))
    scalars = {
        "normal": normal,
        "uniform": Uniform(torch.tensor(-2.0), torch.tensor(1.5)),
        "transformed": TransformedUniform(SigmoidTransform(), torch.tensor(-2.0), torch.tensor(1.0)),
        "truncated": Truncated(normal, lower, upper),
        "minimum": Minimum(normal, 3),
        "maximum": Maximum(normal, 3),
    }
    for name, distribution in scalars.items():
        values[f"{name}.log_prob"] = distribution.log_prob(scalar)
    for name in ["normal", "truncated"]:
        values[f"{name}.cdf"] = scalars[name].cdf(scalar)
    for beta in [0.5, 1.0, 2.0, 3.5, 10.0]:
        parameter = torch.tensor(beta, requires_grad=True)
        log_prob = GeneralizedNormal(parameter).log_prob(scalar)
        values[f"generalized.{beta}.log_prob"] = log_prob.detach()
        (gradient,) = torch.autograd.grad(log_prob.sum(), parameter)
        values[f"generalized.{beta}.gradient"] = gradient
        # P(X ≤ x) by the incomplete gamma function.
        inside = torch.special.gammainc(torch.tensor(1 / beta), scalar.abs() ** beta)
        outside = torch.special.gammaincc(torch.tensor(1 / beta), scalar.abs() ** beta)
        values[f"generalized.{beta}.cdf"] = torch.where(
            scalar < 0, outside / 2, 0.5 + inside / 2)
    vectors = torch.randn(60, 3)
    vectors[:40] = vectors[:40].sort(dim=-1).values
    vectors[40:50] = vectors[40:50].sort(dim=-1, descending=True).values
    values["v"] = vectors
    tril = torch.tensor([[1.0, 0, 0], [0.5, 0.8, 0], [-0.3, 0.2, 1.5]])
    loc = torch.tensor([0.1, -0.2, 0.3])
    covariance = tril @ tril.T
    values["tril"] = tril
    values["covariance"] = covariance
    rows = {
        "sort": Sort(normal, 3),
        "sort.descending": Sort(normal, 3, descending=True),
        "topk": TopK(normal, 3, 5),
        "topk.descending": TopK(normal, 3, 5, descending=True),
        "multivariate": MultivariateNormal(loc, covariance),
        "joint": Joint(
            DiagNormal(torch.zeros(2), torch.tensor([1.0, 2.0])),
            BoxUniform(torch.tensor([-1.0]), torch.tensor([2.0]))),
    }
    for name, distribution in rows.items():
        values[f"{name}.log_prob"] = distribution.log_prob(vectors)
    save_file({name: value.contiguous() for name, value in values.items()}, path)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
