"""Zuko flows of every kind, built live."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import zuko
from torch import nn
from zuko.transforms import (
    AdditiveTransform, ComposedTransform, LULinearTransform, MonotonicAffineTransform,
    MonotonicRQSTransform, PermutationTransform, RotationTransform, SOSPolynomialTransform,
    SoftclipTransform,
)

SMALL = {"features": 3, "context": 2, "transforms": 2, "hidden_features": [8, 8]}
LONELY = {"features": 3, "transforms": 2, "hidden_features": [8, 8]}
SPLINE = {"shapes": [(4,), (4,), (3,)]}
flows = zuko.flows
unconditional = flows.UnconditionalTransform


def diag_normal(features: int = 3) -> Any:
    return flows.UnconditionalDistribution(
        zuko.distributions.DiagNormal, torch.zeros(features), torch.ones(features), buffer=True)


def linear_parts() -> Any:
    """Every unconditional part: tensors by name and by position, inverted, in lambdas."""
    return flows.Flow([
        unconditional(torch.distributions.AffineTransform, loc=torch.randn(3), scale=torch.rand(3) + 0.5),
        unconditional(RotationTransform, torch.randn(3, 3)),
        unconditional(lambda A: RotationTransform(A).inv, A=torch.randn(3, 3)),
        unconditional(LULinearTransform, torch.randn(3, 3) / 4 + torch.eye(3)),
        unconditional(PermutationTransform, order=torch.tensor([2, 0, 1]), buffer=True),
        unconditional(MonotonicAffineTransform, torch.randn(3), scale=torch.randn(3), slope=0.1),
        unconditional(lambda: AdditiveTransform(torch.tensor([1.0, 2.0, 3.0]))),
        unconditional(SoftclipTransform, 20.0),
        unconditional(lambda: ComposedTransform(
            torch.distributions.AffineTransform(1.0, 0.5), AdditiveTransform(torch.tensor(-1.0)))),
        flows.MaskedAutoregressiveTransform(3, 0, hidden_features=[8]),
    ], flows.UnconditionalDistribution(
        lambda mu, sigma: zuko.distributions.DiagNormal(mu, sigma.exp()),
        mu=torch.randn(3), sigma=torch.randn(3) / 3))


def nested() -> Any:
    """Lazy parts inside each other."""
    return flows.Flow([
        zuko.lazy.LazyComposedTransform(
            flows.ElementWiseTransform(3, 2, hidden_features=[8]),
            flows.MaskedAutoregressiveTransform(3, 2, order=[2, 0, 1], hidden_features=[8])),
        flows.GeneralCouplingTransform(3, 2, mask=torch.tensor([1, 0, 0]), hidden_features=[8]).inv,
        flows.MaskedAutoregressiveTransform(
            3, 2, adjacency=torch.tensor([[1, 0, 0, 1, 0], [1, 1, 0, 0, 1], [0, 1, 1, 1, 1]]),
            hidden_features=[8, 8]),
    ], diag_normal())


CASES: dict[str, Callable[[], Any]] = {
    "MAF": lambda: flows.MAF(**SMALL),
    "MAF with ELU": lambda: flows.MAF(**SMALL, activation=nn.ELU),
    "MAF residual": lambda: flows.MAF(**{**SMALL, "hidden_features": [8, 8, 6]}, residual=True),
    "MAF randperm": lambda: flows.MAF(**SMALL, randperm=True),
    "MAF of two passes": lambda: flows.MAF(**SMALL, passes=2),
    "MAF of one feature": lambda: flows.MAF(features=1, context=2, hidden_features=[8]),
    "MAF without hidden layers": lambda: flows.MAF(features=3, hidden_features=[]),
    "NSF": lambda: flows.NSF(**SMALL, bins=4),
    "NSF with a slope": lambda: flows.NSF(**SMALL, bins=4, slope=1e-2),
    "NSF without context": lambda: flows.NSF(**LONELY),
    "NCSF": lambda: flows.NCSF(**SMALL, bins=4, slope=2e-3),
    "NICE": lambda: flows.NICE(**SMALL, randmask=True),
    "NICE normalized": lambda: flows.NICE(**SMALL, normalize=True, activation=nn.Tanh),
    "NICE without biases": lambda: flows.NICE(**SMALL, bias=False),
    "RealNVP": lambda: flows.RealNVP(**SMALL),
    "SOSPF": lambda: flows.SOSPF(**SMALL, degree=2, polynomials=2),
    "BPF": lambda: flows.BPF(**SMALL, degree=5),
    "GF": lambda: flows.GF(**SMALL, components=3),
    "GF without context": lambda: flows.GF(features=3, components=3),
    "NAF": lambda: flows.NAF(**SMALL, signal=4, network={"hidden_features": [6]}),
    "UNAF": lambda: flows.UNAF(
        **SMALL, signal=4, network={"hidden_features": [6], "activation": nn.SiLU}),
    "CNF": lambda: flows.CNF(features=3, context=2, hidden_features=[8], freqs=2),
    "GMM": lambda: flows.GMM(features=3, components=3),
    "GMM with context": lambda: flows.GMM(
        features=3, context=2, components=2, epsilon=1e-4, hidden_features=[8], activation=nn.ELU),
    "GMM tied": lambda: flows.GMM(features=3, context=2, tied=True, hidden_features=[8]),
    "GMM spherical": lambda: flows.GMM(features=3, covariance_type="spherical"),
    "GMM diagonal": lambda: flows.GMM(features=3, context=2, covariance_type="diagonal"),
    "partial univariate": lambda: flows.MAF(
        **SMALL, univariate=partial(MonotonicRQSTransform, bound=3.0, slope=1e-4), **SPLINE),
    "lambda univariate": lambda: flows.NICE(
        **SMALL, univariate=lambda *phi: MonotonicRQSTransform(*phi, bound=4), **SPLINE),
    "lambda of a polynomial": lambda: flows.MAF(
        **SMALL, univariate=lambda a: SOSPolynomialTransform(a, slope=0.05), shapes=[(2, 3)]),
    "additive": lambda: flows.NICE(**SMALL, univariate=AdditiveTransform, shapes=[()]),
    "monotonic networks of one": lambda: flows.Flow(
        flows.MaskedAutoregressiveTransform(
            3, 0, hidden_features=[8], univariate=zuko.flows.neural.MNN(signal=4, hidden_features=[6]),
            shapes=[(4,)]), diag_normal()),
    "linear parts": linear_parts,
    "nested parts": nested,
}


def build(name: str) -> Any:
    """The flow of a name, the same each time, with parameters away from their first values."""
    torch.manual_seed(sum(map(ord, name)))
    flow = CASES[name]()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.mul_(1.3)
    return flow.eval()
