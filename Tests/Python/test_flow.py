"""The compiled flow: arrays, broadcasting, samples, files."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import flowir
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from zuko_cases import build  # noqa: E402

GENERATOR = np.random.default_rng(1)


@pytest.fixture(scope="module")
def flow() -> flowir.CompiledFlow:
    """A spline flow of three features and two of context."""
    return flowir.compile(build("NSF"))


@pytest.fixture(scope="module")
def double() -> flowir.CompiledFlow:
    """The same in float64."""
    return flowir.compile(build("NSF"), dtype="float64")


def normal(*shape: int) -> Any:
    return GENERATOR.standard_normal(shape)


def test_batches_broadcast_as_in_zuko(double: flowir.CompiledFlow) -> None:
    live = build("NSF").double()
    for x_shape, c_shape in [
        ((3,), (2,)), ((5, 3), (2,)), ((5, 3), (5, 2)), ((5, 3), (1, 2)), ((4, 1, 3), (5, 2)),
        ((4, 5, 3), (5, 2)), ((3,), (5, 2)),
    ]:
        x, c = normal(*x_shape), normal(*c_shape)
        with torch.no_grad():
            expected = live(torch.from_numpy(c)).log_prob(torch.from_numpy(x)).numpy()
        found = double.log_prob(x, c)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    assert double.log_prob(normal(0, 3), normal(2)).shape == (0,)


def test_wrong_shapes_and_types_are_named(flow: flowir.CompiledFlow) -> None:
    for arguments, message in [
        ((normal(4, 5), normal(2)), r"x has the shape \(4, 5\), expected \(…, 3\)"),
        ((normal(4, 3), normal(4, 3)), r"context has the shape \(4, 3\), expected \(…, 2\)"),
        ((normal(4, 3),), r"context is missing, expected the shape \(…, 2\)"),
        ((normal(4, 3), normal(5, 2)), r"batch shape \(4,\) and context \(5,\), which do not"),
        ((np.array(["a", "b", "c"]), normal(2)), "x has the dtype <U1, expected float32"),
        ((1.0, normal(2)), r"x has the shape \(\), expected"),
    ]:
        with pytest.raises(ValueError, match=message):
            flow.log_prob(*arguments)
    with pytest.raises(ValueError, match="dtype is 'int8', expected float32 or float64"):
        flowir.compile(build("NSF"), dtype="int8")
    with pytest.raises(ValueError, match="functions has 'score'"):
        flowir.compile(build("NSF"), functions=["score"])
    with pytest.raises(flowir.Error, match="expected a flow of"):
        flowir.compile(object())


def test_a_function_that_was_left_out_is_named() -> None:
    lean = flowir.compile(build("NSF"), functions=["log_prob"])
    with pytest.raises(flowir.Error, match="has no function sample, only log_prob"):
        lean.sample(2, normal(2))


def test_anything_with_an_array_interface_is_read(flow: flowir.CompiledFlow) -> None:
    class Dlpack:
        def __init__(self, array: Any) -> None:
            self.array = array

        def __dlpack__(self, **arguments: Any) -> Any:
            return self.array.__dlpack__(**arguments)

        def __dlpack_device__(self) -> Any:
            return self.array.__dlpack_device__()

    x, c = normal(6, 3).astype("f4"), normal(2).astype("f4")
    expected = flow.log_prob(x, c)
    for given in (x.tolist(), Dlpack(x), x.astype("f8"), np.asfortranarray(x), memoryview(x)):
        np.testing.assert_array_equal(flow.log_prob(given, c), expected)


def test_arrays_of_the_right_kind_are_not_copied() -> None:
    from flowir import _arrays

    x = normal(6, 3).astype("f4")
    for value in (x, torch.from_numpy(x)):
        rows = _arrays.rows(value, np.dtype("f4"), 3, "x")
        assert np.shares_memory(_arrays.broadcast(rows, None)[0], x)


def test_results_are_written_to_out(flow: flowir.CompiledFlow) -> None:
    x, c = normal(6, 3), normal(2)
    out = np.empty(6, "f4")
    assert flow.log_prob(x, c, out=out) is out
    np.testing.assert_array_equal(out, flow.log_prob(x, c))
    samples = np.empty((7, 3), "f4")
    flow.sample(7, c, seed=3, out=samples)
    np.testing.assert_array_equal(samples, flow.sample(7, c, seed=3))
    for bad in (np.empty(6), np.empty(5, "f4"), np.empty(12, "f4")[::2]):
        with pytest.raises(ValueError, match="out "):
            flow.log_prob(x, c, out=bad)


def test_tensors_give_tensors_with_gradients(double: flowir.CompiledFlow) -> None:
    live = build("NSF").double()
    x, c = torch.randn(6, 3, dtype=torch.float64), torch.randn(2, dtype=torch.float64)
    x.requires_grad_(), c.requires_grad_()
    ours = double.log_prob(x, c)
    theirs = live(c).log_prob(x)
    weights = torch.randn(6, dtype=torch.float64)
    for found, expected in zip(
        torch.autograd.grad((ours * weights).sum(), (x, c)),
        torch.autograd.grad((theirs * weights).sum(), (x, c)), strict=True,
    ):
        torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-8)
    with torch.no_grad():
        assert not double.log_prob(x, c).requires_grad


def test_samples_have_zukos_shapes_and_their_densities(double: flowir.CompiledFlow) -> None:
    for shape, contexts in [(5, (2,)), (5, (4, 2)), ((2, 3), (4, 2)), ((), (4, 2)), (0, (2,)), (300, (3, 2))]:
        c = normal(*contexts)
        x, log_prob = double.sample(shape, c, seed=1, return_log_prob=True)
        wanted = shape if isinstance(shape, tuple) else (shape,)
        assert x.shape == (*wanted, *contexts[:-1], 3)
        np.testing.assert_allclose(log_prob, double.log_prob(x, c), rtol=1e-9, atol=1e-9)


def test_samples_are_functions_of_seed_and_row(flow: flowir.CompiledFlow) -> None:
    c = normal(2)
    whole = flow.sample(1000, c, seed=5)
    np.testing.assert_array_equal(whole[600:], flow.sample(400, c, seed=5, first_row=600))
    assert not np.array_equal(flow.sample(10, c), flow.sample(10, c))
    one = flowir.compile(build("NSF"), threads=1)
    np.testing.assert_array_equal(one.sample(1000, c, seed=5), whole)
    # Each context has rows of its own.
    contexts = normal(3, 2)
    many = flow.sample(300, contexts, seed=5)
    np.testing.assert_array_equal(
        many[:, 1:], flow.sample(300, contexts[1:], seed=5, first_row=300))
    # A single context is computed once, so that sums are made in another order.
    np.testing.assert_allclose(
        many[:, 2], flow.sample(300, contexts[2], seed=5, first_row=600), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("count, groups", [(1, 5), (7, 40), (63, 3), (64, 2), (300, 3)])
def test_samples_of_contexts_are_those_of_repeated_ones(
    flow: flowir.CompiledFlow, double: flowir.CompiledFlow, count: int, groups: int
) -> None:
    for made in (flow, double):
        contexts = normal(groups, 2).astype(made.dtype)
        x, log_prob = made.sample(count, contexts, seed=3, first_row=9, return_log_prob=True)
        repeated = np.repeat(contexts, count, axis=0)
        wanted, density = made.sample((), repeated, seed=3, first_row=9, return_log_prob=True)
        np.testing.assert_array_equal(np.moveaxis(x, 0, 1).reshape(-1, 3), wanted)
        np.testing.assert_array_equal(log_prob.T.reshape(-1), density)
        # The same with densities: a context for each group of rows, and one for each row.
        rows = np.moveaxis(x, 0, 1)
        np.testing.assert_array_equal(
            made.log_prob(rows, contexts[:, None]).reshape(-1), made.log_prob(wanted, repeated))
        for ours, theirs in zip(
            made.log_prob_and_grad(rows, contexts[:, None]), made.log_prob_and_grad(wanted, repeated),
            strict=True,
        ):
            np.testing.assert_array_equal(ours.reshape(theirs.shape), theirs)


def test_samples_of_contexts_are_cut_anywhere(flow: flowir.CompiledFlow) -> None:
    from flowir import _samples

    contexts = normal(4, 2).astype("f4")
    whole = np.moveaxis(flow.sample(50, contexts, seed=3, first_row=9), 0, 1).reshape(200, 3)
    for cuts in ([0, 200], [0, 1, 200], [0, 49, 51, 150, 200], [0, 20, 30, 120, 199, 200]):
        parts = np.empty((200, 3), "f4")
        for start, stop in pairwise(cuts):
            _samples.draw(flow, contexts, 50, 3, 9, start, parts[start:stop], None)
        np.testing.assert_array_equal(parts, whole)


def test_contexts_are_not_repeated(
    flow: flowir.CompiledFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []
    call = flowir.CompiledFlow._call

    def watch(self: flowir.CompiledFlow, name: str, *arguments: Any) -> None:
        given.extend(value.size for value in arguments if isinstance(value, np.ndarray))
        call(self, name, *arguments)

    monkeypatch.setattr(flowir.CompiledFlow, "_call", watch)
    contexts = normal(10, 2).astype("f4")
    flow.sample(1000, contexts, seed=1)
    assert given == [20, 30_000]
    given.clear()
    flow.log_prob(normal(10, 1000, 3).astype("f4"), contexts[:, None])
    assert given == [30_000, 20, 10_000]


def test_calls_of_samples_that_cannot_be_are_refused(flow: flowir.CompiledFlow) -> None:
    context, x = np.zeros((2, 2), "f4"), np.zeros((4, 3), "f4")
    for contexts, samples, message in [
        (-1, 2, "contexts is -1"), (2, -1, "samples -1"), (1 << 32, 1 << 32, "more than memory"),
        (2, (1 << 63) - 1, "more than memory"), ((1 << 63) - 1, 1, "more than memory"),
    ]:
        with pytest.raises(flowir.Error, match=message):
            flow._call("sample_each", 1, 0, context, contexts, samples, x, None)
    with pytest.raises(flowir.Error, match="first_row is -1"):
        flow._call("sample_each", 1, -1, context, 2, 2, x, None)
    with pytest.raises(flowir.Error, match="x is NULL"):
        flow._call("sample_each", 1, 0, context, 2, 2, None, None)
    with pytest.raises(flowir.Error, match="context is NULL"):
        flow._call("sample_each", 1, 0, None, 2, 2, x, None)
    for contexts in (-1, 0, 3, 5):
        with pytest.raises(flowir.Error, match=f"context_rows is {contexts}, expected 4"):
            flow._call("log_prob", x, context, 4, contexts, np.empty(4, "f4"))


def test_samples_are_those_of_the_command(flow: flowir.CompiledFlow, tmp_path: Path) -> None:
    from flowir import _executable

    contexts = normal(3, 2).astype("f4")
    np.save(tmp_path / "c.npy", contexts)
    flow.save(tmp_path / "libmodel.so")
    _executable.run(
        "sample", tmp_path / "libmodel.so", "--rows", "10", "--context", tmp_path / "c.npy",
        "--seed", "7", "--output", tmp_path / "x.npy")
    ours = np.moveaxis(flow.sample(10, contexts, seed=7), 0, 1).reshape(30, 3)
    np.testing.assert_array_equal(ours, np.load(tmp_path / "x.npy"))


def test_files_go_out_and_in(flow: flowir.CompiledFlow, tmp_path: Path) -> None:
    x, c = normal(9, 3), normal(2)
    flow.save(tmp_path / "model.safetensors")
    flow.save(tmp_path / "libgalaxy.so", prefix="galaxy")
    assert "galaxy_log_prob" in (tmp_path / "galaxy.h").read_text()
    for name in ("model.safetensors", "libgalaxy.so"):
        np.testing.assert_array_equal(
            flowir.compile(tmp_path / name).log_prob(x, c), flow.log_prob(x, c))
    description = flowir.describe(tmp_path / "model.safetensors")
    assert description.json == flow.description and description.context == 2
    with pytest.raises(flowir.Error, match="neither .so nor .safetensors"):
        flow.save(tmp_path / "model.onnx")
    for content in (b"", b"\xff" * 20, b"\x02\0\0\0\0\0\0\0{}"):
        (tmp_path / "bad.safetensors").write_bytes(content)
        with pytest.raises(flowir.Error, match="bad.safetensors: "):
            flowir.compile(tmp_path / "bad.safetensors")
    with pytest.raises(flowir.Error, match="cannot be read"):
        flowir.compile(tmp_path / "none.safetensors")


def test_a_second_call_compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from flowir import _executable

    flowir.compile(build("NSF"))

    def fail(*arguments: Any, **named: Any) -> str:
        raise AssertionError("ran the executable")

    monkeypatch.setattr(_executable, "run", fail)
    flowir.compile(build("NSF"))
