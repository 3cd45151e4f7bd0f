"""sbi's estimators of FMPE: a velocity trained by flow matching, as a continuous flow.

sbi's time runs as a continuous flow's does, from the data at 0 to the base at 1. `log_prob` of its posterior
solves the equation with the trace of the velocity's Jacobian, and so does the compiled flow.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import torch

from .._description import Description
from ._embedding import draw_context, embedding
from ._live import CannotDescribe, Live
from ._networks import activation
from ._reference import double, reference

TIGHT = 1e-8
"""The tolerance of steps in the comparison."""


def load(estimator: Any) -> Live:
    """Reads an estimator."""
    description = describe(estimator)
    # Both solve by steps; of steps so small that what is compared is the velocities.
    tight = _with_tolerance(description.json, TIGHT)
    return Live("sbi", description, reference(
        Solved(double(estimator)), description.features, draw_context(description), 1e-6),
        compared=dataclasses.replace(description, json=tight))


class Solved:
    """An estimator as a function from conditions to distributions of PyTorch's kind."""

    def __init__(self, estimator: Any) -> None:
        from sbi.samplers.ode_solvers import build_neural_ode

        self.estimator = estimator
        # sbi adds to an activation's output in place, which the derivatives of some activations do not survive.
        estimator.net.activation = torch.nn.Sequential(estimator.net.activation, _Clone())
        self.ode = build_neural_ode(
            estimator.ode_fn, estimator.net, estimator.mean_base, estimator.std_base,
            estimator.condition_shape, t_min=estimator.t_min, t_max=estimator.t_max, atol=TIGHT,
            rtol=TIGHT)

    def __call__(self, context: Any) -> Solved.Given:
        return Solved.Given(self.estimator, self.ode(context))

    class Given:
        """The distribution for a condition."""

        def __init__(self, estimator: Any, flow: Any) -> None:
            self.estimator = estimator
            self.flow = flow

        def log_prob(self, x: Any) -> Any:
            """The log-density of each row."""
            with _float64():
                if not self.estimator.compose_enabled:
                    return self.flow.log_prob(x)
                return self.flow.log_prob(self.estimator.to_z(x)) - self.estimator.log_abs_det()

        def sample(self, shape: tuple[int, ...]) -> Any:
            """One sample for each condition."""
            with _float64():
                x = self.flow.sample(shape)
            return self.estimator.from_z(x) if self.estimator.compose_enabled else x


@contextlib.contextmanager
def _float64() -> Iterator[None]:
    """Makes new tensors of torch float64, as sbi's embedding of time needs for parameters of float64."""
    kind = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(kind)


class _Clone(torch.nn.Module):
    """Copies what it is given."""

    def forward(self, x: Any) -> Any:
        """The copy."""
        return x.clone()


def describe(estimator: Any) -> Description:
    """An estimator's description."""
    shape = tuple(estimator.input_shape)
    if len(shape) != 1:
        raise CannotDescribe("input", f"shape {shape}", "is not a vector")
    net = estimator.net
    if type(net).__name__ != "VectorFieldMLP" or not type(net).__module__.startswith("sbi."):
        raise CannotDescribe(
            "net", net, "is not sbi's VectorFieldMLP; train with vf_estimator=\"mlp\"")
    features, width = shape[0], net.condition_layer.in_features
    last = "transform.transforms.1" if estimator.compose_enabled else "transform.transforms.0"
    tensors: dict[str, Any] = {
        f"{last}.times": torch.tensor([float(estimator.t_min), float(estimator.t_max)]),
        f"{last}.mean_0": estimator.mean_0.reshape(features).to(estimator.mean_base),
        f"{last}.std_0": estimator.std_0.reshape(features).to(estimator.mean_base),
        **{f"{last}.net.{name}": tensor for name, tensor in net.state_dict().items()},
        "base.loc": estimator.mean_base.reshape(features),
        "base.scale": estimator.std_base.reshape(features),
    }
    transforms: list[dict[str, Any]] = [{
        "type": "FlowMatchingTransform", "features": features, "context": width,
        "network": _network(net), "gaussian_baseline": bool(estimator.gaussian_baseline)}]
    if estimator.compose_enabled:
        tensors["transform.transforms.0.loc"] = estimator._theta_shift.reshape(features)
        tensors["transform.transforms.0.scale"] = estimator._theta_scale.reshape(features)
        transforms.insert(0, {
            "type": "UnconditionalTransform", "f": {"type": "AffineTransform", "inverse": True},
            "buffer": True})
    json: dict[str, Any] = {
        "type": "Flow", "features": features, "context": width, "transform": transforms,
        "base": {"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}, "buffer": True}}
    embedding(estimator.embedding_net, tuple(estimator.condition_shape), json, tensors)
    return Description(json, {
        name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()})


def _network(net: Any) -> dict[str, Any]:
    """The arguments of a `VectorFieldMLP`."""
    embedded = type(net.time_emb).__name__
    kinds = {"RandomFourierTimeEmbedding": "random_fourier", "SinusoidalTimeEmbedding": "sinusoidal"}
    if embedded not in kinds:
        raise CannotDescribe("net.time_emb", net.time_emb, f"is none of {', '.join(kinds)}")
    found = activation(net.activation, "net.activation")
    if not isinstance(found, str):
        raise CannotDescribe("net.activation", net.activation, "has arguments of its own")
    for index, norm in enumerate(net.layers_norm if net.layer_norm else ()):
        if norm.eps != 1e-5 or norm.weight is None or norm.bias is None:
            raise CannotDescribe(f"net.layers_norm.{index}", norm, "is not torch.nn's with its defaults")
    for place, layer in net.named_modules():
        if type(layer) is torch.nn.Linear and layer.bias is None:
            raise CannotDescribe(f"net.{place}", layer, "has no bias")
    return {
        "type": "VectorFieldMLP", "hidden_features": net.input_layer.out_features,
        "layers": len(net.layers), "activation": found, "layer_norm": bool(net.layer_norm),
        "skip_connections": bool(net.skip_connections), "time_embedding": kinds[embedded],
        "time_features": net.time_linear_layer.in_features,
    }


def _with_tolerance(json: dict[str, Any], tolerance: float) -> dict[str, Any]:
    """A description whose continuous transform has other tolerances."""
    *before, last = json["transform"]
    return {**json, "transform": [*before, {**last, "atol": tolerance, "rtol": tolerance}]}
