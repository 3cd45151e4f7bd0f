"""Flows of flowjax: their bijections become parts of a description, with the same parameters in float64.

A bijection of flowjax goes from the base to the data; a description goes from the data to the base, so that
each bijection is described as its inverse, the last first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import flowjax.bijections as fb
import flowjax.distributions as fd
import jax
import numpy as np
from paramax import unwrap

from .._arrays import Array
from .._description import Description
from ._flowjax_networks import array, double, equinox
from ._flowjax_parts import Parts
from ._live import CannotDescribe, Live, Reference


def recognises(obj: Any) -> bool:
    """Whether this is a distribution of flowjax."""
    return isinstance(obj, fd.AbstractDistribution)


def load(obj: Any) -> Live:
    """Reads a distribution."""
    with jax.enable_x64(True):
        flow = double(obj)
        description = Reader(flow).description()
    return Live("flowjax", description, reference(flow, description))


def reference(flow: Any, description: Description) -> Reference:
    """The distribution as functions of float64 arrays; half of the rows are samples, half more scattered."""
    features, size = description.features, description.context

    def rows(count: int) -> tuple[Array, Array | None]:
        draws = np.random.default_rng(0)
        context = draws.standard_normal((count, size)) if size else None
        x = draws.standard_normal((count, features))
        with jax.enable_x64(True):
            try:
                shape = () if size else (count,)
                sampled = np.array(compiled("sample")(flow, jax.random.key(0), shape, context))
                x = sampled if np.isfinite(sampled).all() else x
            except RuntimeError:  # An inverse that is missing, or that finds no root.
                pass
        deviation = np.clip(x.std(0), 1e-3, 1e3)
        wide = x.mean(0) + 3 * deviation * draws.standard_normal(x.shape)
        x[count // 2:] = wide[count // 2:]
        return x, context

    def log_prob(x: Array, context: Array | None) -> Array:
        with jax.enable_x64(True):
            return np.asarray(compiled("log_prob")(flow, x, context))

    return Reference(rows, log_prob)


def compiled(name: str) -> Any:
    """A method of distributions, compiled whole by JAX."""
    return eqx.filter_jit(lambda flow, *arguments: getattr(flow, name)(*arguments))


class Reader(Parts):
    """Describes a distribution; collects the tensors of the model file."""

    def __init__(self, flow: Any) -> None:
        super().__init__()
        shape = tuple(flow.shape)
        if len(shape) != 1:
            raise CannotDescribe("flow", flow, f"has events of shape {list(shape)}, expected vectors")
        condition = flow.cond_shape
        if condition is not None and len(condition) != 1:
            raise CannotDescribe(
                "flow", flow, f"has conditions of shape {list(condition)}, expected vectors")
        self.flow = flow
        self.features = int(shape[0])
        self.context = int(condition[0]) if condition else 0

    def description(self) -> Description:
        """The distribution's description."""
        json: dict[str, Any] = {"type": "Flow", "features": self.features, "context": self.context}
        part, at = self.flow, ""
        steps: list[Callable[[str], dict[str, Any]]] = []
        while isinstance(part, fd.AbstractTransformed) and not is_base(part):
            bijection = self.without_embedding(part.bijection, f"{at}bijection", json)
            steps += self.steps(bijection, f"{at}bijection", True)
            part, at = part.base_dist, f"{at}base_dist."
        base = self.base(part, at.rstrip(".") or "flow")
        json["transform"] = [
            step(f"transform.transforms.{index}") for index, step in enumerate(steps)]
        json["base"] = base
        return Description(json, self.tensors)

    def without_embedding(self, part: Any, at: str, json: dict[str, Any]) -> Any:
        """The bijection behind the network of the condition, whose layers are added to the description."""
        if type(part) is fb.Invert and type(part.bijection) is fb.EmbedCondition:
            return fb.Invert(self.without_embedding(part.bijection, f"{at}.bijection", json))
        if type(part) is not fb.EmbedCondition:
            return part
        if "embedding" in json or part is not self.outermost():
            raise CannotDescribe(at, part, "is not the outermost bijection of the flow")
        layers: list[dict[str, Any]] = []
        for index, (kind, value) in enumerate(equinox(part.embedding_net, f"{at}.embedding_net")):
            if kind == "activation":
                layers.append({"type": value})
                continue
            weight, bias = value
            layers.append({"type": "Linear", "out_features": len(weight)})
            self.put(f"embedding.{index}.weight", weight)
            self.put(f"embedding.{index}.bias", bias)
        self.context = int(part.bijection.cond_shape[0])
        json["embedding"] = layers
        return part.bijection

    def outermost(self) -> Any:
        """The bijection of the flow without inversion."""
        part = self.flow.bijection
        while type(part) is fb.Invert:
            part = part.bijection
        return part

    def base(self, part: Any, at: str) -> dict[str, Any]:
        """The description of the base."""
        kind = type(part)
        if kind is fd.StandardNormal:
            return self.located("DiagNormal", loc=0.0, scale=1.0)
        if kind is fd.Normal:
            return self.located("DiagNormal", loc=part.loc, scale=part.scale)
        if kind is fd.Uniform:
            return self.located("BoxUniform", lower=part.minval, upper=part.maxval)
        if kind.__name__ == "_StandardUniform":
            return self.located("BoxUniform", lower=0.0, upper=1.0)
        if kind.__name__ == "_StandardLaplace":
            return self.located("GeneralizedNormal", beta=1.0)
        if kind.__name__ == "_StandardStudentT":
            return self.located("StandardStudentT", df=part.df)
        if kind.__name__ == "_StandardCauchy":
            return self.located("StandardStudentT", df=1.0)
        if kind.__name__ in ("_StandardLogistic", "_StandardGumbel"):
            return self.located(kind.__name__.removeprefix("_"))
        raise CannotDescribe(at, part, "is not a base that a description can hold")

    def located(self, kind: str, **tensors: Any) -> dict[str, Any]:
        """The description of a base of independent features."""
        for name, value in tensors.items():
            self.put(f"base.{name}", np.broadcast_to(array(unwrap(value)), (self.features,)))
        return {"type": "UnconditionalDistribution", "f": {"type": kind}, "buffer": True}


def is_base(part: Any) -> bool:
    """Whether a transformed distribution is a base of a description."""
    return type(part) in (fd.Normal, fd.Uniform)
