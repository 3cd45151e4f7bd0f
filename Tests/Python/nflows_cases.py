"""Flows of nflows of every kind, built live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from nflows import distributions, flows, transforms
from nflows.nn import nets
from nflows.transforms import nonlinearities
from torch import nn
from torch.nn import functional

FEATURES, CONTEXT = 3, 2
SQUASH = transforms.PointwiseAffineTransform(0.5, 0.05)
"""Brings features to the unit interval."""
MADE: dict[str, Any] = {"features": FEATURES, "hidden_features": 10, "context_features": CONTEXT}


def flow(*parts: Any, base: Any = None, features: int = FEATURES) -> Any:
    """A flow of transforms over a standard normal base, or another."""
    return flows.Flow(
        transforms.CompositeTransform(list(parts)), base or distributions.StandardNormal([features]))


def maf(**arguments: Any) -> Any:
    """Affine autoregressive transforms with permutations between them."""
    given = {**MADE, **arguments}
    features = given["features"]
    return flow(
        transforms.PointwiseAffineTransform(torch.randn(features), torch.rand(features) + 0.5),
        transforms.MaskedAffineAutoregressiveTransform(**given),
        transforms.RandomPermutation(features),
        transforms.MaskedAffineAutoregressiveTransform(**given),
        transforms.ReversePermutation(features),
        features=features)


def spline(**arguments: Any) -> Any:
    """A rational-quadratic spline in an autoregressive transform."""
    given: dict[str, Any] = {**MADE, "num_bins": 5, "tails": "linear", "tail_bound": 2.0, **arguments}
    return transforms.MaskedPiecewiseRationalQuadraticAutoregressiveTransform(**given)


def residual(context: int | None = CONTEXT, **arguments: Any) -> Any:
    """The function that makes the network of a coupling transform."""
    return lambda inputs, outputs: nets.ResidualNet(
        inputs, outputs, hidden_features=8, context_features=context, **arguments)


def coupling(kind: Any, network: Any = None, **arguments: Any) -> Any:
    """Coupling transforms with alternating masks and linear transforms between them."""
    network = network or residual()
    parts = []
    for mask in ([1, -1, 1], [-1, 1, -1]):
        parts += [kind(mask, network, **arguments), transforms.LULinear(3, identity_init=False)]
    return flow(*parts)


def rqs(network: Any = None, **arguments: Any) -> Any:
    """Coupling transforms of rational-quadratic splines."""
    given: dict[str, Any] = {"num_bins": 5, "tails": "linear", "tail_bound": 2.5, **arguments}
    return coupling(transforms.PiecewiseRationalQuadraticCouplingTransform, network, **given)


def unit_splines() -> Any:
    """Splines without tails, on the unit interval."""
    sigmoid = transforms.PointwiseAffineTransform(0.5, 0.05)
    return flow(sigmoid, spline(tails=None), spline(tails=None), transforms.InverseTransform(sigmoid))


CASES: dict[str, Callable[[], Any]] = {
    "MAF": lambda: maf(use_residual_blocks=False, activation=torch.tanh),
    "MAF with residual blocks": maf,
    "MAF with ELU": lambda: maf(activation=functional.elu, num_blocks=1),
    "MAF normalised": lambda: maf(use_batch_norm=True),
    "MAF of feedforward blocks, normalised": lambda: maf(
        use_residual_blocks=False, use_batch_norm=True),
    "MAF with random masks": lambda: maf(use_residual_blocks=False, random_mask=True),
    "MAF without context": lambda: maf(context_features=None),
    "MAF of one feature": lambda: maf(features=1),
    "MAF of one feature without context": lambda: maf(features=1, context_features=None),
    "splines": lambda: flow(spline(), transforms.RandomPermutation(3), spline(num_bins=4)),
    "splines of other constants": lambda: flow(spline(
        use_residual_blocks=False, min_bin_width=0.01, min_bin_height=0.02, min_derivative=0.1)),
    "splines without tails": unit_splines,
    "NSF": rqs,
    "NSF normalised": lambda: rqs(residual(use_batch_norm=True, activation=functional.elu)),
    "NSF without context": lambda: rqs(residual(None)),
    "affine coupling": lambda: coupling(transforms.AffineCouplingTransform),
    "additive coupling": lambda: coupling(transforms.AdditiveCouplingTransform),
    "normalisations": lambda: flow(
        transforms.BatchNorm(3), transforms.ActNorm(3),
        transforms.CompositeTransform([transforms.IdentityTransform(), transforms.LULinear(3)]),
        transforms.InverseTransform(transforms.MaskedAffineAutoregressiveTransform(**MADE))),
    "linear transform of one feature": lambda: flow(transforms.LULinear(1), features=1),
    "conditional base": lambda: flow(
        transforms.RandomPermutation(3), base=distributions.ConditionalDiagonalNormal(
            [3], nn.Linear(CONTEXT, 6))),
    "conditional base of a network": lambda: flow(
        transforms.MaskedAffineAutoregressiveTransform(**MADE),
        base=distributions.ConditionalDiagonalNormal([3], nets.ResidualNet(CONTEXT, 6, 8))),
    "NSF with splines of the identity half": lambda: rqs(apply_unconditional_transform=True),
    "free splines": lambda: flow(
        transforms.PiecewiseRationalQuadraticCDF([3], num_bins=5, tails="linear", tail_bound=2.0),
        transforms.MaskedAffineAutoregressiveTransform(**MADE)),
    "functions of features": lambda: flow(
        transforms.LeakyReLU(0.3), transforms.Sigmoid(temperature=0.5),
        transforms.PointwiseAffineTransform(0.1, 0.8), transforms.Logit(), transforms.Tanh(),
        transforms.InverseTransform(transforms.Tanh())),
    "splines between squashings": lambda: flow(transforms.CompositeCDFTransform(
        transforms.Sigmoid(), transforms.PiecewiseRationalQuadraticCDF([3], num_bins=5))),
    "straight splines": lambda: flow(
        SQUASH, transforms.MaskedPiecewiseLinearAutoregressiveTransform(5, 3, 8, CONTEXT),
        transforms.InverseTransform(SQUASH)),
    "quadratic splines": lambda: flow(
        transforms.MaskedPiecewiseQuadraticAutoregressiveTransform(
            3, 8, CONTEXT, num_bins=5, tails="linear", tail_bound=2.5, min_bin_height=0.02),
        SQUASH, transforms.MaskedPiecewiseQuadraticAutoregressiveTransform(3, 8, CONTEXT, num_bins=4),
        transforms.InverseTransform(SQUASH)),
    "cubic splines": lambda: flow(
        SQUASH, transforms.MaskedPiecewiseCubicAutoregressiveTransform(5, 3, 8, CONTEXT),
        transforms.InverseTransform(SQUASH)),
    "couplings of straight splines": lambda: coupling(
        transforms.PiecewiseLinearCouplingTransform, num_bins=5, tails="linear", tail_bound=2.5,
        apply_unconditional_transform=True),
    "couplings of quadratic splines": lambda: coupling(
        transforms.PiecewiseQuadraticCouplingTransform, num_bins=5, tails="linear", tail_bound=2.5,
        min_bin_width=0.01, apply_unconditional_transform=True),
    "couplings of cubic splines": lambda: coupling(
        transforms.PiecewiseCubicCouplingTransform, num_bins=5, tails="linear", tail_bound=2.5,
        apply_unconditional_transform=True),
    "free splines of every kind": lambda: flow(
        transforms.PiecewiseLinearCDF([3], 6, "linear", 2.0),
        transforms.PiecewiseQuadraticCDF([3], 6, "linear", 2.0),
        transforms.PiecewiseCubicCDF([3], 6, "linear", 2.0), SQUASH,
        transforms.PiecewiseQuadraticCDF([3], 6), transforms.InverseTransform(SQUASH)),
    "matrices": lambda: flow(
        transforms.NaiveLinear(3), transforms.QRLinear(3, 2), transforms.SVDLinear(3, 2),
        transforms.HouseholderSequence(3, 2), transforms.InverseTransform(transforms.QRLinear(3, 3))),
    "reflections": lambda: flow(
        transforms.HouseholderSequence(3, 5), transforms.QRLinear(3, 1),
        transforms.InverseTransform(transforms.HouseholderSequence(3, 1)),
        transforms.LULinear(3), transforms.RandomPermutation(3)),
    "tanh without bounds": lambda: flow(
        transforms.LogTanh(0.7), nonlinearities.CauchyCDF(),
        transforms.PointwiseAffineTransform(0.05, 0.9), nonlinearities.CauchyCDFInverse(),
        transforms.InverseTransform(transforms.LogTanh(2.0))),
    "gate": lambda: flow(transforms.GatedLinearUnit(), features=1),
    "diagonal base": lambda: flow(
        transforms.RandomPermutation(3), base=distributions.DiagonalNormal([3])),
}


def build(name: str) -> Any:
    """The flow of a name, the same each time, with parameters and statistics away from their first values."""
    torch.manual_seed(sum(map(ord, name)))
    result = CASES[name]()
    with torch.no_grad():
        for parameter in result.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
        for key, buffer in result.named_buffers():
            if key.endswith("running_mean"):
                buffer.copy_(torch.randn_like(buffer) / 3)
            elif key.endswith("running_var"):
                buffer.copy_(torch.rand_like(buffer) + 0.5)
    return result.eval()
