"""Zuko's flows."""

from __future__ import annotations

from typing import Any

import torch
import zuko
import zuko.distributions as zd
import zuko.flows.neural as neural
from torch import nn

from .._description import Description
from ._bijections import name_of, number, steps, univariate
from ._live import CannotDescribe, Live
from ._networks import masked, plain
from ._reference import double, reference


def recognises(obj: Any) -> bool:
    """Whether this is a lazy distribution of Zuko."""
    return isinstance(obj, zuko.lazy.LazyDistribution)


def load(obj: Any) -> Live:
    """Reads a flow."""
    description = describe(obj)
    flow = exact(double(obj))
    size = description.context

    def draw(count: int) -> Any:
        return torch.randn(count, size, dtype=torch.float64)

    return Live("zuko", description, reference(
        flow, description.features, draw if size else None, tolerance(description.json),
        description.tensors))


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
    if not isinstance(flow, zuko.flows.Flow) or type(flow).forward is not zuko.flows.Flow.forward:
        raise CannotDescribe("flow", flow, "is neither a Flow nor a GMM, or has its own forward")
    sizes = [found for part in _leaves(flow.transform) if (found := find_size(part))]
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
    result["base"] = reader.base(flow.base)
    if reader.needs_release:
        result["zuko"] = zuko.__version__.split("+")[0]
    return result


def mixture(flow: Any, tensors: dict[str, Any]) -> dict[str, Any]:
    """The description of a `GMM`."""
    result: dict[str, Any] = {
        "type": "GMM", "features": flow.shapes[1][1], "context": 0, "components": flow.components,
        "covariance_type": flow.covariance_type, "tied": flow.tied, "epsilon": flow.epsilon,
    }
    if hasattr(flow, "hyper"):
        result["context"] = flow.hyper[0].weight.shape[-1]
        result.update(plain(flow.hyper, "hyper", tensors))
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
        features = _outputs(part.hyper) // part.total
        return features, _inputs(part.hyper) - features
    if isinstance(part, flows.GeneralCouplingTransform):
        return len(part.mask), _inputs(part.hyper) - int(part.mask.sum())
    if isinstance(part, flows.ElementWiseTransform):
        if hasattr(part, "hyper"):
            return _outputs(part.hyper) // part.total, _inputs(part.hyper)
        return len(part.phi[0]), 0
    if isinstance(part, flows.FFJTransform):
        features = _outputs(part.ode)
        return features, _inputs(part.ode) - features - 2 * len(part.freqs)
    return None


def _inputs(network: Any) -> int:
    first = next(m for m in network.modules() if hasattr(m, "weight"))
    return int(first.weight.shape[-1])


def _outputs(network: Any) -> int:
    last = [m for m in network.modules() if hasattr(m, "weight")][-1]
    return int(last.weight.shape[-2])


