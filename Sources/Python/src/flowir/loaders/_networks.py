"""Networks of PyTorch's layers, as the arguments of a description and the tensors of a model file."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ._live import CannotDescribe

# The activations that a description has, and their numbers.
ACTIVATIONS: dict[str, tuple[str, ...]] = {
    "ReLU": (), "ELU": ("alpha",), "Tanh": (), "SiLU": (), "GELU": (),
    "LeakyReLU": ("negative_slope",), "Softplus": ("beta", "threshold"), "Sigmoid": (),
}


def is_activation(module: Any) -> bool:
    """Whether a layer is one of torch.nn's activations."""
    return type(module).__module__.startswith("torch.nn.modules.activation")


def activation(module: Any, place: str) -> str | dict[str, Any]:
    """An activation: its name, or an object with its numbers where they are not torch.nn's defaults."""
    name = type(module).__name__
    if name not in ACTIVATIONS or type(module) is not getattr(nn, name):
        raise CannotDescribe(place, module, f"is none of {', '.join(ACTIVATIONS)}")
    defaults = inspect.signature(type(module)).parameters
    if name == "GELU" and module.approximate != "none":
        raise CannotDescribe(place, module, "is approximated by tanh; use approximate='none'")
    numbers = {
        key: float(getattr(module, key)) for key in ACTIVATIONS[name]
        if getattr(module, key) != defaults[key].default
    }
    return {"type": name, **numbers} if numbers else name


@dataclass
class Layers:
    """The layers of a network, sorted out."""

    linear: list[Any]
    activation: str | dict[str, Any] | None
    normalize: bool

    @staticmethod
    def read(network: Iterable[Any], place: str) -> Layers:
        """Reads linear layers with the same activation, and normalisation or not, between them."""
        linear, found, norms, between = [], [], 0, 0
        for index, module in enumerate(network):
            here = f"{place}.{index}"
            if hasattr(module, "weight") and type(module).__name__ in (
                "Linear", "MaskedLinear", "MonotonicLinear"
            ):
                linear.append(module)
                between = 0
                continue
            between += 1
            if type(module).__name__ == "LayerNorm" and not hasattr(module, "weight"):
                if module.eps != 1e-5 or module.dim != -1 or between != 2:
                    raise CannotDescribe(here, module, "is not Zuko's between layers, with eps=1e-5")
                norms += 1
            elif between != 1:
                raise CannotDescribe(here, module, "does not follow a linear layer")
            elif type(module).__name__ == "TwoWayELU":
                if module.alpha != 1:
                    raise CannotDescribe(here, module, "has arguments of its own")
            else:
                found.append(activation(module, here))
        if any(one != found[0] for one in found):
            raise CannotDescribe(place, f"a network with {found}", "has different activations")
        if norms not in (0, len(linear) - 1):
            raise CannotDescribe(place, "a network", "normalises after some layers only")
        return Layers(linear, found[0] if found else None, norms > 0)


def plain(network: Any, place: str, tensors: dict[str, Any]) -> dict[str, Any]:
    """The arguments of an `MLP`; adds the biases that it lacks."""
    layers = Layers.read(network, place)
    names = {id(module): name for name, module in network.named_children()}
    for module in layers.linear:
        if module.bias is None:
            tensors[f"{place}.{names[id(module)]}.bias"] = torch.zeros(module.weight.shape[:-1])
    result: dict[str, Any] = {
        "hidden_features": [module.weight.shape[-2] for module in layers.linear[:-1]],
        "normalize": layers.normalize,
    }
    if layers.activation is not None:
        result["activation"] = layers.activation
    return result


def masked(network: Any, place: str) -> dict[str, Any]:
    """The arguments of a `MaskedMLP`."""
    widths: list[int] = []
    flat, after_residual = [], False
    for name, module in network.named_children():
        if type(module).__name__ == "Residual":
            if len(module) != 3:
                raise CannotDescribe(f"{place}.{name}", module, "is not of two layers")
            if after_residual:
                widths.append(module[0].mask.shape[0])
            flat += [module[0], module[1], module[2]]
            after_residual = True
            continue
        flat.append(module)
        if hasattr(module, "mask"):
            widths.append(module.mask.shape[0])
            after_residual = False
    layers = Layers.read(flat, place)
    for module in layers.linear:
        if not hasattr(module, "mask"):
            raise CannotDescribe(place, module, "has no mask")
    result: dict[str, Any] = {
        "hidden_features": widths[:-1],
        "residual": any(type(m).__name__ == "Residual" for m in network),
    }
    if layers.activation is not None:
        result["activation"] = layers.activation
    return result
