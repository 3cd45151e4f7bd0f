"""sbi's estimators, live, compiled and equal."""

from __future__ import annotations

import copy
from typing import Any

import flowir
import numpy as np
import pytest

torch = pytest.importorskip("torch")
nflows = pytest.importorskip("nflows")
pytest.importorskip("sbi")
from sbi_cases import CASES, CONTEXT, build, data, estimator  # noqa: E402


@pytest.mark.parametrize("name", list(CASES))
def test_an_estimator_scores_as_sbi(name: str) -> None:
    made = build(name)
    theta, x = data(made.input_shape[0])
    double = flowir.compile(made, dtype="float64", functions=["log_prob"])
    single = flowir.compile(made, functions=["log_prob"])
    exact = copy.deepcopy(made).double()
    if hasattr(exact.net, "_distribution"):
        base = exact.net._distribution
        if hasattr(base, "_log_z"):  # sbi rounds this constant to float32.
            base._log_z = nflows.distributions.StandardNormal(base._shape)._log_z
    with torch.no_grad():
        expected = exact.log_prob(theta.double()[None], x.double())[0].numpy()
    found = double.log_prob(theta.double().numpy(), x.double().numpy())
    if "support" in name:
        inside = ((theta > 2.5) & (theta < 5.5)).all(1).numpy()
        assert (found[~inside] == -np.inf).all() and inside.any()
        expected = np.where(inside, expected, -np.inf)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    finite = np.isfinite(expected)
    assert np.median(np.abs(single.log_prob(theta, x).numpy() - expected)[finite]) < 1e-4


@pytest.mark.parametrize("name", ["maf", "nsf", "mdn"])
def test_samples_have_the_distribution_of_sbis(name: str) -> None:
    stats = pytest.importorskip("scipy.stats")
    made = build(name)
    _, x = data()
    found = flowir.compile(made, functions=["sample"]).sample(20_000, x[0], seed=1)
    with torch.no_grad():
        expected = made.sample((20_000,), x[:1])[:, 0]
    for feature in range(found.shape[1]):
        assert stats.ks_2samp(found[:, feature], expected[:, feature]).pvalue > 1e-3


def test_samples_of_made_have_the_density_that_is_scored() -> None:
    # sbi's own samples of `made` are conditioned on a sample of the feature that it scores as 0.
    made = build("made")
    _, x = data()
    compiled = flowir.compile(made, dtype="float64", functions=["sample", "log_prob"])
    theta, scored = compiled.sample(20_000, x[0].double().numpy(), seed=1, return_log_prob=True)
    np.testing.assert_allclose(
        scored, compiled.log_prob(theta, x[0].double().numpy()), rtol=1e-9, atol=1e-9)
    # An importance-weighted mean of another density estimates the mean of this one.
    centre, width = theta.mean(0), 2 * theta.std(0)
    generator = np.random.default_rng(1)
    z = generator.standard_t(5, (200_000, 3))
    proposal = centre + width * z
    from scipy import stats

    weights = np.exp(
        compiled.log_prob(proposal, x[0].double().numpy())
        - stats.t.logpdf(z, 5).sum(1) + np.log(width).sum())
    assert abs(weights.mean() - 1) < 5 * weights.std() / len(weights) ** 0.5
    moments = (weights[:, None] * proposal).mean(0)
    spread = (weights[:, None] * proposal).std(0) / len(weights) ** 0.5
    error = theta.std(0) / len(theta) ** 0.5
    assert (np.abs(moments - centre) < 5 * np.hypot(spread, error)).all()


def test_a_net_that_no_description_holds_is_named() -> None:
    network: Any = torch.nn.Sequential(
        torch.nn.Unflatten(1, (1, CONTEXT)), torch.nn.Flatten(), torch.nn.Linear(CONTEXT, 2))
    with pytest.raises(flowir.Error) as error:
        flowir.compile(estimator("maf", embedding_net=network))
    assert "Unflatten is not a layer that a description can hold" in str(error.value)
