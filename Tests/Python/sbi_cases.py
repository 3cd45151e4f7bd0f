"""sbi's estimators of every kind, built live by its own builders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from sbi.neural_nets import posterior_nn
from sbi.neural_nets.embedding_nets import FCEmbedding
from sbi.utils import BoxUniform
from torch import nn

FEATURES, CONTEXT, ROWS = 3, 4, 500


def data(features: int = FEATURES) -> tuple[Any, Any]:
    """Parameters and data away from 0 and 1."""
    theta = 3 + 2 * torch.rand(ROWS, features)
    x = 10 + 5 * torch.randn(ROWS, CONTEXT) + theta.sum(1, keepdim=True)
    return theta, x


def estimator(model: str, features: int = FEATURES, **arguments: Any) -> Any:
    """What sbi's builder makes of a name."""
    given: dict[str, Any] = {"hidden_features": 12, **arguments}
    if not model.startswith(("mdn", "made")):
        given.setdefault("num_transforms", 2)
    return posterior_nn(model, **given)(*data(features))


def layered(**arguments: Any) -> Any:
    """A fully connected embedding net."""
    return FCEmbedding(CONTEXT, output_dim=3, num_hiddens=6, num_layers=2, **arguments)


CASES: dict[str, Callable[[], Any]] = {
    **{name: (lambda name=name: estimator(name)) for name in (
        "maf", "maf_rqs", "nsf", "made", "mdn", "zuko_maf", "zuko_nsf", "zuko_nice", "zuko_gf")},
    "maf of one parameter": lambda: estimator("maf", 1),
    "nsf of one parameter": lambda: estimator("nsf", 1),
    "mdn of one parameter": lambda: estimator("mdn", 1),
    "maf without z-scores": lambda: estimator("maf", z_score_theta="none", z_score_x="none"),
    "nsf with structured z-scores": lambda: estimator(
        "nsf", z_score_theta="structured", z_score_x="structured"),
    "maf with an embedding net": lambda: estimator("maf", embedding_net=layered()),
    "nsf with an embedding net": lambda: estimator("nsf", embedding_net=layered()),
    "mdn with an embedding net": lambda: estimator(
        "mdn", embedding_net=nn.Sequential(nn.Linear(CONTEXT, 5), nn.ELU(), layered_5())),
    "zuko_nsf with an embedding net": lambda: estimator("zuko_nsf", embedding_net=layered()),
    "mdn on the support of a prior": lambda: estimator(
        "mdn", z_score_theta="transform_to_unconstrained",
        x_dist=BoxUniform(torch.full((FEATURES,), 2.5), torch.full((FEATURES,), 5.5))),
    "maf normalised": lambda: estimator("maf", use_batch_norm=True),
    "nsf normalised": lambda: estimator("nsf", use_batch_norm=True),
}


def layered_5() -> Any:
    """A layer after another one."""
    return nn.Linear(5, 3, bias=False)


def build(name: str) -> Any:
    """The estimator of a name, the same each time, with parameters away from their first values."""
    torch.manual_seed(sum(map(ord, name)))
    result = CASES[name]()
    with torch.no_grad():
        for parameter in result.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return result.eval()
