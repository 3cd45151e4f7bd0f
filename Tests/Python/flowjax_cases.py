"""Flows of flowjax of every kind, built live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import flowjax.bijections as fb
import flowjax.distributions as fd
import flowjax.flows as ff
import jax
import jax.numpy as jnp
import jax.random as jr

FEATURES, CONTEXT = 3, 2
NETWORK: dict[str, Any] = {"nn_width": 9, "nn_depth": 2, "flow_layers": 2}


def normal() -> Any:
    """A base with parameters of its own."""
    return fd.Normal(jnp.array([0.1, -0.2, 0.3]), jnp.array([1.0, 0.7, 1.3]))


def flow(bijection: Any, base: Any = None) -> Any:
    """A bijection of a normal base."""
    return fd.Transformed(base or fd.StandardNormal((FEATURES,)), bijection)


def maf(**arguments: Any) -> Any:
    """A masked autoregressive flow with a condition."""
    given = {"base_dist": normal(), "cond_dim": CONTEXT, **NETWORK, **arguments}
    return ff.masked_autoregressive_flow(jr.key(0), **given)


def coupling(**arguments: Any) -> Any:
    """A coupling flow."""
    given = {"base_dist": normal(), **NETWORK, **arguments}
    return ff.coupling_flow(jr.key(1), **given)


def spline(interval: Any = 3, **arguments: Any) -> Any:
    """A rational-quadratic spline as a transformer."""
    return fb.RationalQuadraticSpline(knots=4, interval=interval, **arguments)


def splines() -> Any:
    """A spline of its own for each feature."""
    made = eqx.filter_vmap(lambda: spline((-2, 3)), axis_size=FEATURES)()
    return fb.Vmap(made, in_axes=eqx.if_array(0))


def triangular(lower: bool = True) -> Any:
    """An affine map by a triangular matrix."""
    matrix = jnp.array([[1.2, 0.3, -0.4], [0.5, 0.8, 0.2], [-0.7, 0.6, 1.5]])
    return fb.TriangularAffine(jnp.array([0.5, -1.0, 0.2]), matrix, lower=lower)


def linear() -> Any:
    """Linear bijections of every kind."""
    return fb.Chain([
        triangular(), fb.Invert(triangular(False)), fb.Householder(jnp.array([1.0, -0.5, 2.0])),
        fb.DiscreteCosine((FEATURES,)), fb.Flip((FEATURES,)), fb.Permute(jnp.array([1, 2, 0])),
        fb.Invert(fb.Permute(jnp.array([1, 2, 0]))), fb.Loc(jnp.array([1.0, 2.0, 3.0])),
        fb.Scale(jnp.array([0.5, 1.5, 2.0])), fb.Identity((FEATURES,))])


def functions() -> Any:
    """Functions of each feature; the last leads to positive numbers."""
    shape = (FEATURES,)
    return fb.Chain([
        fb.LeakyTanh(1.5, shape), fb.Affine(jnp.zeros(3), jnp.full(3, 0.4)), fb.Invert(fb.Tanh(shape)),
        fb.Sigmoid(shape), fb.Invert(fb.Sigmoid(shape)), fb.Exp(shape), fb.Power(0.7, shape),
        fb.Invert(fb.SoftPlus(shape)), fb.Exp(shape)])


def exponential(minimum: float = 0.1) -> Any:
    """An affine transformer whose scale is an exponential."""
    from paramax import Parameterize

    scale = Parameterize(lambda a: jnp.exp(a) + minimum, jnp.array(-0.2))
    return eqx.tree_at(lambda affine: affine.scale, fb.Affine(0.5), scale)


def mlp(inputs: int, outputs: int) -> Any:
    """A network of equinox."""
    return eqx.nn.MLP(inputs, outputs, 7, 1, activation=jnp.tanh, key=jr.key(5))


def embedded() -> Any:
    """A flow whose condition passes through a network."""
    inner = fb.MaskedAutoregressive(
        jr.key(2), transformer=spline(), dim=FEATURES, cond_dim=4, nn_width=8, nn_depth=1)
    return flow(fb.Invert(fb.EmbedCondition(inner, mlp(CONTEXT, 4), (CONTEXT,))))


CASES: dict[str, Callable[[], Any]] = {
    "masked autoregressive flow": maf,
    "masked autoregressive flow, not inverted": lambda: maf(invert=False),
    "masked autoregressive flow of splines": lambda: maf(
        transformer=spline(), cond_dim=None, nn_activation=jax.nn.silu),
    "masked autoregressive flow of no hidden layer": lambda: maf(nn_depth=0, cond_dim=None),
    "masked autoregressive flow of shifts": lambda: maf(transformer=fb.Loc(jnp.array(0.3))),
    "masked autoregressive flow of scales": lambda: maf(transformer=fb.Scale(jnp.array(0.6))),
    "masked autoregressive flow of exponentials": lambda: maf(transformer=exponential()),
    "coupling flow": coupling,
    "coupling flow given a condition": lambda: coupling(
        cond_dim=CONTEXT, transformer=spline((-1, 4), min_derivative=0.01, min_width=0.02)),
    "coupling flow, not inverted": lambda: coupling(invert=False, nn_activation=jnp.tanh),
    "planar flow": lambda: ff.planar_flow(jr.key(3), base_dist=normal(), flow_layers=3),
    "planar flow of leaky units": lambda: ff.planar_flow(
        jr.key(3), base_dist=normal(), flow_layers=3, negative_slope=0.3, invert=False),
    "planar given a condition": lambda: ff.planar_flow(
        jr.key(3), base_dist=normal(), flow_layers=2, cond_dim=CONTEXT, width_size=6, depth=1),
    "triangular spline flow": lambda: ff.triangular_spline_flow(
        jr.key(4), base_dist=normal(), flow_layers=2, knots=5),
    "triangular spline flow given a condition": lambda: ff.triangular_spline_flow(
        jr.key(4), base_dist=normal(), flow_layers=2, cond_dim=CONTEXT, invert=False),
    "block neural autoregressive flow": lambda: ff.block_neural_autoregressive_flow(
        jr.key(7), base_dist=normal(), nn_block_dim=3, nn_depth=2, flow_layers=2),
    "block neural autoregressive flow given a condition": lambda: ff.block_neural_autoregressive_flow(
        jr.key(7), base_dist=normal(), nn_block_dim=4, cond_dim=CONTEXT),
    "linear": lambda: flow(linear()),
    "functions of positive features": lambda: flow(functions()),
    "splines": lambda: flow(splines(), normal()),
    "parts without a condition in a flow with one": lambda: flow(fb.Chain([
        fb.AdditiveCondition(mlp(CONTEXT, FEATURES), (FEATURES,), (CONTEXT,)), triangular(), splines(),
        fb.Planar(jr.key(6), dim=FEATURES, negative_slope=0.5)])),
    "an embedding": embedded,
    "a multivariate normal distribution": lambda: fd.MultivariateNormal(
        jnp.array([1.0, 2.0, 3.0]), jnp.array([[2.0, 0.5, 0.1], [0.5, 1.0, 0.3], [0.1, 0.3, 1.5]])),
    "a log-normal distribution of positive features": lambda: fd.LogNormal(
        jnp.array([0.1, 0.2, 0.3]), 0.7),
    "a uniform base": lambda: flow(
        fb.Affine(jnp.zeros(3), 2.0), fd.Uniform(-jnp.full(3, 1.0), jnp.full(3, 2.0))),
    "a Student base": lambda: flow(splines(), fd.StudentT(
        jnp.array([1.5, 3.0, 8.0]), jnp.zeros(3), jnp.array([0.5, 1.0, 2.0]))),
    "a Cauchy base": lambda: flow(splines(), fd.Cauchy(jnp.zeros(3), jnp.array([0.5, 1.0, 2.0]))),
    "a logistic base": lambda: flow(splines(), fd.Logistic(jnp.zeros(3), jnp.array([0.5, 1.0, 2.0]))),
    "a Gumbel base": lambda: flow(splines(), fd.Gumbel(jnp.zeros(3), jnp.array([0.5, 1.0, 2.0]))),
    "a Laplace base": lambda: flow(splines(), fd.Laplace(jnp.zeros(3), jnp.array([0.5, 1.0, 2.0]))),
}


def build(name: str, dtype: Any = None) -> Any:
    """The flow of a name, the same each time, with parameters of float32 away from their first values.

    With a type it has them in that type: what flowjax computes in it.
    """
    from flowir.loaders._flowjax_networks import double

    with jax.enable_x64(False):
        made = CASES[name]()
        keys = iter(jr.split(jr.key(sum(map(ord, name))), 500))
        made = jax.tree_util.tree_map(
            lambda leaf: leaf + 0.2 * jr.normal(next(keys), leaf.shape)
            if eqx.is_inexact_array(leaf) else leaf, made)
    return made if dtype is None else double(made)
