"""Zuko's flows."""

from __future__ import annotations

from typing import Any

import torch
import zuko
from torch import nn

from .._description import Description
from ..hosts.zuko import EmbeddedFlow, Standardize
from ._embedding import draw_context, embedding
from ._live import CannotDescribe, Live
from ._networks import plain
from ._reference import double, reference
from ._zuko_parts import Reader, inputs, outputs


def recognises(obj: Any) -> bool:
    """Whether this is a lazy distribution of Zuko."""
    return isinstance(obj, zuko.lazy.LazyDistribution)


def load(obj: Any) -> Live:
    """Reads a flow."""
    description = describe(obj)
    flow = exact(double(obj))
    return Live("zuko", description, reference(
        flow, description.features, draw_context(description), tolerance(description.json)))


def exact(flow: Any) -> Any:
    """The flow with exact traces instead of estimates."""
    for module in flow.modules():
        if isinstance(module, zuko.flows.FFJTransform):
            module.exact = True
    return flow


def tolerance(json: Any) -> float:
    """How much Zuko's own value may be off: where it solves by steps, as much as it asks for."""
    if isinstance(json, list):
        return max(map(tolerance, json), default=1e-9)
    if not isinstance(json, dict):
        return 1e-9
    own = 1e-9
    if json.get("type") == "FFJTransform":
        own = max(own, 300 * max(json["atol"], json["rtol"]))
    if json.get("type") == "LazyInverse":
        own = 1e-4
    return max([own, *map(tolerance, json.values())])


def describe(flow: Any) -> Description:
    """A flow's description."""
    tensors = dict(flow.state_dict())
    if isinstance(flow, zuko.mixtures.GMM):
        json = mixture(flow, tensors)
    else:
        json = custom(flow, tensors)
    return Description(json, {
        name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()})


def custom(flow: Any, tensors: dict[str, Any]) -> dict[str, Any]:
    """The description of a flow of transforms over a base; changes tensors to those that it needs."""
    own = (zuko.flows.Flow.forward, EmbeddedFlow.forward)
    if not isinstance(flow, zuko.flows.Flow) or type(flow).forward not in own:
        raise CannotDescribe("flow", flow, "is neither a Flow nor a GMM, or has its own forward")
    sizes = [found for part in _leaves(flow.transform) if (found := find_size(part))]
    if isinstance(flow.base, zuko.mixtures.GMM):
        features = flow.base.shapes[1][1]
    else:
        features = sizes[0][0] if sizes else _event_size(flow.base)
    size = {"features": features, "context": max((context for _, context in sizes), default=0)}
    reader = Reader(size, tensors)
    result: dict[str, Any] = {"type": "Flow", **size}
    if type(flow.transform) is zuko.lazy.LazyComposedTransform:
        result["transform"] = [
            reader.lazy(part, f"transform.transforms.{i}")
            for i, part in enumerate(flow.transform.transforms)
        ]
    else:
        result["transform"] = reader.lazy(flow.transform, "transform")
    if isinstance(flow.base, zuko.mixtures.GMM):
        # A mixture after transforms: it is described as itself, and they stand before it.
        before = result["transform"]
        result = {**mixture(flow.base, tensors, "base."), "before": before}
        if not isinstance(before, list):
            raise CannotDescribe("transform", flow.transform, "is not a list before a mixture")
    else:
        result["base"] = reader.base(flow.base)
    if isinstance(flow, EmbeddedFlow):
        _embed(flow, result, tensors)
    if reader.needs_release:
        result["zuko"] = zuko.__version__.split("+")[0]
    return result


def _embed(flow: EmbeddedFlow, json: dict[str, Any], tensors: dict[str, Any]) -> None:
    """Adds the layers that the context passes through first to a description."""
    network = flow.embedding
    first = network[0] if len(network) else None
    if isinstance(first, Standardize):
        width = first.mean.shape[0]
    else:
        width = next((part.in_features for part in network if isinstance(part, nn.Linear)), json["context"])
    embedding(network, (width,), json, tensors)


def mixture(flow: Any, tensors: dict[str, Any], place: str = "") -> dict[str, Any]:
    """The description of a `GMM`, whose tensors' names begin with its place."""
    result: dict[str, Any] = {
        "type": "GMM", "features": flow.shapes[1][1], "context": 0, "components": flow.components,
        "covariance_type": flow.covariance_type, "tied": flow.tied, "epsilon": flow.epsilon,
    }
    if hasattr(flow, "hyper"):
        result["context"] = flow.hyper[0].weight.shape[-1]
        result.update(plain(flow.hyper, f"{place}hyper", tensors))
    return result


def _leaves(part: Any) -> list[Any]:
    """The lazy transforms of which one is made."""
    if isinstance(part, zuko.lazy.LazyInverse):
        return _leaves(part.transform)
    if isinstance(part, zuko.lazy.LazyComposedTransform):
        return [leaf for inner in part.transforms for leaf in _leaves(inner)]
    return [part]


def _event_size(base: Any) -> int:
    with torch.no_grad():
        shape = base(None).event_shape
    if len(shape) != 1:
        raise CannotDescribe("base", base, f"has events of shape {list(shape)}, expected vectors")
    return int(shape[0])


def find_size(part: Any) -> tuple[int, int] | None:
    """Features and context of a lazy transform; None if it does not tell."""
    flows = zuko.flows
    if isinstance(part, flows.MaskedAutoregressiveTransform):
        features = outputs(part.hyper) // part.total
        return features, inputs(part.hyper) - features
    if isinstance(part, flows.GeneralCouplingTransform):
        return len(part.mask), inputs(part.hyper) - int(part.mask.sum())
    if isinstance(part, flows.ElementWiseTransform):
        if hasattr(part, "hyper"):
            return outputs(part.hyper) // part.total, inputs(part.hyper)
        return len(part.phi[0]), 0
    if isinstance(part, flows.FFJTransform):
        features = outputs(part.ode)
        return features, inputs(part.ode) - features - 2 * len(part.freqs)
    return None
