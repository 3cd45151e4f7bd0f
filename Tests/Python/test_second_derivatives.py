"""Products of Hessians and vectors, against PyTorch's and Zuko's."""

from __future__ import annotations

import pickle
from typing import Any

import flowir
import numpy as np
import pytest

torch = pytest.importorskip("torch")
zuko = pytest.importorskip("zuko")
from zuko_cases import build  # noqa: E402

SMOOTH = ["MAF with ELU", "NSF", "NCSF", "RealNVP", "SOSPF", "BPF", "GF", "NAF", "UNAF", "GMM with context"]


class Integral(torch.autograd.Function):
    """Zuko's quadrature with its derivatives, which can be differentiated again.

    Zuko's own are not, and PyTorch then leaves their terms out of second derivatives without a word.
    """

    @staticmethod
    def forward(ctx: Any, f: Any, a: Any, b: Any, n: int, *phi: Any) -> Any:
        ctx.f, ctx.n = f, n
        ctx.save_for_backward(a, b, *phi)
        return zuko.utils.GaussLegendre.quadrature(f, a, b, n)

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        a, b, *phi = ctx.saved_tensors
        parts: Any = ()
        if phi:
            with torch.enable_grad():
                area = zuko.utils.GaussLegendre.quadrature(ctx.f, a, b, ctx.n)
            parts = torch.autograd.grad(area, phi, grad, create_graph=True, allow_unused=True)
        return None, -ctx.f(a) * grad, ctx.f(b) * grad, None, *parts


def rows(flow: Any, count: int = 40) -> Any:
    generator = torch.Generator().manual_seed(3)

    def normal(columns: int) -> Any:
        return torch.randn(count, columns, generator=generator, dtype=torch.float64)

    return normal(flow.features), normal(flow.features), normal(flow.context) if flow.context else None


@pytest.mark.parametrize("name", SMOOTH)
def test_products_are_those_of_pytorch(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zuko.utils.GaussLegendre, "apply", Integral.apply)
    live = build(name).double()
    flow = flowir.compile(live, dtype="float64", functions=["log_prob_hvp"])
    x, v, c = rows(flow)
    log_prob, grad, product = flow.log_prob_hvp(x, v, c, return_grad=True)
    assert torch.is_tensor(product)

    def total(x: Any) -> Any:
        return live(c).log_prob(x).sum()

    value, wanted = torch.autograd.functional.hvp(total, x, v)
    torch.testing.assert_close(log_prob.sum(), value, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(
        grad, torch.autograd.functional.jacobian(total, x), rtol=1e-8, atol=1e-8)
    # UNAF's quadrature is right to some 1e-5, and so are mixed derivatives: here the integrand at the end
    # of an interval is its derivative in every integral, in PyTorch's the nodes of some move with the end.
    limit = 1e-4 if name == "UNAF" else 1e-8
    torch.testing.assert_close(product, wanted, rtol=limit, atol=limit)
    assert float(product.abs().max()) > 1e-3


def test_autograd_differentiates_twice() -> None:
    live = build("MAF with ELU").double()
    flow = flowir.compile(live, dtype="float64")
    x, v, c = rows(flow, 5)
    assert torch.autograd.gradgradcheck(lambda x: flow.log_prob(x, c), x.clone().requires_grad_())
    # A context for all rows, and a gradient's norm as a part of a loss.
    def penalty(log_prob: Any, x: Any) -> Any:
        gradient, = torch.autograd.grad(log_prob(x).sum(), x, create_graph=True)
        return (gradient.norm(dim=-1) - 1).square().sum() + log_prob(x).square().sum()

    slopes = []
    for log_prob in (lambda x: flow.log_prob(x, c[0]), lambda x: live(c[0]).log_prob(x)):
        start = x.clone().requires_grad_()
        penalty(log_prob, start).backward()
        slopes.append(start.grad)
    torch.testing.assert_close(*slopes, rtol=1e-8, atol=1e-8)
    hessian = torch.autograd.functional.hessian(lambda x: flow.log_prob(x, c[0]), x[0])
    torch.testing.assert_close(
        hessian, torch.autograd.functional.hessian(lambda x: live(c[0]).log_prob(x), x[0]),
        rtol=1e-8, atol=1e-8)


def test_second_derivatives_that_are_not_there_are_refused() -> None:
    flow = flowir.compile(build("MAF with ELU").double(), dtype="float64")
    x, v, c = (value.requires_grad_() for value in rows(flow, 5))
    by_x, by_context = torch.autograd.grad(flow.log_prob(x, c).sum(), (x, c), create_graph=True)
    for gradient, wanted in ((by_x, c), (by_context, x), (by_context, c)):
        with pytest.raises(RuntimeError, match="by x alone"):
            torch.autograd.grad(gradient.sum(), wanted, retain_graph=True)
    torch.autograd.grad(by_x.sum(), x, retain_graph=True)
    with pytest.raises(RuntimeError, match="third derivatives"):
        torch.autograd.grad(by_x.sum(), x, create_graph=True)


def test_the_function_is_compiled_when_it_is_first_called() -> None:
    flow = flowir.compile(build("MAF"))
    assert "log_prob_hvp" not in flow.functions
    x, v, c = (value.numpy().astype("f4") for value in rows(flow))
    product = flow.log_prob_hvp(x, v, c)
    assert product.dtype == np.float32 and product.shape == (40, 3)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(flow)).log_prob_hvp(x, v, c), product)
    log_prob, grad, again = flow.log_prob_hvp(x, v, c, return_grad=True)
    np.testing.assert_array_equal(again, product)
    np.testing.assert_allclose(log_prob, flow.log_prob(x, c), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(grad, flow.log_prob_and_grad(x, c)[1], rtol=1e-3, atol=1e-4)
    # Batches broadcast: the columns of each row's Hessian, and one context for each group of rows.
    hessian = flow.log_prob_hvp(x[:, None], np.eye(3), c[:, None])
    np.testing.assert_allclose(hessian, hessian.transpose(0, 2, 1), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose((hessian @ v[..., None])[..., 0], product, rtol=1e-3, atol=1e-4)
    with pytest.raises(ValueError, match="do not broadcast"):
        flow.log_prob_hvp(x, v[:7], c)
    with pytest.raises(ValueError, match="v has the shape"):
        flow.log_prob_hvp(x, v[:, :2], c)


def test_flows_without_second_derivatives_are_refused() -> None:
    flow = flowir.compile(build("CNF"), functions=["log_prob"])
    x, v, c = (None if value is None else value.numpy() for value in rows(flow))
    with pytest.raises(flowir.Error, match="can't be differentiated again.*ode_solve"):
        flow.log_prob_hvp(x, v, c)
