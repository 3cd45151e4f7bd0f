"""flowjax's flows, live, compiled and equal."""

from __future__ import annotations

from typing import Any

import flowir
import numpy as np
import pytest

jax = pytest.importorskip("jax")
pytest.importorskip("flowjax")
import equinox as eqx  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import jax.random as jr  # noqa: E402
from flowjax import bijections, distributions  # noqa: E402
from flowjax_cases import CASES, CONTEXT, FEATURES, build, embedded, flow, maf  # noqa: E402
from paramax import unwrap  # noqa: E402

ROWS = 100
MAPPED = (
    "masked autoregressive flow of splines", "coupling flow given a condition", "planar flow",
    "triangular spline flow given a condition", "block neural autoregressive flow", "linear", "functions of positive features", "splines")
"""The flows that are compiled in both directions."""


def data(made: Any) -> tuple[Any, Any]:
    """Rows of float64 and conditions."""
    draws = np.random.default_rng(7)
    x = draws.normal(size=(ROWS, FEATURES))
    return x, draws.normal(size=(ROWS, CONTEXT)) if made.cond_shape else None


@pytest.mark.parametrize("name", list(CASES))
def test_a_live_flow_scores_as_flowjax(name: str) -> None:
    made = build(name)
    x, context = data(made)
    x = np.abs(x) if "positive" in name else x
    compiled = flowir.compile(made, dtype="float64", functions=["log_prob"])
    with jax.enable_x64(True):
        exact = eqx.filter_jit(lambda made: made.log_prob(x, context))
        expected = np.asarray(exact(build(name, jnp.float64)))
    assert np.isfinite(expected).any()
    np.testing.assert_allclose(compiled.log_prob(x, context), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", MAPPED)
def test_a_live_flow_maps_as_flowjax(name: str) -> None:
    made = build(name)
    x, context = data(made)
    x = np.abs(x) if "positive" in name else x
    compiled = flowir.compile(made, dtype="float64", functions=["transform", "inverse"])
    z, ladj = compiled.transform(x, context, return_ladj=True)
    with jax.enable_x64(True):
        exact = build(name, jnp.float64)
        mapped = jax.vmap(
            unwrap(exact.bijection).inverse_and_log_det, (0, None if context is None else 0))
        expected = jax.jit(mapped)(x, context)
    np.testing.assert_allclose(z, expected[0], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ladj, expected[1], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(compiled.inverse(z, context), x, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", ["planar flow", "block neural autoregressive flow"])
def test_gradients_are_those_of_flowjax(name: str) -> None:
    made = build(name)
    x, _ = data(made)
    found = flowir.compile(made, dtype="float64", functions=["log_prob_gradient"]).log_prob_and_grad(x)
    with jax.enable_x64(True):
        expected = jax.jit(jax.vmap(jax.grad(build(name, jnp.float64).log_prob)))(x)
    np.testing.assert_allclose(found[1], expected, rtol=1e-8, atol=1e-8)


def test_parameters_of_float64_keep_their_digits() -> None:
    with jax.enable_x64(True):
        made = maf()
        assert jax.tree_util.tree_leaves(eqx.filter(made, eqx.is_inexact_array))[0].dtype == jnp.float64
        x, context = data(made)
        expected = np.asarray(made.log_prob(x, context))
    found = flowir.compile(made, dtype="float64", functions=["log_prob"]).log_prob(x, context)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)


def test_an_array_of_jax_is_scored_where_it_stands() -> None:
    made = build("masked autoregressive flow")
    x, context = (jnp.asarray(value, jnp.float32) for value in data(made))
    found = flowir.compile(made, functions=["log_prob"]).log_prob(np.asarray(x), np.asarray(context))
    assert np.median(np.abs(found - np.asarray(made.log_prob(x, context)))) < 1e-5


UNSUPPORTED: dict[str, tuple[Any, str]] = {
    "indexed": (
        lambda: flow(bijections.Indexed(bijections.Exp(()), 0, (FEATURES,))),
        "bijection: Indexed is not a bijection of flowjax that a description can hold"),
    "scalars": (
        lambda: distributions.Normal(0.0, 1.0), "flow: Normal has events of shape [], expected vectors"),
    "base": (
        lambda: distributions.Gamma(jnp.ones(FEATURES), jnp.ones(FEATURES)),
        "base_dist: _StandardGamma is not a base that a description can hold"),
    "activation": (
        lambda: maf(nn_activation=jax.nn.hard_tanh),
        "masked_autoregressive_mlp.activation: hard_tanh is none of ELU, "),
    "transformer": (
        lambda: maf(transformer=bijections.Exp(())),
        "bijections.0.transformer: Exp is not a transformer that a description can hold"),
    "slope": (
        lambda: flow(bijections.Planar(jr.key(0), dim=FEATURES, negative_slope=2.0)),
        "bijection: Planar has negative_slope=2, which is above 1"),
    "inner embedding": (
        lambda: flow(bijections.Chain([embedded().bijection.bijection])),
        "bijections.0: EmbedCondition is not the outermost bijection of the flow"),
}


@pytest.mark.parametrize("name", list(UNSUPPORTED))
def test_what_cannot_be_described_is_named(name: str) -> None:
    make, message = UNSUPPORTED[name]
    with pytest.raises(flowir.Error) as error:
        flowir.compile(make())
    assert message in str(error.value)
