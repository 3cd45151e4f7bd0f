"""nflows' flows, live, compiled and equal."""

from __future__ import annotations

from typing import Any

import flowir
import numpy as np
import pytest

torch = pytest.importorskip("torch")
nflows = pytest.importorskip("nflows")
from flowir.loaders import nflows as loader  # noqa: E402
from nflows import distributions, flows, transforms  # noqa: E402
from nflows_cases import CASES, build, flow, maf  # noqa: E402

ROWS = 200


def rows(made: Any) -> tuple[Any, Any]:
    """Rows of float64 and contexts."""
    description = flowir.describe(made)
    context = torch.randn(ROWS, description.context).double() if description.context else None
    with torch.no_grad():
        x = torch.randn(ROWS, description.features).double()
    return x, context


@pytest.mark.parametrize("name", list(CASES))
def test_a_live_flow_scores_and_maps_as_nflows(name: str) -> None:
    made = build(name)
    x, context = rows(made)
    compiled = flowir.compile(made, functions=["log_prob"])
    double = flowir.compile(
        made, dtype="float64", functions=["log_prob", "transform", "inverse"])
    exact = loader.exact(made.double())
    with torch.no_grad():
        expected = exact.log_prob(x, context)
        z, ladj = exact._transform(x, context)
    limit = {"rtol": 1e-9, "atol": 1e-9}
    torch.testing.assert_close(double.log_prob(x, context), expected.double(), **limit)
    found = double.transform(x, context, return_ladj=True)
    torch.testing.assert_close(found[0], z, **limit)
    torch.testing.assert_close(found[1], ladj, **limit)
    torch.testing.assert_close(double.inverse(z, context), x, rtol=1e-7, atol=1e-7)
    single = compiled.log_prob(x.float(), None if context is None else context.float())
    assert single.dtype == torch.float32
    assert np.median(np.abs(single.numpy() - expected.numpy())) < 1e-5


@pytest.mark.parametrize("name", ["MAF with residual blocks", "couplings of cubic splines"])
def test_gradients_are_those_of_nflows(name: str) -> None:
    made = build(name)
    x, context = rows(made)
    compiled = flowir.compile(made, dtype="float64", functions=["log_prob_gradient"])
    x.requires_grad_()
    context.requires_grad_()
    expected = torch.autograd.grad(made.double().log_prob(x, context).sum(), [x, context])
    for one, other in zip(compiled.log_prob_and_grad(x, context)[1:], expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-8)


class Shuffled(flows.Flow):
    """A flow that does something of its own."""

    def _log_prob(self, inputs: Any, context: Any) -> Any:
        return super()._log_prob(inputs, context) + 1


UNSUPPORTED = {
    "own log_prob": (
        lambda: Shuffled(transforms.RandomPermutation(3), distributions.StandardNormal([3])),
        "flow: Shuffled has its own log_prob"),
    "images": (
        lambda: flow(base=distributions.StandardNormal([3, 4, 4])),
        "base: StandardNormal has events of shape [3, 4, 4], expected vectors"),
    "squeeze": (
        lambda: flow(transforms.SqueezeTransform()),
        "_transform._transforms.0: SqueezeTransform is not a transform of nflows that"),
    "gate of several features": (
        lambda: flow(transforms.GatedLinearUnit(), maf()._transform),
        "_transforms.0: GatedLinearUnit gives no determinant for each row unless"),
    "activation": (
        lambda: maf(activation=torch.nn.functional.hardtanh),
        "activation: hardtanh is none of ELU, "),
}


@pytest.mark.parametrize("name", list(UNSUPPORTED))
def test_what_cannot_be_described_is_named(name: str) -> None:
    make, message = UNSUPPORTED[name]
    with pytest.raises(flowir.Error) as error:
        flowir.compile(make())
    assert message in str(error.value)


NORMAL = {"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}, "buffer": True}


@pytest.mark.parametrize("kind", ["ActNorm", "BatchNorm"])
def test_training_finds_the_statistics_that_nflows_does(kind: str) -> None:
    x = np.random.default_rng(0).normal([5.0, -300.0], [0.1, 40.0], size=(800, 2)).astype("float32")
    part = {"type": "UnconditionalTransform", "f": {"type": kind}}
    ours = flowir.Architecture(features=2, transform=[part], base=NORMAL).fit(
        x, epochs=1, batch_size=800, learning_rate=1e-9, validation=0, standardize=False, seed=1)
    found = flowir.describe(ours).tensors
    place = "transform.transforms.0."
    theirs = transforms.ActNorm(2) if kind == "ActNorm" else transforms.BatchNorm(2, momentum=1.0)
    theirs.train()(torch.from_numpy(x).double().float())
    # nflows divides sums of squares by n - 1, and here it is n.
    ratio = np.log(800 / 799)
    if kind == "ActNorm":
        scale = theirs.log_scale.detach().numpy() + ratio / 2
        np.testing.assert_allclose(found[place + "log_scale"], scale, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(
            found[place + "shift"], theirs.shift.detach().numpy() * np.exp(ratio / 2), rtol=1e-4)
    else:
        np.testing.assert_allclose(found[place + "running_mean"], theirs.running_mean, rtol=1e-5)
        np.testing.assert_allclose(
            found[place + "running_var"], theirs.running_var.numpy() * np.exp(-ratio), rtol=1e-4)
