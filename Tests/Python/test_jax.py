"""A compiled flow in JAX and NumPyro."""

from __future__ import annotations

from functools import partial
from typing import Any

import flowir
import numpy as np
import pytest

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp  # noqa: E402
from zuko_cases import build  # noqa: E402

GENERATOR = np.random.default_rng(2)


@pytest.fixture(scope="module")
def flow() -> flowir.CompiledFlow:
    return flowir.compile(build("NSF"), dtype="float64")


def normal(*shape: int) -> Any:
    return jnp.asarray(GENERATOR.standard_normal(shape))


def test_values_are_those_of_numpy(flow: flowir.CompiledFlow) -> None:
    ours = flow.jax()
    for x_shape, c_shape in [((3,), (2,)), ((5, 3), (2,)), ((5, 3), (5, 2)), ((4, 1, 3), (5, 2))]:
        x, c = normal(*x_shape), normal(*c_shape)
        for function in (ours.log_prob, jax.jit(ours.log_prob)):
            np.testing.assert_array_equal(function(x, c), flow.log_prob(x, c))
        z, ladj = jax.jit(ours.transform)(x, c)
        np.testing.assert_array_equal(z, flow.transform(x, c))
        np.testing.assert_allclose(ours.inverse(z, c)[0], jnp.broadcast_to(x, z.shape), atol=1e-6)
    with pytest.raises(ValueError, match=r"x has the shape \(5, 4\), expected \(…, 3\)"):
        ours.log_prob(normal(5, 4), normal(2))
    with pytest.raises(ValueError, match="context is missing"):
        ours.log_prob(normal(5, 3))


def test_it_maps_and_differentiates(flow: flowir.CompiledFlow) -> None:
    ours = flow.jax()
    x, c, one = normal(5, 3), normal(5, 2), normal(2)
    expected = flow.log_prob(x, c)
    np.testing.assert_allclose(jax.vmap(ours.log_prob)(x, c), expected, rtol=1e-12)
    np.testing.assert_allclose(
        jax.vmap(ours.log_prob, (0, None))(x, one), flow.log_prob(x, one), rtol=1e-12)
    grid = jax.jit(jax.vmap(jax.vmap(ours.log_prob, (None, 0)), (0, None)))(x, c)
    np.testing.assert_allclose(grid, flow.log_prob(x[:, None], c), rtol=1e-12)
    _, grad_x, grad_c = flow.log_prob_and_grad(x, c)
    found = jax.jit(jax.grad(lambda x, c: ours.log_prob(x, c).sum(), (0, 1)))(x, c)
    np.testing.assert_allclose(found[0], grad_x, rtol=1e-12)
    np.testing.assert_allclose(found[1], grad_c, rtol=1e-12)
    rows = jax.vmap(jax.grad(ours.log_prob), (0, None))(x, one)
    np.testing.assert_allclose(rows, flow.log_prob_and_grad(x, one)[1], rtol=1e-9)
    # A shared context's gradient is the sum over the rows.
    shared = jax.grad(lambda c: ours.log_prob(x, c).sum())(one)
    np.testing.assert_allclose(shared, flow.log_prob_and_grad(x, one)[2].sum(0), rtol=1e-9)
    _, slope = jax.jvp(lambda x: ours.log_prob(x, one), (x,), (jnp.ones_like(x),))
    np.testing.assert_allclose(slope, rows.sum(-1), rtol=1e-9)


def test_a_mapped_call_is_one_call(flow: flowir.CompiledFlow) -> None:
    ours = flow.jax()
    text = jax.jit(jax.vmap(ours.log_prob, (0, None))).lower(normal(64, 3), normal(2)).as_text()
    assert text.count("flowir_call") == 1 and "while" not in text
    assert "tensor<1x2xf64>" in text and "tensor<64x2xf64>" not in text


def test_samples_come_from_keys(flow: flowir.CompiledFlow) -> None:
    ours = flow.jax()
    key = jax.random.key(1)
    for shape, contexts in [((), (2,)), ((6,), (2,)), ((6, 2), (4, 2))]:
        x = jax.jit(partial(ours.sample, shape=shape))(key, context=normal(*contexts))
        assert x.shape == (*shape, *contexts[:-1], 3) and bool(jnp.isfinite(x).all())
    c = normal(2)
    np.testing.assert_array_equal(ours.sample(key, (5,), c), ours.sample(key, (5,), c))
    assert not np.array_equal(ours.sample(jax.random.key(2), (5,), c), ours.sample(key, (5,), c))
    many = ours.sample(key, (100_000,), c)
    direct = flow.sample(100_000, c, seed=0)
    np.testing.assert_allclose(many.mean(0), direct.mean(0), atol=0.02)


def test_a_missing_function_is_named() -> None:
    lean = flowir.compile(build("NSF"), dtype="float64", functions=["log_prob"]).jax()
    with pytest.raises(Exception, match="compiled without this function"):
        jax.block_until_ready(lean.transform(normal(3), normal(2)))


def test_hmc_in_numpyro_finds_the_moments() -> None:
    numpyro = pytest.importorskip("numpyro")
    flow = flowir.compile(build("MAF"), dtype="float64", threads=1)
    c = normal(2)
    prior = flow.numpyro(c)

    def model() -> None:
        numpyro.sample("x", prior)

    kernel = numpyro.infer.NUTS(model)
    chain = numpyro.infer.MCMC(kernel, num_warmup=500, num_samples=4000, progress_bar=False)
    chain.run(jax.random.PRNGKey(0))
    check_moments(np.asarray(chain.get_samples()["x"]), flow.sample(400_000, c, seed=1))


def test_hmc_in_blackjax_finds_the_moments() -> None:
    blackjax = pytest.importorskip("blackjax")
    flow = flowir.compile(build("MAF"), dtype="float64", threads=1)
    c = normal(2)
    ours = flow.jax()
    sampler = blackjax.nuts(
        lambda x: ours.log_prob(x, c), step_size=0.4, inverse_mass_matrix=jnp.ones(3))
    _, states = jax.lax.scan(
        lambda state, key: (new := sampler.step(key, state)[0], new.position),
        sampler.init(jnp.zeros(3)), jax.random.split(jax.random.key(0), 4000))
    check_moments(np.asarray(states[200:]), flow.sample(400_000, c, seed=1))


def check_moments(chain: Any, direct: Any) -> None:
    """Means and standard deviations agree within what some 1000 independent draws allow."""
    spread = direct.std(0)
    np.testing.assert_array_less(np.abs(chain.mean(0) - direct.mean(0)), 0.12 * spread)
    np.testing.assert_array_less(np.abs(chain.std(0) / spread - 1), 0.12)
