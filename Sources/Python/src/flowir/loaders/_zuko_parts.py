"""The parts of Zuko's flows, as parts of a description."""

from __future__ import annotations

from typing import Any

import torch
import zuko
import zuko.distributions as zd
import zuko.flows.neural as neural
from torch import nn

from ._bijections import name_of, steps, univariate
from ._live import CannotDescribe
from ._networks import masked, plain
from ._reference import double


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
            raise CannotDescribe(place, part, "is not a lazy transform that a description can hold")
        return result

    def _check_times(self, part: Any, place: str) -> None:
        if part.times.tolist() != [0, 1]:
            raise CannotDescribe(place, part, f"goes from time {part.times.tolist()}, expected [0, 1]")

    def univariate(self, part: Any, place: str) -> dict[str, Any]:
        """The arguments `univariate` and `shapes`."""
        if not hasattr(part, "univariate"):
            raise CannotDescribe(place, part, "is not a lazy transform that a description can hold")
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
            return self.step(found[0], is_buffer, place)
        return {"type": "LazyComposedTransform", "transforms": [
            self.step(step, is_buffer, f"{place}.transforms.{i}") for i, step in enumerate(found)]}

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

    def step(self, step: Any, is_buffer: bool, place: str) -> dict[str, Any]:
        """The description of one step, whose tensors are added."""
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
            raise CannotDescribe("base", part, "is not an UnconditionalDistribution")
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
    reach = torch.eye(inputs(part.hyper))
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


def inputs(network: Any) -> int:
    """The number of inputs of a network."""
    first = next(m for m in network.modules() if hasattr(m, "weight"))
    return int(first.weight.shape[-1])


def outputs(network: Any) -> int:
    """The number of outputs of a network."""
    last = [m for m in network.modules() if hasattr(m, "weight")][-1]
    return int(last.weight.shape[-2])
