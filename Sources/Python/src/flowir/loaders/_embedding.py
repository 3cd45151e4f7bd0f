"""Networks before the condition, as the layers of a description's `embedding`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from .._description import Description
from ._live import CannotDescribe
from ._networks import activation, is_activation


def draw_context(description: Description) -> Callable[[int], Any] | None:
    """Draws contexts that are likely for the layers before the condition; None for no context."""
    size = description.context
    if not size:
        return None

    def draw(count: int) -> Any:
        context = torch.randn(count, size, dtype=torch.float64)
        first = description.json.get("embedding", [{}])[0]
        if first.get("type") == "Standardize":
            mean, std = (torch.as_tensor(description.tensors[f"embedding.0.{k}"]).double()
                         for k in ("mean", "std"))
            context = mean + std * context
        return context

    return draw


def embedding(
    network: Any, shape: tuple[int, ...], json: dict[str, Any], tensors: dict[str, Any]
) -> None:
    """Adds the layers of a network for conditions of a shape to a description."""
    if len(shape) != 1:
        raise CannotDescribe(
            "condition", f"shape {shape}", "is not a vector; compile estimator.net and give it what "
            "estimator.embedding_net gives")
    layers: list[dict[str, Any]] = []
    embed(network, "_embedding_net", shape[0], layers, tensors)
    if layers:
        json.update(context=shape[0], embedding=layers)


def embed(
    module: Any, place: str, width: int, layers: list[dict[str, Any]], tensors: dict[str, Any]
) -> int:
    """Appends the layers of a network for `width` features; gives the number that comes out."""
    at, kind = f"embedding.{len(layers)}", type(module).__name__
    if isinstance(module, nn.Sequential):
        for key, child in module.named_children():
            width = embed(child, f"{place}.{key}", width, layers, tensors)
    elif kind == "FCEmbedding":
        width = embed(module.net, f"{place}.net", width, layers, tensors)
    elif kind in ("Identity", "Dropout"):
        pass
    elif kind == "Standardize":
        # sbi's own, or that of a flow that went to Zuko from here.
        for name in ("mean", "std"):
            found = getattr(module, name if hasattr(module, name) else f"_{name}")
            tensors[f"{at}.{name}"] = found.expand(width)
        layers.append({"type": kind})
    elif type(module) is nn.Linear:
        tensors[f"{at}.weight"] = module.weight
        width = module.weight.shape[0]
        layers.append({"type": kind, "out_features": width})
        if module.bias is None:
            layers[-1]["bias"] = False
        else:
            tensors[f"{at}.bias"] = module.bias
    elif is_activation(module):
        found = activation(module, place)
        layers.append({"type": found} if isinstance(found, str) else found)
    else:
        raise CannotDescribe(
            place, module, "is not a layer that a description can hold; compile estimator.net and give it "
            "what estimator.embedding_net gives")
    return width
