"""A compiled flow in PyTensor and PyMC."""

from __future__ import annotations

from typing import Any

import flowir
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytensor = pytest.importorskip("pytensor")
import pytensor.tensor as pt  # noqa: E402
from test_jax import check_moments  # noqa: E402
from zuko_cases import build  # noqa: E402

GENERATOR = np.random.default_rng(3)


@pytest.fixture(scope="module")
def flow() -> flowir.CompiledFlow:
    return flowir.compile(build("MAF"), dtype="float64", threads=1)


def normal(*shape: int) -> Any:
    return GENERATOR.standard_normal(shape)


def test_value_and_gradient_are_the_flows(flow: flowir.CompiledFlow) -> None:
    for x_value, c_value in [
        (normal(3), normal(2)), (normal(5, 3), normal(2)), (normal(5, 3), normal(5, 2)),
        (normal(3), normal(5, 2)),
    ]:
        x, c = pt.tensor("x", shape=(None,) * x_value.ndim, dtype="float64"), pt.tensor(
            "c", shape=(None,) * c_value.ndim, dtype="float64")
        value = flow.pytensor()(x, c)
        gradients = pt.grad(value.sum(), [x, c])
        found = pytensor.function([x, c], [value, *gradients, value.shape])(x_value, c_value)
        log_prob, grad_x, grad_c = flow.log_prob_and_grad(x_value, c_value)
        np.testing.assert_allclose(found[0], log_prob, rtol=1e-12)
        for one, whole, like in ((found[1], grad_x, x_value), (found[2], grad_c, c_value)):
            extra = tuple(range(whole.ndim - like.ndim))
            np.testing.assert_allclose(one, whole.sum(extra), rtol=1e-9)
        assert tuple(found[3]) == log_prob.shape


def test_hmc_in_pymc_finds_the_moments(flow: flowir.CompiledFlow) -> None:
    pymc = pytest.importorskip("pymc")
    c = normal(2)
    with pymc.Model():
        x = pymc.Flat("x", shape=3)
        pymc.Potential("flow", flow.pytensor()(x, pt.constant(c)))
        trace = pymc.sample(
            draws=3000, tune=500, chains=1, cores=1, random_seed=1, progressbar=False,
            compute_convergence_checks=False, initvals={"x": np.zeros(3)})
    check_moments(trace.posterior["x"].values[0], flow.sample(400_000, c, seed=1))
