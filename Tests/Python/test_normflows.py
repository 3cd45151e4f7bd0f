"""normflows' flows, live, compiled and equal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flowir
import pytest

torch = pytest.importorskip("torch")
nf = pytest.importorskip("normflows")
from flowir.loaders import normflows as loader  # noqa: E402

ROWS, FEATURES, CONTEXT = 200, 3, 2
flows = nf.flows


def flow(*parts: Any, base: Any = None) -> Any:
    """A flow over a normal base with parameters of its own."""
    return nf.NormalizingFlow(base or nf.distributions.DiagGaussian(FEATURES), list(parts))


def conditional(*parts: Any) -> Any:
    """A flow given a context."""
    network = torch.nn.Linear(CONTEXT, 2 * FEATURES)
    return nf.ConditionalNormalizingFlow(
        nf.distributions.base.ConditionalDiagGaussian(FEATURES, network), list(parts))


def block(outputs: int, inputs: int = 2, **arguments: Any) -> Any:
    """A block that splits three features into two and one."""
    return flows.AffineCouplingBlock(nf.nets.MLP([inputs, 8, 8, outputs]), **arguments)


def actnorm() -> Any:
    """An ActNorm that has seen rows."""
    result = flows.ActNorm(FEATURES)
    result.forward(2 + 3 * torch.randn(50, FEATURES))
    return result


def masked(**networks: Any) -> Any:
    """A RealNVP of masks."""
    return flows.MaskedAffineFlow(torch.tensor([1.0, 0.0, 1.0]), **networks)


def mlp() -> Any:
    return nf.nets.MLP([FEATURES, 8, 7, FEATURES])


CASES: dict[str, Callable[[], Any]] = {
    "autoregressive splines": lambda: flow(
        flows.AutoregressiveRationalQuadraticSpline(FEATURES, 2, 8), flows.LULinearPermute(FEATURES),
        flows.AutoregressiveRationalQuadraticSpline(FEATURES, 1, 8, permute_mask=True)),
    "coupled splines": lambda: flow(
        flows.CoupledRationalQuadraticSpline(FEATURES, 2, 8), flows.LULinearPermute(FEATURES),
        flows.CoupledRationalQuadraticSpline(FEATURES, 2, 8, reverse_mask=True)),
    "splines given a context": lambda: conditional(
        flows.CoupledRationalQuadraticSpline(FEATURES, 2, 8, num_context_channels=CONTEXT),
        flows.AutoregressiveRationalQuadraticSpline(FEATURES, 2, 8, num_context_channels=CONTEXT)),
    "affine autoregressive": lambda: flow(
        flows.MaskedAffineAutoregressive(FEATURES, 8), flows.Permute(FEATURES)),
    "affine coupling": lambda: flow(
        block(2), flows.Permute(FEATURES, "swap"), block(2, scale_map="sigmoid"), flows.Permute(FEATURES),
        block(2, scale_map="sigmoid_inv"), block(4, 1, split_mode="channel_inv"), block(1, scale=False)),
    "masked affine": lambda: flow(masked(t=mlp(), s=mlp()), masked(t=mlp()), masked(s=mlp())),
    "circular splines": lambda: flow(
        flows.CircularAutoregressiveRationalQuadraticSpline(FEATURES, 2, 8, [0, 2]),
        flows.CircularCoupledRationalQuadraticSpline(FEATURES, 2, 8, [0, 2]),
        flows.CircularCoupledRationalQuadraticSpline(FEATURES, 1, 8, [0, 2], reverse_mask=True),
        base=nf.distributions.UniformGaussian(FEATURES, [0, 2], torch.tensor([6.0, 1.0, 6.0]))),
    "circular splines given a context": lambda: conditional(
        flows.CircularAutoregressiveRationalQuadraticSpline(
            FEATURES, 1, 8, [1], num_context_channels=CONTEXT),
        flows.CircularCoupledRationalQuadraticSpline(
            FEATURES, 1, 8, [0], num_context_channels=CONTEXT)),
    "bounded splines over a uniform base": lambda: flow(
        flows.AutoregressiveRationalQuadraticSpline(FEATURES, 1, 8),
        base=nf.distributions.base.Uniform(FEATURES, -3.0, 3.0)),
    "planar": lambda: flow(
        flows.Planar((FEATURES,), act="leaky_relu"), flows.Reverse(flows.Planar((FEATURES,))),
        flows.Reverse(flows.Planar((FEATURES,), act="leaky_relu"))),
    "radial": lambda: flow(
        flows.Reverse(flows.Radial((FEATURES,))), flows.Reverse(flows.Radial((FEATURES,))), actnorm()),
    "linear": lambda: flow(
        flows.InvertibleAffine(FEATURES), flows.base.Composite([
            flows.InvertibleAffine(FEATURES, use_lu=False), flows.AffineConstFlow(FEATURES)])),
    "normalisation": lambda: flow(actnorm(), flows.AffineConstFlow(FEATURES), block(2), actnorm()),
}


def build(name: str) -> Any:
    """The flow of a name, with parameters away from their first values."""
    torch.manual_seed(sum(map(ord, name)))
    result = CASES[name]()
    with torch.no_grad():
        for parameter in result.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return result.eval()


@pytest.mark.parametrize("name", list(CASES))
def test_a_live_flow_scores_and_maps_as_normflows(name: str) -> None:
    made = build(name)
    x = torch.randn(ROWS, FEATURES).double()
    x = x.clamp(-2.9, 2.9) if "splines" in name else x  # Inside the bound of uniform features.
    context = torch.randn(ROWS, CONTEXT).double() if "context" in name else None
    given = () if context is None else (context,)
    double = flowir.compile(made, dtype="float64", functions=["log_prob", "transform", "inverse"])
    made = loader.precise(made.double())
    with torch.no_grad(), loader.exact():
        expected, z = made.log_prob(x, *given), made.inverse(x, *given)
    torch.testing.assert_close(double.log_prob(x, context), expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(double.transform(x, context), z, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(double.inverse(z, context), x, rtol=1e-7, atol=1e-7)


def residual(features: int, **arguments: Any) -> Any:
    """A residual flow whose norms are up to date."""
    net = nf.nets.LipschitzMLP([features, 16, 8, features], init_zeros=False)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    result = flows.Residual(net, **arguments)
    nf.utils.update_lipschitz(result, 200)
    return result


@pytest.mark.parametrize("features", [2, 3])
def test_a_residual_flow_scores_and_maps_as_normflows(features: int) -> None:
    torch.manual_seed(features)
    made = nf.NormalizingFlow(nf.distributions.DiagGaussian(features), [
        residual(features), residual(features, reverse=False), residual(features)]).eval()
    x = 2 * torch.randn(ROWS, features).double()
    double = flowir.compile(made, dtype="float64", functions=["log_prob", "transform", "inverse"])
    made = made.double()
    own = made.flows[-1].inverse(x[:5]) if features == 2 else None
    made = loader.precise(made)
    with torch.no_grad(), loader.exact():
        expected, z = made.log_prob(x), made.inverse(x)
    if own is not None:  # Of two features normflows has the exact log-determinant itself.
        torch.testing.assert_close(made.flows[-1].inverse(x[:5])[1], own[1].detach(), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(double.log_prob(x), expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(double.transform(x), z, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(double.inverse(z), x, rtol=1e-9, atol=1e-9)


def stretched() -> Any:
    """A residual flow whose weights grew after its norms were found."""
    made = residual(FEATURES)
    with torch.no_grad():
        for layer in made.iresblock.nnet.net[1::2]:
            layer.v.copy_(torch.nn.functional.normalize(torch.randn_like(layer.v), dim=0))
    return made


UNSUPPORTED: dict[str, tuple[Callable[[], Any], str]] = {
    "planar": (lambda: flow(flows.Planar((FEATURES,))), "flows.0: Planar has no inverse"),
    "radial": (lambda: flow(flows.Radial((FEATURES,))), "flows.0: Radial has no inverse"),
    "no contraction": (lambda: flow(stretched()), "which is no contraction; bring its norms up to date"),
    "wide": (
        lambda: flow(residual(65), base=nf.distributions.DiagGaussian(65)),
        "has 65 features: above 64 the log-determinant is an estimate"),
    "wrap": (
        lambda: flow(flows.PeriodicWrap([0])),
        "flows.0: PeriodicWrap is not a flow of normflows that"),
    "bounds": (
        lambda: flow(flows.CircularAutoregressiveRationalQuadraticSpline(
            FEATURES, 1, 8, [0], tail_bound=torch.tensor([1.0, 2.0, 3.0]))),
        "has another bound for each feature, expected one for all"),
    "new actnorm": (lambda: flow(flows.ActNorm(FEATURES)), "flows.0: ActNorm takes its values from"),
    "base": (
        lambda: flow(base=nf.distributions.GaussianMixture(2, FEATURES)), "q0: GaussianMixture has events"),
}


@pytest.mark.parametrize("name", list(UNSUPPORTED))
def test_what_cannot_be_described_is_named(name: str) -> None:
    make, message = UNSUPPORTED[name]
    with pytest.raises(flowir.Error) as error:
        flowir.compile(make())
    assert message in str(error.value)
