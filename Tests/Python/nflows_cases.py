"""Flows of nflows of every kind, built live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from nflows import distributions, flows, transforms
from torch.nn import functional

FEATURES, CONTEXT = 3, 2
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
