"""sbi's posteriors, compiled: what sbi does with a posterior works on them and gives the same."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flowir
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sbi")
stats = pytest.importorskip("scipy.stats")
import flowir.sbi  # noqa: E402
from flowir import _rejection  # noqa: E402
from sbi.diagnostics import check_sbc, check_tarp, run_sbc, run_tarp  # noqa: E402
from sbi.inference import NLE, NPE  # noqa: E402
from sbi.inference.posteriors import DirectPosterior, MCMCPosterior  # noqa: E402
from sbi.inference.potentials import likelihood_estimator_based_potential  # noqa: E402
from sbi.neural_nets import posterior_nn  # noqa: E402
from sbi.utils import BoxUniform  # noqa: E402

PRIOR = BoxUniform(-torch.ones(2), torch.ones(2))
QUIET: dict[str, Any] = {"show_progress_bars": False}
# Near a corner of the prior's support, where samples leak.
CORNER = torch.tensor([[0.9, 0.8, 1.7]])


def simulate(count: int) -> tuple[Any, Any]:
    """Parameters of the prior and noisy data of each."""
    theta = PRIOR.sample((count,))
    x = torch.cat([theta, theta.sum(1, keepdim=True)], dim=1)
    return theta, x + 0.4 * torch.randn_like(x)


def train(model: Any, kind: Any = NPE) -> Any:
    """An inference object after a short training."""
    torch.manual_seed(1)
    inference = kind(PRIOR, model, **QUIET).append_simulations(*simulate(1000))
    return inference, inference.train(max_num_epochs=8, training_batch_size=200)


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A folder for the logs that sbi writes where it is called."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("sbi"))
    yield
    os.chdir(before)


@pytest.fixture(scope="module")
def posterior(folder: None) -> Any:
    """A posterior of sbi's default kind."""
    return train("maf")[0].build_posterior().set_default_x(CORNER)


@pytest.fixture(scope="module")
def compiled(posterior: Any) -> Any:
    """The same, compiled."""
    return flowir.sbi.posterior(posterior)


def assert_same_distribution(a: Any, b: Any) -> None:
    for feature in range(a.shape[-1]):
        assert stats.ks_2samp(a[:, feature], b[:, feature]).pvalue > 1e-3


def test_samples_are_those_of_sbi_inside_the_support(posterior: Any, compiled: Any) -> None:
    torch.manual_seed(2)
    found = compiled.sample((20_000,), **QUIET)
    assert found.shape == (20_000, 2)
    assert bool(PRIOR.support.check(found).all())
    assert_same_distribution(found, posterior.sample((20_000,), **QUIET))
    free = compiled.sample((20_000,), reject_outside_prior=False, **QUIET)
    assert not bool(PRIOR.support.check(free).all())
    torch.manual_seed(2)
    assert torch.equal(found, compiled.sample((20_000,), **QUIET))


def test_samples_have_the_shape_that_is_asked_for(compiled: Any) -> None:
    assert compiled.sample((2, 3), **QUIET).shape == (2, 3, 2)
    assert compiled.sample((), **QUIET).shape == (2,)
    assert compiled.sample((0,), **QUIET).shape == (0, 2)
    assert compiled.sample_batched((2, 3), simulate(4)[1], **QUIET).shape == (2, 3, 4, 2)
    with pytest.raises(ValueError, match="x has 4 observations, expected one"):
        compiled.sample((3,), simulate(4)[1])


def test_many_observations_at_once_are_those_of_each(compiled: Any) -> None:
    x = torch.cat([CORNER, -CORNER, torch.zeros(1, 3)])
    found = compiled.sample_batched((5_000,), x, **QUIET)
    for index in range(3):
        assert_same_distribution(found[:, index], compiled.sample((5_000,), x[index], **QUIET))


def test_densities_and_potentials_are_those_of_sbi(posterior: Any, compiled: Any) -> None:
    theta = torch.cat([PRIOR.sample((200,)), torch.tensor([[1.5, 0.0]])])
    for one in (compiled, posterior):
        assert one.log_prob(theta)[-1] == -torch.inf
    raw = {"norm_posterior": False}
    torch.testing.assert_close(
        compiled.log_prob(theta, **raw), posterior.log_prob(theta, **raw), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        compiled.potential(theta), posterior.potential(theta), rtol=1e-4, atol=1e-4)
    # Estimated from 10,000 samples each, with a standard error of at most 0.005.
    found, expected = (p.leakage_correction(CORNER, **QUIET) for p in (compiled, posterior))
    assert found.shape == expected.shape and found < 0.99
    torch.testing.assert_close(found, expected, rtol=0, atol=0.03)
    torch.testing.assert_close(
        compiled.log_prob(theta) + torch.log(found), compiled.log_prob(theta, **raw))
    x = simulate(3)[1]
    torch.testing.assert_close(
        compiled.log_prob_batched(theta[:6].reshape(2, 3, 2), x, **raw),
        posterior.log_prob_batched(theta[:6].reshape(2, 3, 2), x, **raw), rtol=1e-4, atol=1e-4)


