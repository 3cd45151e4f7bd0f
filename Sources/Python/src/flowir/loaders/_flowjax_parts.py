"""Bijections of flowjax, as parts of a description."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import flowjax.bijections as fb
import jax
import jax.numpy as jnp
import numpy as np
from paramax import unwrap

from .._arrays import Array
from ._flowjax_networks import array
from ._flowjax_transforms import Transforms
from ._linear import factors
from ._live import CannotDescribe

Step = Callable[[str], dict[str, Any]]
"""Gives the description of one transform at a place, and adds its tensors."""

ELEMENTWISE: dict[Any, str] = {
    fb.Exp: "ExpTransform", fb.Sigmoid: "SigmoidTransform", fb.SoftPlus: "SoftplusTransform",
    fb.Tanh: "TanhTransform",
}
"""The functions of each element without parameters."""


class Parts(Transforms):
    """Describes bijections, which may be made of others."""

    def steps(self, part: Any, at: str, inverse: bool) -> list[Step]:
        """The transforms of which a bijection or its inverse is made, first to last."""
        kind = type(part)
        if isinstance(part, fb.AbstractBijection) is False:
            part = unwrap(part)
            kind = type(part)
        if kind is fb.Invert:
            return self.steps(part.bijection, f"{at}.bijection", not inverse)
        if kind is fb.NumericalInverse:
            return self.steps(part.bijection, f"{at}.bijection", inverse)
        if kind is fb.Chain:
            return self.sequence(
                [(inner, f"{at}.bijections.{i}") for i, inner in enumerate(part.bijections)], inverse)
        if kind is fb.Sandwich:
            return self.sequence(
                [(part.outer, f"{at}.outer"), (part.inner, f"{at}.inner"),
                 (fb.Invert(part.outer), f"{at}.outer")], inverse)
        if kind is fb.Scan:
            arrays = [leaf for leaf in jax.tree_util.tree_leaves(part.bijection) if eqx.is_array(leaf)]
            layers = [
                jax.tree_util.tree_map(
                    lambda leaf, i=index: leaf[i] if eqx.is_array(leaf) else leaf, part.bijection)
                for index in range(len(arrays[0]))]
            return self.sequence([(layer, f"{at}.bijection") for layer in layers], inverse)
        if kind is fb.Vmap:
            return self.vmapped(part, at, inverse)
        if kind is fb.Identity:
            return []
        return self.leaf(part, at, inverse)

    def sequence(self, parts: list[tuple[Any, str]], inverse: bool) -> list[Step]:
        """The transforms of bijections one after the other."""
        parts = parts[::-1] if inverse else parts
        return [step for part, at in parts for step in self.steps(part, at, inverse)]

    def vmapped(self, part: Any, at: str, inverse: bool) -> list[Step]:
        """The transforms of a bijection of one number that is mapped over all features."""
        axes, _, condition = part.in_axes
        inner = part.bijection
        if inner.shape != () or condition is not None:
            raise CannotDescribe(
                at, part, f"maps a bijection of shape {list(inner.shape)}, expected numbers")
        if not (axes is None or axes == 0 or callable(axes)):
            raise CannotDescribe(at, part, "has in_axes of its own, expected None, 0 or a function")

        def spread(leaf: Any) -> Any:
            if not eqx.is_array(leaf):
                return leaf
            axis = axes(leaf) if callable(axes) else axes
            if axis is None:
                return jnp.broadcast_to(leaf, (self.features, *leaf.shape))
            return jnp.moveaxis(leaf, axis, 0)

        return self.each(jax.tree_util.tree_map(spread, inner), f"{at}.bijection", inverse)

    def each(self, part: Any, at: str, inverse: bool) -> list[Step]:
        """The transforms of a bijection of one number, whose parameters have a first axis of features."""
        kind = type(part)
        if kind is fb.Invert:
            return self.each(part.bijection, f"{at}.bijection", not inverse)
        if kind is fb.Chain:
            inners = list(enumerate(part.bijections))
            return [
                step for i, inner in (inners[::-1] if inverse else inners)
                for step in self.each(inner, f"{at}.bijections.{i}", inverse)]
        if kind is fb.Sandwich:
            chain = fb.Chain([part.outer, part.inner, fb.Invert(part.outer)])
            return self.each(chain, at, inverse)
        if kind is fb.RationalQuadraticSpline:
            return [partial(self.free, part, at, inverse)]
        if kind is fb.Identity:
            return []
        return self.leaf(part, at, inverse)

    def leaf(self, part: Any, at: str, inverse: bool) -> list[Step]:
        """The transforms of a bijection that is not made of others."""
        kind = type(part)
        if kind in ELEMENTWISE:
            return [self.unconditional({"type": ELEMENTWISE[kind]}, {}, inverse)]
        if kind is fb.LeakyTanh:
            f = {"type": "LeakyTanhTransform", "bound": part.max_val}
            return [self.unconditional(f, {}, inverse)]
        if kind is fb.Power:
            exponent = np.full(self.features, float(part.exponent))
            return [self.unconditional({"type": "PowerTransform"}, {"exponent": exponent}, inverse)]
        if kind in (fb.Affine, fb.Scale):
            loc = unwrap(part.loc) if kind is fb.Affine else 0.0
            return [self.unconditional({"type": "AffineTransform"}, {
                "loc": self.vector(loc), "scale": self.vector(unwrap(part.scale))}, inverse)]
        if kind is fb.Loc:
            return [self.unconditional(
                {"type": "AdditiveTransform"}, {"shift": self.vector(unwrap(part.loc))}, inverse)]
        if kind in (fb.Permute, fb.Flip):
            order = np.arange(self.features)[::-1]
            if kind is fb.Permute:
                order = np.asarray(part.permutation[0])
            return [self.unconditional({"type": "PermutationTransform"}, {
                "order": order.astype(np.int64)}, inverse)]
        if kind is fb.TriangularAffine:
            matrix = array(unwrap(part.triangular))
            return self.linear(
                np.tril(matrix) if part.lower else np.triu(matrix), array(unwrap(part.loc)), inverse)
        if kind is fb.Householder:  # Its own inverse.
            vectors = array(unwrap(part.unit_vec))[None]
            return [self.unconditional(
                {"type": "HouseholderTransform", "vectors": 1}, {"q_vectors": vectors}, False)]
        if kind is fb.DiscreteCosine:
            columns = jax.vmap(unwrap(part).transform)(jnp.eye(self.features))
            return self.linear(array(columns).T, np.zeros(self.features), inverse)
        if kind is fb.MaskedAutoregressive:
            return [partial(self.autoregressive, part, at, inverse)]
        if kind is fb.Coupling:
            return [partial(self.coupling, part, at, inverse)]
        if kind is fb.AdditiveCondition:
            return [partial(self.conditioned, part, at, inverse)]
        if kind is fb.Planar:
            return [partial(self.planar, part, at, inverse)]
        if kind is fb.BlockAutoregressiveNetwork:
            return [partial(self.blocks, part, at, inverse)]
        if kind is fb.EmbedCondition:
            raise CannotDescribe(at, part, "is not the outermost bijection of the flow")
        raise CannotDescribe(at, part, "is not a bijection of flowjax that a description can hold")

    def vector(self, value: Any) -> Array:
        """A number for each feature."""
        return np.broadcast_to(array(value), (self.features,))

    def unconditional(self, f: dict[str, Any], tensors: dict[str, Array], inverse: bool) -> Step:
        """A transform that does not depend on the context."""
        def step(place: str) -> dict[str, Any]:
            for name, value in tensors.items():
                self.put(f"{place}.{name}", value)
            return {
                "type": "UnconditionalTransform", "f": f | ({"inverse": True} if inverse else {}),
                "buffer": not tensors or "order" in tensors}

        return step

    def linear(self, matrix: Array, shift: Array, inverse: bool) -> list[Step]:
        """The transforms of `W x + b`: the factors of `W`, lower and upper, a permutation, and a shift."""
        lu, order = factors(matrix)
        steps = [self.unconditional({"type": "LULinearTransform"}, {"LU": lu}, inverse)]
        if (np.diff(order) != 1).any():
            steps.append(self.unconditional(
                {"type": "PermutationTransform"}, {"order": order}, inverse))
        if shift.any():
            steps.append(self.unconditional({"type": "AdditiveTransform"}, {"shift": shift}, inverse))
        return steps[::-1] if inverse else steps
