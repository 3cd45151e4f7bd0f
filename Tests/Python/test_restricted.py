"""Flows restricted to a box."""

from __future__ import annotations

from typing import Any

import flowir
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from zuko_cases import build  # noqa: E402

LOWER, UPPER = [-0.5, -np.inf, -1.0], [1.0, 0.8, np.inf]


@pytest.fixture(scope="module")
def flow() -> flowir.CompiledFlow:
    """A spline flow of three features and two of context."""
    return flowir.compile(build("NSF"))


def contexts(count: int) -> Any:
    return np.random.default_rng(2).standard_normal((count, 2)).astype("float32")


def test_samples_are_inside_and_their_densities_are_those_of_the_box(flow: flowir.CompiledFlow) -> None:
    within, c = flow.restricted(LOWER, UPPER), contexts(3)
    x, log_prob, draws = within.sample(2_000, c, seed=3, return_log_prob=True, return_draws=True)
    assert x.shape == (2_000, 3, 3) and log_prob.shape == draws.shape == (2_000, 3)
    assert (x >= np.float32(LOWER)).all() and (x <= np.float32(UPPER)).all()
    own = flow.sample(2_000, c, seed=3)
    first = draws == 1
    assert 0.05 < first.mean() < 0.95
    np.testing.assert_array_equal(x[first], own[first])
    log_mass, error = within.log_mass(c)
    np.testing.assert_allclose(within.log_prob(x, c), log_prob, atol=1e-4)
    np.testing.assert_allclose(log_prob, flow.log_prob(x, c) - log_mass, atol=1e-4)
    # The share of the candidates that was inside is another estimate of the same probability.
    share = 2_000 / draws.sum(0)
    tolerance = 5 * np.sqrt((1 - share) / 2_000 + error**2)
    assert (np.abs(np.log(share) - log_mass) < tolerance).all()
    outside = np.array([[[2, 0, 0]], [[0, 0, -1.5]]])
    assert np.isneginf(within.log_prob(outside, c)).all()
    assert np.isnan(within.log_prob([np.nan, 0, 0], c[0]))


def test_parts_and_threads_do_not_change_samples(flow: flowir.CompiledFlow) -> None:
    within, c = flow.restricted(LOWER, UPPER), contexts(1)[0]
    whole = within.sample(3_000, c, seed=5)
    part = within.sample(1_000, c, seed=5, first_row=1_500)
    np.testing.assert_array_equal(part, whole[1_500:2_500])
    one = flow.with_threads(1).restricted(LOWER, UPPER).sample((30, 100), c, seed=5)
    np.testing.assert_array_equal(one.reshape(-1, 3), whole)


def test_samples_that_find_none_are_said(flow: flowir.CompiledFlow) -> None:
    c = contexts(2)
    far = flow.restricted(lower=90, max_draws=20, mass_draws=500)
    with pytest.warns(UserWarning, match="20 of 20 samples are NaN: none of their 20 candidates"):
        x, log_prob = far.sample(10, c, seed=1, return_log_prob=True)
    assert np.isnan(x).all() and np.isnan(log_prob).all()
    log_mass, error = far.log_mass(c)
    assert np.isneginf(log_mass).all() and np.isinf(error).all()
    assert np.isnan(far.log_prob([91, 91, 91], c)).all()
    assert np.isneginf(far.log_prob([0, 0, 0], c)).all()


def test_tensors_give_tensors_with_the_gradient_of_the_density(flow: flowir.CompiledFlow) -> None:
    within, c = flow.restricted(LOWER, UPPER), torch.from_numpy(contexts(1)[0])
    x = within.sample(4, c, seed=1)
    assert isinstance(x, torch.Tensor)
    x = torch.cat([x, torch.tensor([[3.0, 0, 0]])]).requires_grad_()
    log_prob = within.log_prob(x, c)
    assert log_prob[-1] == -torch.inf
    log_prob[:4].sum().backward()
    gradient = x.grad[:4]
    y = x.detach()[:4].requires_grad_()
    flow.log_prob(y, c).sum().backward()
    torch.testing.assert_close(gradient, y.grad)


def test_wrong_bounds_and_numbers_are_named(flow: flowir.CompiledFlow) -> None:
    for lower, upper, message in [
        ([0, 0], None, r"lower has the shape \(2,\), expected \(3,\) or one number"),
        (0, 0, "a lower bound is not below"), (None, [0, 1, np.nan], "upper has a NaN"),
    ]:
        with pytest.raises(ValueError, match=message):
            flow.restricted(lower, upper)
    with pytest.raises(flowir.Error, match="max_draws is 0, expected 1 to 2097152"):
        flow.restricted(0, max_draws=0).sample(3, contexts(1), seed=1)
    with pytest.raises(flowir.Error, match="draws is 0, expected 1"):
        flow.restricted(0, mass_draws=0).log_mass(contexts(1))
