"""sbi's estimators and posteriors on Zuko's flows.

The flow scores as `estimator.log_prob` does: z-scoring of the parameters and a map to the support of the
prior are transforms of the flow; z-scoring of the data and a fully connected embedding net become the
description's `embedding`. With a net of another kind, compile `estimator.net` and give it what
`estimator.embedding_net` gives.
"""

from __future__ import annotations

from typing import Any

import torch
import zuko
from torch import nn

from .._description import Description
from . import zuko as zuko_loader
from ._live import CannotDescribe, Live
from ._networks import activation, is_activation
from ._reference import double, reference


def estimator_of(obj: Any) -> Any:
    """The estimator of a posterior; the object itself if it is none."""
    return getattr(obj, "posterior_estimator", obj)


def recognises(obj: Any) -> bool:
    """Whether this is an estimator on a flow of Zuko, or a posterior of one."""
    estimator = estimator_of(obj)
    return type(estimator).__module__.startswith("sbi.") and isinstance(
        getattr(estimator, "net", None), zuko.lazy.LazyDistribution)


def load(obj: Any) -> Live:
    """Reads an estimator."""
    estimator = estimator_of(obj)
    description = describe(estimator)
    copy = double(estimator)
    zuko_loader.exact(copy.net)
    network = getattr(copy, "_embedding_net", None)
    size = description.context

    def distribution(context: Any) -> Any:
        return copy.net(context if context is None or network is None else network(context))

    def draw(count: int) -> Any:
        context = torch.randn(count, size, dtype=torch.float64)
        first = description.json.get("embedding", [{}])[0]
        if first.get("type") == "Standardize":
            mean, std = (torch.as_tensor(description.tensors[f"embedding.0.{k}"]).double()
                         for k in ("mean", "std"))
            context = mean + std * context
        return context

    return Live("sbi", description, reference(
        distribution, description.features, draw if size else None,
        zuko_loader.tolerance(description.json), description.tensors))


def describe(estimator: Any) -> Description:
    """An estimator's description."""
    tensors = dict(estimator.net.state_dict())
    json = zuko_loader.custom(estimator.net, tensors)
    network = getattr(estimator, "_embedding_net", None)
    if network is not None and json["context"]:
        shape = tuple(estimator.condition_shape)
        if len(shape) != 1:
            raise CannotDescribe(
                "condition", f"shape {shape}", "is no vector; compile estimator.net and give it what "
                "estimator.embedding_net gives")
        layers: list[dict[str, Any]] = []
        embed(network, "_embedding_net", shape[0], layers, tensors)
        if layers:
            json.update(context=shape[0], embedding=layers)
    return Description(json, {
        name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()})


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
        tensors[f"{at}.mean"] = module._mean.expand(width)
        tensors[f"{at}.std"] = module._std.expand(width)
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
            place, module, "is no layer that a description can hold; compile estimator.net and give it "
            "what estimator.embedding_net gives")
    return width
