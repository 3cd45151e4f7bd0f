"""Transforms of flowjax whose parameters a network gives, or which are networks, as parts of a description."""

from __future__ import annotations

from typing import Any

import numpy as np
from flowjax.bijections.block_autoregressive_network import _LeakyTanh as BendingTanh
from paramax import Parameterize, WeightNormalization, unwrap

from .._arrays import Array
from ._flowjax_networks import array, equinox, inverted, mask_of, transformer
from ._flowjax_univariates import Univariate, free, univariate
from ._live import CannotDescribe


class Transforms:
    """Describes transforms of a flow of known size; collects the tensors of the model file."""

    features: int
    context: int

    def __init__(self) -> None:
        self.tensors: dict[str, Array] = {}

    def put(self, name: str, value: Any) -> None:
        """Adds a tensor to the model file: floats in float32 if that holds the same numbers."""
        found = np.array(value)
        if found.dtype.kind == "f":
            single = found.astype(np.float32)
            found = single if np.array_equal(single.astype(np.float64), found) else found
        self.tensors[name] = np.ascontiguousarray(found)

    @property
    def size(self) -> dict[str, int]:
        """The numbers of features and of the context features of a part."""
        return {"features": self.features, "context": self.context}

    def free(self, part: Any, at: str, inverse: bool, place: str) -> dict[str, Any]:
        """The description of a transform of each feature with free parameters."""
        inner = f"{place}.transform" if inverse else place
        found, values = free(part, at)
        self.put(f"{inner}.mask", np.zeros(self.features, bool))
        for index, value in enumerate(values):
            self.put(f"{inner}.phi.{index}", value)
        return inverted({
            "type": "FreeElementWiseTransform", "features": self.features, **found.json}, inverse)

    def network(self, layers: list[tuple[str, Any]], at: str, place: str) -> dict[str, Any]:
        """The description of layers whose tensors are added: linear ones with one activation between."""
        linear = [value for kind, value in layers if kind == "linear"]
        names = [value for kind, value in layers if kind == "activation"]
        kinds = [kind for kind, _ in layers]
        if kinds != (["linear", "activation"] * len(linear))[:-1] or len(set(names)) > 1:
            raise CannotDescribe(at, "a network", f"has layers {kinds} with {names}, expected linear "
                                 "ones with the same activation between them")
        for index, (weight, bias) in enumerate(linear):
            self.put(f"{place}.{2 * index}.weight", weight)
            self.put(f"{place}.{2 * index}.bias", bias)
        result: dict[str, Any] = {
            "type": "MLP", "hidden_features": [len(weight) for weight, _ in linear[:-1]]}
        if names:
            result["activation"] = names[0]
        return result

    def parameters(
        self, part: Any, name: str, at: str
    ) -> tuple[Univariate, list[tuple[str, Any]]]:
        """The transform of one feature, and the layers of the network of a name that gives its parameters
        in the order of the description."""
        found = univariate(transformer(part), f"{at}.transformer")
        layers = equinox(getattr(part, name), f"{at}.{name}")
        weight, bias = layers[-1][1]
        weight, bias = found.ordered(weight), found.ordered(bias, found.start)
        return found, [*layers[:-1], ("linear", (weight, bias))]

    def coupling(self, part: Any, at: str, inverse: bool, place: str) -> dict[str, Any]:
        """The description of a coupling bijection."""
        inner = f"{place}.transform" if inverse else place
        untransformed = int(part.untransformed_dim)
        if untransformed == 0 and not self.context:
            raise CannotDescribe(at, part, "transforms all features and has no condition")
        found, layers = self.parameters(part, "conditioner", at)
        result: dict[str, Any] = {"type": "ElementWiseTransform", **self.size, **found.json}
        if untransformed:
            result["type"] = "GeneralCouplingTransform"
            self.put(f"{inner}.mask", np.arange(self.features) < untransformed)
        result["network"] = self.network(layers, at, f"{inner}.hyper")
        return inverted(result, inverse)

    def autoregressive(self, part: Any, at: str, inverse: bool, place: str) -> dict[str, Any]:
        """The description of a masked autoregressive bijection."""
        inner = f"{place}.transform" if inverse else place
        network = part.masked_autoregressive_mlp
        found, layers = self.parameters(part, "masked_autoregressive_mlp", at)
        masks = [mask_of(layer, f"{at}.masked_autoregressive_mlp") for layer in network.layers]
        masks[-1] = found.ordered(masks[-1].astype(float)) > 0
        if not all(mask.any() for mask in masks):  # A single feature without a condition.
            _, (_, bias) = layers[-1]
            self.put(f"{inner}.mask", np.zeros(self.features, bool))
            for index, value in enumerate(found.split(bias)):
                self.put(f"{inner}.phi.{index}", value)
            return inverted({
                "type": "FreeElementWiseTransform", "features": self.features, **found.json}, inverse)
        arguments = self.network(layers, at, f"{inner}.hyper")
        for index, mask in enumerate(masks):
            self.put(f"{inner}.hyper.{2 * index}.mask", mask)
        self.put(f"{inner}.order", np.arange(self.features))
        return inverted({
            "type": "MaskedAutoregressiveTransform", **self.size, **found.json,
            "network": {**arguments, "type": "MaskedMLP"}}, inverse)

    def conditioned(self, part: Any, at: str, inverse: bool, place: str) -> dict[str, Any]:
        """The description of a shift that a network gives for the condition."""
        inner = f"{place}.transform" if inverse else place
        network = self.network(equinox(part.module, f"{at}.module"), at, f"{inner}.hyper")
        return inverted({
            "type": "ElementWiseTransform", **self.size, "univariate": {"type": "AdditiveTransform"},
            "shapes": [[]], "network": network}, inverse)

    def blocks(self, part: Any, at: str, inverse: bool, place: str) -> dict[str, Any]:
        """The description of a block neural autoregressive network."""
        inner = f"{place}.transform" if inverse else place
        function = part.activation
        if type(function) is not BendingTanh:
            raise CannotDescribe(
                f"{at}.activation", function, "is not the default, tanh(x) + 0.01 x")
        if self.context and part.cond_linear is None:
            raise CannotDescribe(at, part, "takes no condition in a flow that has one")
        for index, (layer, _) in enumerate(part.layers):
            weight = layer.weight
            if type(weight) is not WeightNormalization or type(weight.weight) is not Parameterize:
                raise CannotDescribe(f"{at}.layers.{index}", weight, "is not a weight in blocks")
            for name, value in (
                ("weight", weight.weight.args[0]), ("scale", weight.scale.args[0]), ("bias", layer.bias),
            ):
                value = array(unwrap(value))
                self.put(f"{inner}.layers.{index}.{name}", value if name == "weight" else value.reshape(-1))
        if part.cond_linear is not None:
            self.put(f"{inner}.context_layer.weight", array(unwrap(part.cond_linear.weight)))
        return inverted({
            "type": "BlockAutoregressiveTransform", **self.size, "depth": int(part.depth),
            "block_features": int(part.block_dim), "slope": float(function.min_grad)}, inverse)

    def planar(self, part: Any, at: str, inverse: bool, place: str) -> dict[str, Any]:
        """The description of a planar bijection."""
        inner = f"{place}.transform" if inverse else place
        result: dict[str, Any] = {"type": "LazyPlanarTransform", "features": self.features}
        if part.negative_slope is not None:
            if part.negative_slope > 1:
                raise CannotDescribe(at, part, f"has negative_slope={part.negative_slope:g}, which is "
                                     "above 1, and need not be invertible")
            result["negative_slope"] = float(part.negative_slope)
        if part.conditioner is None:
            self.put(f"{inner}.phi", array(unwrap(part.params)))
        else:
            layers = equinox(part.conditioner, f"{at}.conditioner")
            result["network"] = self.network(layers, at, f"{inner}.hyper")
            result["context"] = self.context
        return inverted(result, inverse)
