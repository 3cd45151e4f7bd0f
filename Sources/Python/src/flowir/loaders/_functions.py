"""Functions of PyTorch as activations of a description."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from ._live import CannotDescribe
from ._networks import activation

FUNCTIONS: dict[Any, str] = {
    functional.relu: "ReLU", torch.relu: "ReLU", functional.elu: "ELU", torch.tanh: "Tanh",
    functional.tanh: "Tanh", functional.silu: "SiLU", functional.gelu: "GELU",
    functional.leaky_relu: "LeakyReLU", functional.softplus: "Softplus", torch.sigmoid: "Sigmoid",
    functional.sigmoid: "Sigmoid",
}
"""The activations with their default arguments, by function."""


def function(found: Any, place: str) -> str | dict[str, Any]:
    """An activation that is a function or a layer."""
    if isinstance(found, nn.Module):
        return activation(found, place)
    try:
        name = FUNCTIONS.get(found)
    except TypeError:
        name = None
    if name is None:
        called = getattr(found, "__qualname__", repr(found))
        raise CannotDescribe(
            place, str(called), f"is none of {', '.join(sorted(set(FUNCTIONS.values())))}")
    return name