class Reader:
    """Describes the parts of a flow of known size; `tensors` become those of the model file."""

    def __init__(self, size: dict[str, int], tensors: dict[str, Any]) -> None:
        self.size = size
        self.tensors = tensors
        self.needs_release = False
        """Whether a part computes something else in another release of Zuko."""

    def lazy(self, part: Any, place: str) -> dict[str, Any]:
        """The description of a lazy transform."""
        flows, kind = zuko.flows, type(part)
        if kind is zuko.lazy.LazyInverse:
            return {
                "type": "LazyInverse",
                "transform": self.lazy(part.transform, f"{place}.transform")}
        if kind is zuko.lazy.LazyComposedTransform:
            return {"type": "LazyComposedTransform", "transforms": [
                self.lazy(inner, f"{place}.transforms.{i}")
                for i, inner in enumerate(part.transforms)]}
        if isinstance(part, (zuko.lazy.UnconditionalTransform, zuko.lazy.Unconditional)):
            return self.unconditional(part, place)
        if kind is flows.FFJTransform:
            self._check_times(part, place)
            return {
                "type": kind.__name__, **self.size, "freqs": len(part.freqs), "atol": part.atol,
                "rtol": part.rtol, "exact": part.exact,
                **plain(part.ode, f"{place}.ode", self.tensors)}
        result = {"type": kind.__name__, **self.size, **self.univariate(part, place)}
        if kind is flows.MaskedAutoregressiveTransform:
            result.update(masked(part.hyper, f"{place}.hyper"))
            if part.order is None:
                result["adjacency"] = adjacency(part, self.size["features"])
            elif part.passes != self.size["features"]:
                result["passes"] = part.passes
        elif kind in (flows.GeneralCouplingTransform, flows.ElementWiseTransform):
            if hasattr(part, "hyper"):
                result.update(plain(part.hyper, f"{place}.hyper", self.tensors))
        else:
            raise CannotDescribe(place, part, "is no lazy transform that a description can hold")
        return result

    def _check_times(self, part: Any, place: str) -> None:
        if part.times.tolist() != [0, 1]:
            raise CannotDescribe(place, part, f"goes from time {part.times.tolist()}, expected [0, 1]")

    def univariate(self, part: Any, place: str) -> dict[str, Any]:
        """The arguments `univariate` and `shapes`."""
        if not hasattr(part, "univariate"):
            raise CannotDescribe(place, part, "is no lazy transform that a description can hold")
        shapes = [list(shape) for shape in part.shapes]
        function = part.univariate
        if isinstance(function, nn.Module):
            return {"univariate": self.network_of_each(function, f"{place}.univariate"), "shapes": shapes}
        return {"univariate": univariate(function, shapes, place), "shapes": shapes}

    def network_of_each(self, module: Any, place: str) -> dict[str, Any]:
        """The description of `MNN` or `UMNN`, a network for each feature."""
        kind = type(module).__name__
        if type(module) not in (neural.MNN, neural.UMNN):
            raise CannotDescribe(place, module, "is neither MNN nor UMNN")
        name = "network" if kind == "MNN" else "integrand"
        network, features = getattr(module, name), self.size["features"]
        arguments = plain(network, f"{place}.{name}", self.tensors)
        if kind == "MNN":
            arguments = {"hidden_features": arguments["hidden_features"]}
        else:
            self.needs_release = zuko.__version__ < "1.5"
        for key in [key for key in self.tensors if key.startswith(f"{place}.{name}.")]:
            tensor = self.tensors[key]
            if tensor.dim() == (2 if key.endswith("weight") else 1):  # One network for all features.
                self.tensors[key] = tensor.expand(features, *tensor.shape)
        return {
            "type": kind, "signal": network[0].weight.shape[-1] - 1, "stack": features, **arguments}

    def unconditional(self, part: Any, place: str) -> dict[str, Any]:
        """The description of an `UnconditionalTransform`, from the transform that it makes."""
        is_buffer = not any(True for _ in part.parameters())
        part = self._take(part, place)
        raw = [*part.parameters(), *part.buffers()]
        with torch.no_grad():
            made = part(None)
            inner, is_inverse = made, False
            while not isinstance(inner, zuko.transforms.RotationTransform):
                if isinstance(inner, torch.distributions.transforms._InverseTransform):
                    inner, is_inverse = inner.inv, not is_inverse
                elif type(inner) is zuko.transforms.DependentTransform:
                    inner = inner.base
                else:
                    break
            if isinstance(inner, zuko.transforms.RotationTransform):
                return self._rotation(inner, raw, is_inverse, is_buffer, place)
            found = steps(made, place)
        if len(found) == 1:
            return self._step(found[0], is_buffer, place)
        return {"type": "LazyComposedTransform", "transforms": [
            self._step(step, is_buffer, f"{place}.transforms.{i}") for i, step in enumerate(found)]}

    def _take(self, part: Any, place: str) -> Any:
        """A part in float64, whose tensors are removed; what it computes of them is written instead."""
        for key in [key for key in self.tensors if key.startswith(f"{place}.")]:
            del self.tensors[key]
        return double(part)

    def _rotation(
        self, made: Any, raw: list[Any], is_inverse: bool, is_buffer: bool, place: str
    ) -> dict[str, Any]:
        for tensor in raw:
            if tensor.shape == made.R.shape and torch.equal(
                zuko.transforms.RotationTransform(tensor).R, made.R
            ):
                self.tensors[f"{place}.A"] = shortest(tensor)
                f = {"type": "RotationTransform"} | ({"inverse": True} if is_inverse else {})
                return {"type": "UnconditionalTransform", "f": f, "buffer": is_buffer}
        raise CannotDescribe(place, made, "is not made of a tensor A of its module")

    def _step(self, step: Any, is_buffer: bool, place: str) -> dict[str, Any]:
        features = self.size["features"]
        for name, value in step.tensors.items():
            tensor = torch.as_tensor(value)
            if name != "order":
                tensor = shortest(tensor.double())
            if tensor.dim() == 0:
                tensor = tensor.expand(features)
            shape = [features, features] if name == "LU" else [features]
            if list(tensor.shape) != shape:
                raise CannotDescribe(
                    f"{place}.{name}", f"a tensor of shape {list(tensor.shape)}", f"is not of {shape}")
            self.tensors[f"{place}.{name}"] = tensor
        # Whole numbers have no gradient.
        is_buffer = is_buffer or "order" in step.tensors
        return {"type": "UnconditionalTransform", "f": step.json, "buffer": is_buffer}

    def base(self, part: Any) -> dict[str, Any]:
        """The description of the base, from the distribution that it makes."""
        if not isinstance(part, (zuko.lazy.UnconditionalDistribution, zuko.lazy.Unconditional)):
            raise CannotDescribe("base", part, "is no UnconditionalDistribution")
        is_buffer = not any(True for _ in part.parameters())
        part = self._take(part, "base")
        with torch.no_grad():
            made = part(None)
        kind, tensors = base_arguments(made, part)
        features = self.size["features"]
        for name, value in tensors.items():
            self.tensors[f"base.{name}"] = shortest(torch.as_tensor(value).double()).expand(features)
        return {"type": "UnconditionalDistribution", "f": {"type": kind}, "buffer": is_buffer}


