"""Mixtures of flows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flowir
import numpy as np
import pytest

torch = pytest.importorskip("torch")
zuko = pytest.importorskip("zuko")
from zuko_cases import build  # noqa: E402

WEIGHTS = [2.0, 1.0]


@pytest.fixture(scope="module")
def live() -> list[Any]:
    """Two flows of Zuko, of three features and two of context."""
    return [build("NSF").double(), build("MAF").double()]


@pytest.fixture(scope="module")
def inputs() -> tuple[Any, Any]:
    generator = np.random.default_rng(1)
    return generator.standard_normal((100, 3)), generator.standard_normal((100, 2))


def test_the_density_is_that_of_zukos_flows_mixed(live: list[Any], inputs: tuple[Any, Any]) -> None:
    x, c = inputs
    both = flowir.ensemble(live, WEIGHTS, dtype="float64")
    with torch.no_grad():
        each = torch.stack([
            flow(torch.from_numpy(c)).log_prob(torch.from_numpy(x)) for flow in live])
        expected = torch.logsumexp(each + torch.log(torch.tensor([[2 / 3], [1 / 3]], dtype=torch.float64)), 0)
    np.testing.assert_allclose(both.log_prob(x, c), expected, rtol=1e-9, atol=1e-9)
    assert both.description["type"] == "Ensemble" and len(both.description["members"]) == 2


def test_samples_are_the_members(live: list[Any], inputs: tuple[Any, Any], tmp_path: Path) -> None:
    both = flowir.ensemble(live, WEIGHTS, dtype="float64")
    c = inputs[1][0]
    drawn = both.sample(3_000, c, seed=4)
    each = [flowir.compile(flow, dtype="float64").sample(3_000, c, seed=4) for flow in live]
    same = np.stack([np.isclose(drawn, one, rtol=1e-12, atol=1e-12).all(-1) for one in each])
    assert (same.sum(0) == 1).all()
    # Four deviations of a share of two thirds.
    assert abs(same[0].mean() - 2 / 3) < 4 * np.sqrt(2 / 9 / 3_000)
    both.save(tmp_path / "both.safetensors")
    again = flowir.compile(tmp_path / "both.safetensors", dtype="float64")
    np.testing.assert_array_equal(again.sample(10, c, seed=4), drawn[:10])
    with pytest.raises(flowir.Error, match="Zuko has no mixture of flows"):
        both.to_zuko()


def test_flows_that_do_not_fit_are_errors(live: list[Any]) -> None:
    with pytest.raises(ValueError, match="weights has 1 numbers, expected 2"):
        flowir.ensemble(live, [1.0])
    with pytest.raises(ValueError, match="flows is empty"):
        flowir.ensemble([])
    with pytest.raises(flowir.Error, match="expected positive numbers"):
        flowir.ensemble(live, [1.0, float("nan")])
    with pytest.raises(flowir.Error, match="found 0 context features, expected 2"):
        flowir.ensemble([live[0], zuko.flows.MAF(3)])


def test_the_laplace_base_is_torchs() -> None:
    base = {"type": "UnconditionalDistribution", "f": {"type": "StandardLaplace"}}
    x = np.random.default_rng(0).laplace(size=(500, 2))
    flow = flowir.MAF(features=2, transforms=1, base=base).fit(x, epochs=1, seed=1, dtype="float64")
    z, ladj = flow.transform(x, return_ladj=True)
    zero = torch.zeros(2, dtype=torch.float64)
    laplace = torch.distributions.Laplace(zero, zero + 1)
    expected = laplace.log_prob(torch.from_numpy(z)).sum(-1).numpy() + ladj
    np.testing.assert_allclose(flow.log_prob(x), expected, rtol=1e-12, atol=1e-12)


def test_what_zuko_lacks_is_said() -> None:
    x = np.random.default_rng(0).normal(size=(400, 2))
    base = {"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}, "buffer": True}
    for part in ("LazyRadialTransform", "LazyResidualTransform"):
        flow = flowir.Architecture(
            features=2, transform=[{"type": part, "features": 2}], base=base).fit(x, epochs=1, seed=1)
        with pytest.raises(flowir.Error, match=f"Zuko has no {part}"):
            flow.to_zuko()
