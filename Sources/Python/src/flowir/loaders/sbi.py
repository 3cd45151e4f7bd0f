"""sbi's estimators and posteriors, on flows of nflows and Zuko and mixtures of its own.

The flow scores as `estimator.log_prob` does: z-scoring of the parameters and a map to the support of the
prior are transforms of the flow; z-scoring of the data and a fully connected embedding net become the
description's `embedding`. With a net of another kind, compile `estimator.net` and give it what
`estimator.embedding_net` gives.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from .._description import Description
from ._embedding import draw_context, embedding
from ._live import CannotDescribe, Live
from ._networks import plain
from ._reference import double, reference


def estimator_of(obj: Any) -> Any:
    """The estimator of a posterior; the object itself if it is none."""
    found = getattr(obj, "posterior_estimator", None)
    return found if found is not None else getattr(obj, "vector_field_estimator", obj)


def is_flow_matching(estimator: Any) -> bool:
    """Whether this is an estimator of FMPE."""
    return type(estimator).__name__ == "FlowMatchingEstimator"


def library_of(estimator: Any) -> str | None:
    """The library whose flow an estimator has; None if it has none that can be described."""
    net = getattr(estimator, "net", None)
    if type(net).__name__ == "MultivariateGaussianMDN" or is_flow_matching(estimator):
        return "sbi"
    for kind in type(net).__mro__:
        library = kind.__module__.partition(".")[0]
        if library in ("nflows", "zuko"):
            return library
    return None


def recognises(obj: Any) -> bool:
    """Whether this is an estimator on a flow or a mixture, or a posterior of one."""
    estimator = estimator_of(obj)
    return type(estimator).__module__.startswith("sbi.") and library_of(estimator) is not None


def load(obj: Any) -> Live:
    """Reads an estimator."""
    estimator = estimator_of(obj)
    if is_flow_matching(estimator):
        from . import _flow_matching

        return _flow_matching.load(estimator)
    description = describe(estimator)
    copy = double(estimator)
    tolerance = 1e-9
    if library_of(estimator) == "nflows":
        from . import nflows as nflows_loader

        nflows_loader.exact(copy.net)
    if library_of(estimator) == "zuko":
        from . import zuko as zuko_loader

        zuko_loader.exact(copy.net)
        tolerance = zuko_loader.tolerance(description.json)
    return Live("sbi", description, reference(
        Conditional(copy), description.features, draw_context(description), tolerance))


class Conditional:
    """An estimator as a function from conditions to distributions of PyTorch's kind."""

    def __init__(self, estimator: Any, context: Any = None) -> None:
        self.estimator = estimator
        self.context = context

    def __call__(self, context: Any) -> Conditional:
        return Conditional(self.estimator, context)

    def log_prob(self, x: Any) -> Any:
        """The log-density of each row."""
        if self.context is None:
            return self.estimator.log_prob(x)
        value = self.estimator.log_prob(x[None], self.context)[0]
        transform = getattr(self.estimator, "_prior_transform", None)
        if transform is not None:  # It takes rows outside of the support to those of its edge.
            there_and_back = transform.inv(transform(x))
            inside = ((there_and_back - x).abs() <= 1e-6 * (1 + x.abs())).all(dim=1)
            value = torch.where(inside, value, torch.nan)
        return value

    def sample(self, shape: tuple[int, ...]) -> Any:
        """One sample for each condition, or as many as asked for."""
        if self.context is None:
            return self.estimator.sample(shape)
        return self.estimator.sample((1,), self.context)[0]


def describe(estimator: Any) -> Description:
    """An estimator's description."""
    shape = tuple(getattr(estimator, "condition_shape", ()))
    library = library_of(estimator)
    if library == "nflows":
        from .nflows import Reader

        return Reader(estimator.net, shape).description()
    if is_flow_matching(estimator):
        from ._flow_matching import describe as describe_velocity

        return describe_velocity(estimator)
    if library == "sbi":
        return mixture(estimator, shape)
    from . import zuko as zuko_loader

    tensors = dict(estimator.net.state_dict())
    json = zuko_loader.custom(estimator.net, tensors)
    network = getattr(estimator, "_embedding_net", None)
    if network is not None and json["context"]:
        embedding(network, shape, json, tensors)
    return finished(json, tensors)


def finished(json: dict[str, Any], tensors: Mapping[str, Any]) -> Description:
    """The description of an architecture and tensors of PyTorch."""
    return Description(json, {
        name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()})


def mixture(estimator: Any, shape: tuple[int, ...]) -> Description:
    """The description of a mixture density network."""
    net = estimator.net
    features, components = net.features, net.num_components
    size = {"features": features, "context": net.context_features}
    tensors: dict[str, Any] = {}
    transforms: list[dict[str, Any]] = []
    if estimator._prior_transform is not None:
        from ._bijections import steps
        from ._zuko_parts import Reader

        reader = Reader(size, tensors)
        for index, step in enumerate(steps(estimator._prior_transform, "prior_transform")):
            transforms.append(reader.step(step, True, f"transform.transforms.{index}"))
    elif estimator.has_input_transform:
        tensors["transform.transforms.0.loc"] = estimator._transform_shift.expand(features)
        tensors["transform.transforms.0.scale"] = estimator._transform_scale.expand(features)
        transforms.append({
            "type": "UnconditionalTransform", "f": {"type": "AffineTransform", "inverse": True},
            "buffer": True})
    heads = [net._logits_layer, net._means_layer, net._unconstrained_diagonal_layer]
    if net._upper_layer is not None:
        heads.append(net._upper_layer)
    last = nn.Linear(net.hidden_features, 1)
    last.weight = nn.Parameter(torch.cat([head.weight for head in heads]))
    last.bias = nn.Parameter(torch.cat([head.bias for head in heads]))
    if not isinstance(net._hidden_net, nn.Sequential):
        raise CannotDescribe("net._hidden_net", net._hidden_net, "is not a Sequential")
    network = nn.Sequential(*net._hidden_net, last)
    for name, tensor in network.state_dict().items():
        tensors[f"base.hyper.{name}"] = tensor
    arguments = plain(network, "base.hyper", tensors)
    if arguments.pop("normalize"):
        raise CannotDescribe("net._hidden_net", net._hidden_net, "normalises")
    json: dict[str, Any] = {
        "type": "Flow", **size, "transform": transforms,
        "base": {
            "type": "MixtureDensityNetwork", "components": components, "epsilon": net._epsilon,
            **arguments}}
    embedding(estimator.embedding_net, shape, json, tensors)
    return finished(json, tensors)