def test_gradients_reach_the_parameters(posterior: Any, compiled: Any) -> None:
    theta = PRIOR.sample((50,))
    gradients = []
    for one in (compiled, posterior):
        given = theta.clone().requires_grad_()
        one.potential(given, track_gradients=True).sum().backward()
        gradients.append(given.grad)
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-3)
    arguments = {"num_iter": 20, "num_to_optimize": 5, "num_init_samples": 50}
    assert bool(PRIOR.support.check(compiled.map(**arguments)).all())


def test_diagnostics_run_and_agree_with_those_of_sbi(posterior: Any, compiled: Any) -> None:
    theta, x = simulate(150)
    ranks, averages = run_sbc(theta, x, compiled, num_posterior_samples=100, **progress())
    expected, _ = run_sbc(theta, x, posterior, num_posterior_samples=100, **progress())
    assert_same_distribution(ranks, expected)
    # The same observations: where a parameter ranks in one it ranks in the other, but for the draws.
    assert bool(((ranks - expected).abs().float().mean(0) < 8).all())
    assert set(check_sbc(ranks, theta, averages, 100)) == {"ks_pvals", "c2st_ranks", "c2st_dap"}
    coverage, alpha = run_tarp(theta, x, compiled, num_posterior_samples=100, **progress())
    area, pvalue = check_tarp(coverage, alpha)
    assert abs(area) < 5 and 0 <= pvalue <= 1


def progress() -> dict[str, Any]:
    """The argument of sbi's diagnostics that keeps them quiet."""
    return {"show_progress_bar": False}


def test_sampling_ends_when_time_is_up(compiled: Any) -> None:
    far = flowir.sbi.CompiledPosterior(
        compiled.posterior_estimator, BoxUniform(torch.full((2,), 50.0), torch.full((2,), 51.0)))
    with pytest.raises(RuntimeError, match="longer than max_sampling_time"):
        far.sample((10,), CORNER, max_sampling_time=0.05, **QUIET)
    calls = iter(range(100))

    def draw(count: int, conditions: Any) -> Any:
        return torch.full((count, len(conditions), 1), float(next(calls)))

    found = _rejection.accept(
        draw, lambda x: (x[..., 0] > 0) & (torch.arange(len(x)) < 2)[:, None], torch.zeros(3, 1), 5)
    assert found.samples.shape == (5, 3, 1)
    assert found.samples[:, 0, 0].tolist() == [1, 1, 2, 2, 3]


def test_an_embedding_net_of_another_kind_runs_in_pytorch() -> None:
    network = torch.nn.Sequential(
        torch.nn.Unflatten(1, (1, 3)), torch.nn.Conv1d(1, 2, 2), torch.nn.Flatten())
    for model in ("nsf", "mdn", "zuko_nsf"):
        torch.manual_seed(3)
        theta, x = simulate(300)
        made = posterior_nn(model, embedding_net=network, hidden_features=8)(theta, x)
        fast = flowir.sbi.estimator(made)
        with torch.no_grad():
            expected = made.log_prob(theta[None], x)
        torch.testing.assert_close(fast.log_prob(theta[None], x).detach(), expected, rtol=1e-4, atol=1e-4)
        assert fast.sample((4,), x).shape == (4, 300, 2)
        assert type(made.embedding_net) is not torch.nn.Identity


def test_a_likelihood_serves_sbis_samplers() -> None:
    _, likelihood = train("maf", NLE)
    fast = flowir.sbi.estimator(likelihood)
    potential, transform = likelihood_estimator_based_potential(fast, PRIOR, CORNER)
    own, _ = likelihood_estimator_based_potential(likelihood, PRIOR, CORNER)
    theta = PRIOR.sample((50,))
    torch.testing.assert_close(
        potential(theta, track_gradients=False), own(theta, track_gradients=False), rtol=1e-4, atol=1e-4)
    chain = MCMCPosterior(potential, PRIOR, transform, method="slice_np_vectorized", num_chains=2)
    found = chain.sample((4,), CORNER, warmup_steps=2, thin=1, init_strategy="proposal", **QUIET)
    assert found.shape == (4, 2)


def test_what_pickles_comes_back(compiled: Any) -> None:
    again = pickle.loads(pickle.dumps(compiled))
    assert isinstance(again, DirectPosterior)
    assert torch.equal(again.default_x, CORNER)
    theta = PRIOR.sample((5,))
    assert torch.equal(again.potential(theta), compiled.potential(theta))


def test_other_posteriors_are_refused_by_name(posterior: Any) -> None:
    chain = MCMCPosterior(posterior.potential_fn, PRIOR)
    with pytest.raises(flowir.Error, match="found MCMCPosterior, expected a DirectPosterior"):
        flowir.sbi.posterior(chain)
    with pytest.raises(flowir.Error, match="found builtins.int, expected an estimator of sbi"):
        flowir.sbi.estimator(3)
