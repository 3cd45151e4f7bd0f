"""sbi's estimators of FMPE: velocities that were trained elsewhere, as continuous flows."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import flowir
import flowir.sbi
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sbi")
neural_nets = pytest.importorskip("sbi.neural_nets")
if not hasattr(neural_nets, "posterior_flow_nn"):
    pytest.skip("this sbi has no FMPE of this form", allow_module_level=True)
from sbi_cases import CONTEXT, data, layered  # noqa: E402


def estimator(model: str = "mlp", **arguments: Any) -> Any:
    """What sbi's builder makes, with parameters away from their first values."""
    torch.manual_seed(0)
    made = neural_nets.posterior_flow_nn(
        model, **{"hidden_features": 12, "num_layers": 2, **arguments})(*data())
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return made.eval()


CASES: dict[str, Callable[[], Any]] = {
    "sinusoidal time": lambda: estimator(time_emb_type="sinusoidal"),
    "Fourier time": lambda: estimator(time_emb_type="random_fourier", fourier_scale=2.0),
    "a Gaussian baseline": lambda: estimator(gaussian_baseline=True),
    "standardized as a whole": lambda: estimator(compose_standardization=True),
    "no z-scores": lambda: estimator(z_score_theta="none", z_score_x="none"),
    "plain layers": lambda: estimator(
        layer_norm=False, skip_connections=False, activation=torch.nn.Tanh),
    "an embedding net": lambda: estimator(embedding_net=layered()),
}


def solved(made: Any, theta: Any, x: Any) -> Any:
    """The log-densities of sbi in float64, by a solver of its own with fixed steps of order 4."""
    exact = copy.deepcopy(made).double()
    exact.net.time_emb.register_forward_hook(lambda *arguments: arguments[2].double())
    z = exact.to_z(theta) if exact.compose_enabled else theta.clone()
    steps, trace = 400, torch.zeros(len(z), dtype=torch.float64)

    def derivative(t: float, z: Any) -> tuple[Any, Any]:
        def one(row: Any, condition: Any) -> Any:
            return exact(row[None], condition[None], torch.tensor([t], dtype=torch.float64))[0]

        jacobian = torch.stack([
            torch.autograd.functional.jacobian(lambda r, c=c: one(r, c), row)
            for row, c in zip(z, x, strict=True)])
        value = torch.stack([one(row, c) for row, c in zip(z, x, strict=True)]).detach()
        return value, jacobian.diagonal(dim1=1, dim2=2).sum(1)

    step = 1 / steps
    for index in range(steps):
        t = index * step
        a, da = derivative(t, z)
        b, db = derivative(t + step / 2, z + step / 2 * a)
        c, dc = derivative(t + step / 2, z + step / 2 * b)
        d, dd = derivative(t + step, z + step * c)
        z = z + step / 6 * (a + 2 * b + 2 * c + d)
        trace = trace + step / 6 * (da + 2 * db + 2 * dc + dd)
    value = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1) + trace
    return (value - exact.log_abs_det() if exact.compose_enabled else value).numpy()


@pytest.mark.parametrize("name", list(CASES))
def test_a_velocity_of_sbi_is_a_continuous_flow(name: str) -> None:
    made = CASES[name]()
    theta, x = data()
    # Compiling compares 64 rows with sbi's own solution, to a millionth.
    compiled = flowir.compile(made, dtype="float64", functions=["log_prob", "sample"])
    row, condition = theta[:50].double().numpy(), x[:50].double().numpy()
    drawn, log_prob = compiled.sample(100, condition[:1], seed=1, return_log_prob=True)
    again = compiled.log_prob(drawn[:, 0], np.repeat(condition[:1], 100, axis=0))
    np.testing.assert_allclose(log_prob[:, 0], again, rtol=1e-3, atol=1e-3)
    assert np.isfinite(compiled.log_prob(row, condition)).all()


def test_the_density_is_that_of_a_solver_with_fixed_steps() -> None:
    made = CASES["standardized as a whole"]()
    theta, x = (table[:4].double() for table in data())
    compiled = flowir.compile(made, dtype="float64", functions=["log_prob"])
    np.testing.assert_allclose(
        compiled.log_prob(theta.numpy(), x.numpy()), solved(made, theta, x), rtol=1e-4, atol=1e-4)


def test_an_estimator_of_fmpe_is_one_of_sbi_and_trains_on() -> None:
    made = CASES["sinusoidal time"]()
    theta, x = data()
    fast = flowir.sbi.estimator(made)
    assert fast.sample((7,), x[:2]).shape == (7, 2, 3)
    assert fast.log_prob(theta[None, :5], x[:5]).shape == (1, 5)
    description = flowir.describe(made)
    assert description.json["transform"][-1]["network"]["time_embedding"] == "sinusoidal"
    assert description.tensors["transform.transforms.0.net.output_layer.weight"].shape == (3, 12)


def test_a_posterior_of_fmpe_scores_and_samples_as_sbis(tmp_path: Any, monkeypatch: Any) -> None:
    from sbi.inference import FMPE
    from sbi.utils import BoxUniform

    monkeypatch.chdir(tmp_path)  # sbi writes logs where it is called.
    torch.manual_seed(2)
    prior = BoxUniform(-torch.ones(2), torch.ones(2))
    theta = prior.sample((400,))
    x = theta + 0.3 * torch.randn_like(theta)
    inference = FMPE(
        prior, neural_nets.posterior_flow_nn("mlp", hidden_features=12, num_layers=2),
        show_progress_bars=False)
    inference.append_simulations(theta, x).train(max_num_epochs=5, training_batch_size=100)
    theirs = inference.build_posterior().set_default_x(torch.tensor([[0.5, 0.4]]))
    ours = flowir.sbi.posterior(theirs)
    samples = ours.sample((2000,), show_progress_bars=False)
    assert samples.shape == (2000, 2) and bool((samples.abs() <= 1).all())
    points = torch.cat([samples[:20], torch.tensor([[1.5, 0.0]])])
    expected = theirs.log_prob(points)
    found = ours.log_prob(points, norm_posterior=False)
    assert found[-1] == expected[-1] == -torch.inf
    np.testing.assert_allclose(found[:-1], expected[:-1].detach(), rtol=5e-3, atol=5e-3)
    assert bool((ours.log_prob(points)[:-1] >= found[:-1] - 1e-5).all())


@pytest.mark.parametrize(("make", "message"), [
    (lambda: estimator("ada_mlp"), "net: VectorFieldAdaMLP is not sbi's VectorFieldMLP"),
    (lambda: estimator(activation=torch.nn.Mish), "net.activation: Mish is none of ReLU"),
    (lambda: estimator(embedding_net=torch.nn.Sequential(
        torch.nn.Unflatten(1, (1, CONTEXT)), torch.nn.Flatten(), torch.nn.Linear(CONTEXT, 2))),
     "Unflatten is not a layer that a description can hold"),
])
def test_what_is_no_part_of_a_description_is_named(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(flowir.Error) as error:
        flowir.compile(make())
    assert message in str(error.value)
