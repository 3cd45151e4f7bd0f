"""Zuko's flows, live, compiled and equal."""

from __future__ import annotations

from functools import partial
from typing import Any

import flowir
import numpy as np
import pytest

torch = pytest.importorskip("torch")
zuko = pytest.importorskip("zuko")
from torch import nn  # noqa: E402
from zuko_cases import CASES, SMALL, build, diag_normal  # noqa: E402

ROWS = 200


def rows(flow: Any) -> tuple[Any, Any]:
    """Samples and contexts."""
    context = torch.randn(ROWS, 2) if flowir.describe(flow).context else None
    with torch.no_grad():
        if context is None:
            return flow(None).sample((ROWS,)), None
        return flow(context).sample(), context


@pytest.mark.parametrize("name", list(CASES))
def test_a_live_flow_scores_as_zuko(name: str) -> None:
    flow = build(name)
    x, context = rows(flow)
    compiled = flowir.compile(flow, functions=["log_prob"])
    double = flowir.compile(flow, dtype="float64", functions=["log_prob"])
    exact = flow.double()
    given = None if context is None else context.double()
    with torch.no_grad():
        expected = exact(given).log_prob(x.double()).numpy()
    # Both solve a differential equation by steps of their own.
    limit = {"CNF": 1e-3, "nested parts": 1e-4}.get(name, 1e-9)
    found = double.log_prob(x.double().numpy(), None if given is None else given.numpy())
    np.testing.assert_allclose(found, expected, rtol=limit, atol=limit)
    single = compiled.log_prob(x, context)
    assert single.dtype == torch.float32
    assert np.median(np.abs(single.numpy() - expected)) < 1e-3


@pytest.mark.parametrize("name", ["NSF", "MAF of two passes", "NICE", "GF"])
def test_transforms_and_gradients_are_zukos(name: str) -> None:
    flow = build(name)
    x, context = (None if value is None else value.double() for value in rows(flow))
    compiled = flowir.compile(
        flow, dtype="float64", functions=["transform", "inverse", "log_prob_gradient"])
    flow = flow.double()
    x.requires_grad_()
    if context is not None:
        context.requires_grad_()
    z, ladj = flow.transform(context).call_and_ladj(x)
    log_prob = flow(context).log_prob(x)
    wanted = torch.autograd.grad(log_prob.sum(), [v for v in (x, context) if v is not None])
    found = compiled.transform(x, context, return_ladj=True)
    torch.testing.assert_close(found[0], z.detach(), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(found[1], ladj.detach(), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(compiled.inverse(found[0], context), x.detach(), rtol=1e-6, atol=1e-6)
    for one, other in zip(compiled.log_prob_and_grad(x, context)[1:], wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-7)


def test_arguments_are_read_from_the_live_object() -> None:
    flow = zuko.flows.NSF(**SMALL, slope=1e-2, activation=nn.ELU)
    first = flowir.describe(flow).json["transform"][0]
    assert first["univariate"] == {"type": "MonotonicRQSTransform", "bound": 5.0, "slope": 0.01}
    assert first["activation"] == "ELU"
    assert flowir.describe(zuko.flows.MAF(3, residual=True)).json["transform"][1]["residual"] is True


class Shuffled(zuko.flows.Flow):
    """A flow that does something of its own."""

    def forward(self, c: Any = None) -> Any:
        return super().forward(c)


def relu6() -> Any:
    return zuko.flows.MAF(**SMALL, activation=nn.ReLU6)


def mixed() -> Any:
    flow = zuko.flows.NICE(**SMALL)
    flow.transform.transforms[1].hyper[1] = nn.ELU()
    return flow


UNSUPPORTED = {
    "own forward": (
        lambda: Shuffled(zuko.flows.MAF(3).transform, diag_normal()),
        "flow: Shuffled is neither a Flow nor a GMM, or has its own forward"),
    "activation": (relu6, "transform.transforms.0.hyper.1: ReLU6 is none of ReLU, ELU, "),
    "two activations": (mixed, "transform.transforms.1.hyper: a network with ['ELU', 'ReLU'] has"),
    "swapped parameters": (
        lambda: zuko.flows.NICE(
            **SMALL, univariate=lambda a, b: zuko.transforms.MonotonicAffineTransform(b, a)),
        "does not hand its parameters on to MonotonicAffineTransform as they are"),
    "unknown univariate": (
        lambda: zuko.flows.NICE(
            **SMALL, univariate=lambda a: torch.distributions.AffineTransform(a, 1.0), shapes=[()]),
        "makes a AffineTransform of 1 parameters"),
    "base": (
        lambda: zuko.flows.Flow(
            zuko.flows.MAF(3).transform,
            zuko.flows.UnconditionalDistribution(
                lambda: torch.distributions.Independent(
                    torch.distributions.Laplace(torch.zeros(3), torch.ones(3)), 1))),
        "makes a Laplace, which is none of"),
}


@pytest.mark.parametrize("name", list(UNSUPPORTED))
def test_what_cannot_be_described_is_named(name: str) -> None:
    make, message = UNSUPPORTED[name]
    with pytest.raises(flowir.Error) as error:
        flowir.compile(make())
    assert message in str(error.value)


class Doubling(zuko.nn.MLP):
    """A network whose class says one thing and which does another."""

    def forward(self, x: Any) -> Any:
        return 2 * super().forward(x)


def test_a_flow_that_differs_from_its_description_is_refused(tmp_path: Any) -> None:
    flow = zuko.flows.NICE(**SMALL)
    flow.transform.transforms[0].hyper.__class__ = Doubling
    with pytest.raises(flowir.Error, match="what was made of the zuko flow differs from it"):
        flowir.compile(flow)
    with pytest.raises(flowir.Error, match="differs"):
        flowir.save(flow, tmp_path / "model.safetensors")
    assert not (tmp_path / "model.safetensors").exists()


def test_compiling_leaves_the_flow_as_it_was() -> None:
    flow = zuko.flows.NAF(**SMALL, signal=2, network={"hidden_features": [4]}).train()
    state = {name: tensor.clone() for name, tensor in flow.state_dict().items()}
    generator = torch.random.get_rng_state()
    flowir.compile(flow, functions=["log_prob"])
    assert flow.training
    assert torch.equal(torch.random.get_rng_state(), generator)
    for name, tensor in flow.state_dict().items():
        assert torch.equal(tensor, state[name]) and tensor.dtype == state[name].dtype


def test_partials_of_partials_are_resolved() -> None:
    inner = partial(zuko.transforms.MonotonicRQSTransform, bound=3)
    flow = zuko.flows.NICE(**SMALL, univariate=partial(inner, slope=1e-3), shapes=[(4,), (4,), (3,)])
    assert flowir.describe(flow).json["transform"][0]["univariate"]["bound"] == 3