def shortest(tensor: Any) -> Any:
    """A float64 tensor in float32, if that holds the same numbers."""
    single = tensor.float()
    return single if torch.equal(single.double(), tensor) else tensor


def base_arguments(made: Any, part: Any) -> tuple[str, dict[str, Any]]:
    """The class of a base distribution and its tensors."""
    inner = made
    while isinstance(inner, torch.distributions.Independent):
        inner = inner.base_dist
    if type(inner) is torch.distributions.Normal:
        return "DiagNormal", {"loc": inner.loc, "scale": inner.scale}
    if type(inner) is torch.distributions.Uniform:
        return "BoxUniform", {"lower": inner.low, "upper": inner.high}
    if type(inner) is zd.GeneralizedNormal:
        return "GeneralizedNormal", {"beta": inner.beta}
    function = getattr(part, "f", getattr(part, "meta", None))
    raise CannotDescribe(
        "base", name_of(function),
        f"makes a {type(inner).__name__}, which is none of DiagNormal, BoxUniform, GeneralizedNormal")


def adjacency(part: Any, features: int) -> list[list[int]]:
    """Which features depend on which, through the masks of the network."""
    reach = torch.eye(_inputs(part.hyper))
    for module in part.hyper:
        if hasattr(module, "mask"):
            reach = (module.mask.float() @ reach > 0).float()
        elif type(module).__name__ == "Residual":
            through = module[2].mask.float() @ (module[0].mask.float() @ reach)
            reach = (reach + through > 0).float()
    rows = reach.reshape(features, part.total, -1).amax(dim=1)
    rows[:, :features] += torch.eye(features)
    result: list[list[int]] = rows.clamp(max=1).int().tolist()
    return result


__all__ = ["custom", "describe", "load", "number", "recognises"]
