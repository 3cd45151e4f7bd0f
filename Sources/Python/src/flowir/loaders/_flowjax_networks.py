"""Networks of equinox, and copies of flowjax's flows in float64."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import flowjax.bijections as fb
import jax
import jax.numpy as jnp
import numpy as np
from flowjax.utils import get_ravelled_pytree_constructor
from paramax import NonTrainable, Parameterize, unwrap

from .._arrays import Array
from ._live import CannotDescribe

ACTIVATIONS: dict[Any, str] = {
    jax.nn.relu: "ReLU", jax.nn.elu: "ELU", jnp.tanh: "Tanh", jax.nn.tanh: "Tanh",
    jax.nn.silu: "SiLU", jax.nn.swish: "SiLU", jax.nn.leaky_relu: "LeakyReLU",
    jax.nn.softplus: "Softplus", jax.nn.sigmoid: "Sigmoid", jax.lax.tanh: "Tanh",
    jax.lax.logistic: "Sigmoid",
}
"""The activations, by function."""


def array(value: Any) -> Array:
    """Numbers of float64."""
    return np.asarray(value, np.float64)


def double(obj: Any) -> Any:
    """A copy in float64: the arrays, the constants of functions, and what constructors keep."""
    def convert(leaf: Any) -> Any:
        return leaf.astype(jnp.float64) if eqx.is_inexact_array(leaf) else leaf

    def own(node: Any) -> bool:
        return isinstance(node, (fb.MaskedAutoregressive, fb.Coupling, fb.LeakyTanh))

    def visit(node: Any) -> Any:
        if not own(node):
            return convert(node)
        if isinstance(node, fb.LeakyTanh):  # Its constants have been rounded to float32.
            return fb.LeakyTanh(node.max_val, node.shape)
        constructor, _ = get_ravelled_pytree_constructor(
            double(transformer(node)), filter_spec=eqx.is_inexact_array, is_leaf=is_fixed)
        fields = {
            name: jax.tree_util.tree_map(convert, getattr(node, name))
            for name in ("masked_autoregressive_mlp", "conditioner") if hasattr(node, name)}
        result = eqx.tree_at(lambda n: n.transformer_constructor, node, constructor)
        for name, value in fields.items():
            result = eqx.tree_at(lambda n, name=name: getattr(n, name), result, value)
        return result

    return jax.tree_util.tree_map(visit, obj, is_leaf=own)


def is_fixed(leaf: Any) -> bool:
    """Whether a leaf is not trained, and so is not a parameter."""
    return isinstance(leaf, NonTrainable)


def transformer(part: Any) -> Any:
    """The transformer of a coupling or an autoregressive bijection, as it was given."""
    constructor = part.transformer_constructor
    return constructor(jnp.zeros(count(part), dtype=_dtype(constructor)))


def _dtype(constructor: Any) -> Any:
    found = [
        cell.cell_contents.dtype for cell in constructor.__closure__
        if eqx.is_inexact_array(cell.cell_contents)]
    return found[0] if found else jnp.zeros(0).dtype


def count(part: Any) -> int:
    """The number of parameters of the transformer of one feature."""
    if isinstance(part, fb.Coupling):
        return int(part.conditioner.out_size) // (part.dim - part.untransformed_dim)
    return int(part.masked_autoregressive_mlp.out_size) // int(part.shape[0])


def equinox(network: Any, at: str) -> list[tuple[str, Any]]:
    """The layers of a network of equinox: `("linear", (weight, bias))` and `("activation", name)`."""
    kind = type(network)
    if kind is eqx.nn.Linear:
        weight = array(unwrap(network.weight))
        bias = np.zeros(len(weight)) if network.bias is None else array(unwrap(network.bias))
        return [("linear", (weight, bias))]
    if kind is eqx.nn.MLP:
        layers = list(network.layers)
        result = []
        for index, layer in enumerate(layers):
            result += equinox(layer, f"{at}.layers.{index}")
            if index + 1 < len(layers):
                result.append(("activation", activation(network.activation, f"{at}.activation")))
        probe = jnp.linspace(-2, 2, 7)
        if not np.array_equal(np.asarray(jax.vmap(network.final_activation)(probe)), probe):
            raise CannotDescribe(f"{at}.final_activation", name_of(network.final_activation),
                                 "is a function of the outputs, which no description can hold")
        return result
    if kind is eqx.nn.Sequential:
        return [
            layer for index, inner in enumerate(network.layers)
            for layer in equinox(inner, f"{at}.layers.{index}")]
    if kind is eqx.nn.Lambda:
        return [("activation", activation(network.fn, f"{at}.fn"))]
    if kind in (eqx.nn.Identity, eqx.nn.Dropout):
        return []
    raise CannotDescribe(at, network, "is not a network of equinox that a description can hold")


def activation(function: Any, at: str) -> str:
    """An activation's name in a description."""
    try:
        name = ACTIVATIONS.get(function)
    except TypeError:
        name = None
    if name is None:
        raise CannotDescribe(
            at, name_of(function), f"is none of {', '.join(sorted(set(ACTIVATIONS.values())))}")
    return name


def name_of(function: Any) -> str:
    """What a function is called."""
    return str(getattr(function, "__name__", type(function).__name__))


def mask_of(layer: Any, at: str) -> Array:
    """The mask of a linear layer of a masked network."""
    weight = layer.weight
    if type(weight) is not Parameterize or weight.fn is not jnp.where or len(weight.args) != 3:
        raise CannotDescribe(at, weight, "is not a weight with a mask")
    return np.asarray(weight.args[0])


def inverted(json: dict[str, Any], inverse: bool) -> dict[str, Any]:
    """The description of a transform or of its inverse."""
    return {"type": "LazyInverse", "transform": json} if inverse else json
