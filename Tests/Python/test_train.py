"""Native training from Python."""

from __future__ import annotations

import json
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import flowir
import numpy as np
import pytest

pd = pytest.importorskip("pandas")
torch = pytest.importorskip("torch")
zuko = pytest.importorskip("zuko")
from zuko_cases import CASES, build  # noqa: E402

GENERATOR = np.random.default_rng(4)
SMALL: dict[str, Any] = {"hidden_features": [16], "transforms": 2}
FLOWS: dict[str, tuple[type[flowir.Architecture], dict[str, Any]]] = {
    "MAF": (flowir.MAF, SMALL), "NSF": (flowir.NSF, SMALL | {"bins": 4}), "NCSF": (flowir.NCSF, SMALL),
    "NICE": (flowir.NICE, SMALL), "RealNVP": (flowir.RealNVP, SMALL),
    "SOSPF": (flowir.SOSPF, SMALL), "BPF": (flowir.BPF, SMALL | {"degree": 6}),
    "GF": (flowir.GF, SMALL), "NAF": (flowir.NAF, SMALL | {"signal": 4, "network": {"hidden_features": (8,)}}),
    "UNAF": (flowir.UNAF, {"hidden_features": [8], "transforms": 1, "signal": 2,
                           "network": {"hidden_features": [8]}}),
    "CNF": (flowir.CNF, {"hidden_features": [8], "atol": 1e-4, "rtol": 1e-4}),
    "GMM": (flowir.GMM, {"components": 3, "hidden_features": [16]}),
}


def data(rows: int = 1500) -> tuple[Any, Any]:
    """Two features that depend on one of context."""
    context = GENERATOR.standard_normal((rows, 1))
    noise = GENERATOR.standard_normal((rows, 2))
    return np.tanh(context) + 0.5 * noise @ np.array([[1, 0.5], [0, 0.7]]), context


@pytest.mark.parametrize("name", list(FLOWS))
def test_every_flow_trains_and_goes_to_zuko(name: str) -> None:
    make, arguments = FLOWS[name]
    x, context = data()
    flow = make(2, 1, **arguments).fit(
        x, context, epochs=2, batch_size=256, dtype="float64", progress=False)
    assert 1 <= flow.report["best_epoch"] <= flow.report["epochs"] == 2
    assert np.isfinite(flow.report["validation_log_likelihood"])
    live = flow.to_zuko().double()
    with torch.no_grad():
        expected = live(torch.from_numpy(context[:50])).log_prob(torch.from_numpy(x[:50])).numpy()
    limit = 1e-2 if name == "CNF" else 1e-9
    np.testing.assert_allclose(
        flow.log_prob(x[:50], context[:50]), expected, rtol=limit, atol=limit)


def test_rows_that_memory_does_not_hold_are_streamed(tmp_path: Path) -> None:
    x, context = data(20_000)
    flow = flowir.MAF(2, 1, transforms=1, hidden_features=[8])
    weights = np.arange(20_000) % 3
    arguments: dict[str, Any] = {"weights": weights, "epochs": 2, "batch_size": 512, "seed": 1, "progress": False}
    whole = flow.fit(x, context, **arguments)
    streamed = flow.fit(x, context, memory="1M", **arguments)
    scores = streamed.log_prob(x, context)
    np.testing.assert_array_equal(flow.fit(x, context, memory=1 << 20, **arguments).log_prob(x, context), scores)
    expected = whole.log_prob(x, context)
    np.testing.assert_array_equal(flow.fit(x, context, memory="1G", **arguments).log_prob(x, context), expected)
    # Another order of rows is another fit, as good.
    assert np.any(scores != expected) and abs(np.mean(scores) - np.mean(expected)) < 0.1
    assert streamed.report["train_rows"] == whole.report["train_rows"] == 12_000
    # An array that is mapped into memory is one like any other.
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    np.testing.assert_array_equal(flow.fit(mapped, context, memory="1M", **arguments).log_prob(x, context), scores)
    for wrong in ("lots", 1000):
        with pytest.raises(flowir.Error, match="expected a number of bytes"):
            flow.fit(x, context, memory=wrong, epochs=1)


@pytest.mark.parametrize("name", ["NSF", "CNF", "GMM"])
def test_a_flow_in_the_units_of_its_data_is_zukos_after_one_more_transform(name: str) -> None:
    x = data()[0] * [1e-3, 200] + [7, -1e4]
    make, arguments = FLOWS[name]
    flow = make(2, **arguments).fit(x, epochs=2, batch_size=256, dtype="float64", progress=False)
    tensors = {k: torch.from_numpy(v.copy()) for k, v in flowir.describe(flow).tensors.items()}
    own = getattr(zuko.flows, name)(2, **arguments)
    first = zuko.flows.UnconditionalTransform(
        lambda loc, scale: zuko.transforms.AffineTransform(loc, scale).inv, loc=torch.zeros(2),
        scale=torch.ones(2), buffer=True)
    if name == "GMM":
        live = zuko.flows.Flow([first], own)
    else:
        live = zuko.flows.Flow(
            [first, *(own.transform.transforms if name == "NSF" else [own.transform])], own.base)
    live.load_state_dict(tensors, strict=True)
    live.double()
    with torch.no_grad():
        expected = live(None).log_prob(torch.from_numpy(x[:50])).numpy()
    limit = 1e-2 if name == "CNF" else 1e-9
    np.testing.assert_allclose(flow.log_prob(x[:50]), expected, rtol=limit, atol=limit)
    assert abs(flow.sample(2000, seed=1)[:, 1].mean() + 1e4) < 200  # One deviation of the data.
    # Read from the live flow, it is a custom flow of the same density.
    again = flowir.compile(live, dtype="float64", functions=["log_prob"])
    np.testing.assert_allclose(again.log_prob(x[:50]), expected, rtol=limit, atol=limit)


def test_a_standardized_context_goes_to_zuko_and_back() -> None:
    x, context = data()
    flow = flowir.MAF(2, 1, **SMALL).fit(
        x, 1e3 + 1e-2 * context, epochs=2, batch_size=256, dtype="float64", progress=False, robust=True)
    assert flowir.describe(flow).json["embedding"] == [{"type": "Standardize"}]
    again = flowir.compile(flow.to_zuko(), dtype="float64", functions=["log_prob"])
    np.testing.assert_allclose(
        again.log_prob(x, 1e3 + 1e-2 * context), flow.log_prob(x, 1e3 + 1e-2 * context), rtol=1e-9, atol=1e-9)
    plain = flowir.MAF(2, 1, **SMALL).fit(x, context, epochs=1, standardize=False, progress=False)
    assert not {"before", "embedding"} & set(flowir.describe(plain).json)


def test_dates_are_learnt_in_float64_and_what_is_odd_about_data_is_said() -> None:
    x = 2459000.5 + 1e-3 * GENERATOR.standard_normal((1000, 2))
    with pytest.warns(UserWarning, match="dtype='float64'"):
        flowir.MAF(2, **SMALL).fit(x, epochs=1)
    flow = flowir.MAF(2, **SMALL).fit(x, epochs=30, batch_size=64, dtype="float64")
    # The entropy of two normal distributions.
    best = -2 * (0.5 * np.log(2 * np.pi * np.e) + np.log(1e-3))
    assert abs(flow.log_prob(x).mean() - best) < 0.2
    with pytest.warns(UserWarning, match="x: column 2 is 3.0 in all rows"):
        flowir.MAF(2, **SMALL).fit(x * [1, 0] + [0, 3], epochs=1, dtype="float64")


def test_bounds_hold_and_go_to_zuko() -> None:
    x, context = data()
    x = np.column_stack([np.exp(x[:, 0]) + 1, 1 / (1 + np.exp(-x[:, 1])), x[:, 1] - x[:, 0]])
    bounds = {"lower": [1, 0, -np.inf], "upper": [np.inf, 1, np.inf]}
    flow = flowir.MAF(3, 1, **SMALL).fit(x, context, epochs=2, batch_size=256, dtype="float64", **bounds)
    samples = flow.sample(5000, context[0], seed=2)
    assert (samples >= bounds["lower"]).all() and (samples <= bounds["upper"]).all()
    live = flow.to_zuko().double()
    with torch.no_grad():
        drawn = live(torch.from_numpy(context[0])).sample((200,)).numpy()
        given = np.concatenate([x[:100], drawn])
        expected = live(torch.from_numpy(context[:1])).log_prob(torch.from_numpy(given)).numpy()
    np.testing.assert_allclose(flow.log_prob(given, context[0]), expected, rtol=1e-8, atol=1e-8)
    outside = flow.log_prob(np.array([[0.5, 0.5, 0], [2, 1.5, 0], [2, 0.5, 99]]), context[0])
    assert (outside[:2] == -np.inf).all() and np.isfinite(outside[2])


def test_bounds_of_some_columns_are_given_by_name_or_place() -> None:
    x = np.exp(np.random.default_rng(0).normal(size=(500, 2)))
    table = pd.DataFrame({"mass": x[:, 0], "share": x[:, 1] / x.max() / 2})
    flow = flowir.MAF(2, **SMALL).fit(table, epochs=1, lower={"mass": 0, 1: 0}, upper={"share": 1})
    draws = flow.sample(5_000, seed=1)
    assert (draws >= 0).all() and (draws[:, 1] <= 1).all() and draws[:, 0].max() > 1
    with pytest.raises(ValueError, match="lower has the column 'weight'"):
        flowir.MAF(2, **SMALL).fit(table, epochs=1, lower={"weight": 0})


def test_a_live_flow_is_trained_on_and_goes_back() -> None:
    x, context = data(3_000)
    theirs = zuko.flows.NSF(2, 1, **SMALL, bins=4)
    with torch.no_grad():
        before = theirs(torch.from_numpy(context).float()).log_prob(torch.from_numpy(x).float()).mean().item()
    ours = flowir.fit(theirs, x, context, epochs=5, seed=1)
    assert ours.report["validation_log_likelihood"] > before + 0.1
    kept = ours.to_zuko()
    with torch.no_grad():
        expected = kept(torch.from_numpy(context[:50]).float()).log_prob(torch.from_numpy(x[:50]).float())
    np.testing.assert_allclose(ours.log_prob(x[:50], context[:50]), expected, rtol=1e-4, atol=1e-4)
    # Where it ended is where a run with a rate of next to nothing stays.
    again = flowir.fit(ours, x, context, epochs=1, learning_rate=1e-7, seed=2)
    np.testing.assert_allclose(
        again.log_prob(x[:50], context[:50]), ours.log_prob(x[:50], context[:50]), atol=1e-3)
    with pytest.raises(ValueError, match="context is missing"):
        flowir.fit(theirs, x, epochs=1)
    with pytest.raises(flowir.Error, match="expected a flow of sbi"):
        flowir.fit(object(), x)


@pytest.mark.parametrize("name", ["MAF", "NSF", "RealNVP", "SOSPF", "GF", "NAF"])
def test_steps_on_whole_batches_are_those_of_pytorch(name: str) -> None:
    """With all rows in each step no order of rows is left to chance, and both come to the same flow."""
    x, context = data(600)
    torch.manual_seed(1)
    theirs = getattr(zuko.flows, name)(2, 1, **FLOWS[name][1])
    ours = flowir.fit(
        theirs, x, context, epochs=40, batch_size=len(x), learning_rate=1e-3, schedule="constant",
        validation_data=(x, context), patience=None, progress=False)
    assert ours.report["best_epoch"] == 40
    rows, conditions = torch.from_numpy(x).float(), torch.from_numpy(context).float()
    optimizer = torch.optim.Adam(theirs.parameters(), lr=1e-3)
    before = theirs(conditions).log_prob(rows).mean().item()
    for _ in range(40):
        optimizer.zero_grad()
        (-theirs(conditions).log_prob(rows).mean()).backward()
        optimizer.step()
    with torch.no_grad():
        after = theirs(conditions).log_prob(rows)
    assert after.mean().item() > before + 0.05
    np.testing.assert_allclose(ours.log_prob(x, context), after, rtol=2e-3, atol=2e-3)


def test_a_flow_that_is_trained_on_keeps_its_units_bounds_and_columns() -> None:
    generator = np.random.default_rng(0)
    table = pd.DataFrame({"mass": generator.exponential(size=800) + 1e3, "count": generator.poisson(2, 800)})
    first = flowir.MAF(2, **SMALL).fit(
        table, epochs=2, lower={"mass": 1e3, "count": 0}, discrete={"count": 1}, seed=1)
    second = flowir.fit(first, table[["count", "mass"]], epochs=2, seed=2)
    assert second.columns == first.columns
    assert flowir.describe(second).json == flowir.describe(first).json
    assert flowir.describe(second).discrete == flowir.describe(first).discrete
    assert (second.sample(2_000, seed=1)[:, 0] >= 1e3).all()
    with pytest.raises(flowir.Error, match="below its lower bound"):
        flowir.fit(first, table - [1, 0], epochs=1)
    with pytest.raises(ValueError, match="look at mass"):
        flowir.fit(first, table.rename(columns={"mass": "weight"}), epochs=1)


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow"])
def test_the_columns_of_tables_are_found_by_name(kind: str, tmp_path: Path) -> None:
    make = {
        "pandas": pd.DataFrame, "polars": pytest.importorskip("polars").DataFrame,
        "arrow": pytest.importorskip("pyarrow").table,
    }[kind]
    generator = np.random.default_rng(0)
    numbers = {name: generator.normal(size=400).astype("f4") for name in ("a", "b", "c")}
    x, context = make({k: numbers[k] for k in "ab"}), make({"c": numbers["c"]})
    other = make({k: numbers[k] for k in "cba"})
    flow = flowir.MAF(2, 1, **SMALL).fit(x, context, epochs=1)
    path = tmp_path / "libflow.so"
    flow.save(path)
    for one in (flow, flowir.compile(path)):
        assert one.columns == flowir.Columns(("a", "b"), ("c",))
        expected = one.log_prob(np.stack([numbers["a"], numbers["b"]], axis=1), numbers["c"][:, None])
        np.testing.assert_array_equal(one.log_prob(other, other), expected)
        np.testing.assert_array_equal(one.transform(other, other), one.transform(x, context))
        for given, wanted in zip(one.log_prob_and_grad(other, other), one.log_prob_and_grad(x, context), strict=True):
            np.testing.assert_array_equal(given, wanted)
        np.testing.assert_array_equal(one.sample(2, other, seed=1), one.sample(2, context, seed=1))
        box = one.restricted(lower=-1)
        np.testing.assert_array_equal(box.log_prob(other, other), box.log_prob(x, context))
        with pytest.raises(ValueError, match="x has the columns a, c, expected a, b.*look at b"):
            one.log_prob(make({k: numbers[k] for k in "ac"}), context)


def test_heavy_tails_are_a_base_or_a_transform() -> None:
    x = np.random.default_rng(0).standard_t(2, size=(2_000, 2))
    given = {"epochs": 10, "seed": 1, "robust": True}
    plain = flowir.MAF(2, **SMALL).fit(x, **given).report["validation_log_likelihood"]
    for option, part in (
        ({"base": "student-t"}, "StudentT"), ({"tails": "learnt"}, "TailTransform"),
        ({"tails": "asinh"}, "AsinhTransform"),
    ):
        flow = flowir.MAF(2, **SMALL).fit(x, **given, **option)
        assert part in json.dumps(flowir.describe(flow).json)
        assert flow.report["validation_log_likelihood"] > plain
    with pytest.raises(flowir.Error, match="tails"):
        flowir.MAF(2, **SMALL).fit(x, epochs=1, tails="heavy")


def test_training_finds_the_density(tmp_path: Path) -> None:
    x, context = data(8000)
    # Twice the covariance's half of the logarithm, by the formula of the normal distribution.
    factor = 0.5 * np.array([[1, 0.5], [0, 0.7]])
    entropy = np.log(2 * np.pi * np.e) + np.log(abs(np.linalg.det(factor)))
    flow = flowir.MAF(2, 1, hidden_features=[32, 32], activation=torch.nn.Tanh).fit(
        x, context, epochs=60, learning_rate=3e-3, schedule="cosine", progress=False)
    assert abs(flow.report["validation_log_likelihood"] + entropy) < 0.1
    again = pickle.loads(pickle.dumps(flow))
    assert again.report == flow.report and again == flow
    flow.save(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(
        flowir.compile(tmp_path / "model.safetensors").log_prob(x, context), flow.log_prob(x, context))


def test_patience_ends_training() -> None:
    x, context = data(400)
    flow = flowir.NICE(2, 1, hidden_features=[64, 64]).fit(
        x, context, epochs=3000, learning_rate=1e-2, patience=3, progress=False)
    assert flow.report["epochs"] == flow.report["best_epoch"] + 3


def test_progress_is_drawn_in_place(capsys: Any) -> None:
    x, context = data()
    flowir.NICE(2, 1, hidden_features=[8]).fit(x, context, epochs=2, progress=True)
    drawn = capsys.readouterr().err
    assert "\repoch 2/2 " in drawn and "validation" in drawn and drawn.endswith("\x1b[K\n")
    flowir.NICE(2, 1, hidden_features=[8]).fit(x, context, epochs=1)
    assert capsys.readouterr().err == ""


def test_progress_is_one_output_of_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []

    class Handle:
        def update(self, line: Any) -> None:
            shown.append(str(line.data))

    class Pretty:
        def __init__(self, data: str) -> None:
            self.data = data

    def display(line: Any, display_id: bool) -> Handle:
        shown.append(str(line.data))
        return Handle()

    notebook = types.ModuleType("IPython")
    notebook.get_ipython = lambda: types.SimpleNamespace(kernel=True)  # type: ignore[attr-defined]
    parts = types.ModuleType("IPython.display")
    parts.Pretty, parts.display = Pretty, display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setitem(sys.modules, "IPython.display", parts)
    x, context = data()
    flowir.NICE(2, 1, hidden_features=[8]).fit(x, context, epochs=2)
    assert shown and all(line.startswith("epoch ") for line in shown)


def test_what_does_not_fit_is_named() -> None:
    x, context = data(50)
    flow = flowir.NSF(2, 1, hidden_features=[8])
    for arguments, message in [
        ((x,), "context is missing"), ((x[:, :1], context), r"x has the shape \(50, 1\), expected \(…, 2\)"),
        ((x, context[:9]), "context has 9 rows, expected 50, as x"),
        ((x[None], context), r"x has the shape \(1, 50, 2\), expected \(N, 2\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            flow.fit(*arguments)
    with pytest.raises(flowir.Error, match="bins"):
        flowir.NSF(2, 1, bins="many").fit(x, context)
    with pytest.raises(flowir.Error, match="finite"):
        flow.fit(np.where(x > 0, np.nan, x), context)


@pytest.mark.parametrize("name", [name for name in CASES if "CNF" not in name])
def test_a_compiled_flow_goes_back_to_zuko(name: str) -> None:
    flow = build(name)
    description = flowir.describe(flow)
    if "zuko" in description.json:
        pytest.skip("another release of Zuko")
    from flowir.hosts.zuko import build as rebuild

    back = rebuild(description)
    torch.manual_seed(0)
    context = torch.randn(20, description.context) if description.context else None
    with torch.no_grad():
        x = flow(context).sample(() if description.context else (20,))
        torch.testing.assert_close(
            back(context).log_prob(x), flow(context).log_prob(x), rtol=1e-3, atol=1e-3)


def test_a_feature_on_a_circle_has_no_seam() -> None:
    generator = np.random.default_rng(0)
    hour = generator.normal(size=2_000) % 24
    x = np.stack([generator.normal(size=2_000), hour], axis=1)
    flow = flowir.NSF(features=2, transforms=2, hidden_features=[16]).fit(
        x, circular={1: 24}, epochs=3, seed=1)
    at = flow.log_prob([[0.3, 0.001], [0.3, 23.999], [0.3, 48.001]])
    assert np.ptp(at) < 0.02 and at[0] > flow.log_prob([0.3, 12.0]) + 1
    drawn = flow.sample(500, seed=1)[:, 1]
    assert (drawn >= 0).all() and (drawn <= 24).all()
    with pytest.raises(ValueError, match="circular has the column 'hour'"):
        flowir.NSF(features=2).fit(x, circular={"hour": 24}, epochs=1)
    with pytest.raises(flowir.Error, match="one kind of spline for all features, found circular"):
        flow.to_zuko()


def test_a_flow_with_another_base_is_trained_and_goes_to_zuko_if_that_has_it() -> None:
    x = np.random.default_rng(0).standard_t(2, size=(2_000, 2))
    named = {"type": "UnconditionalDistribution", "f": {"type": "StudentT"}}
    flow = flowir.MAF(features=2, transforms=1, base=named).fit(x, epochs=3, seed=1)
    assert np.isfinite(flow.log_prob([[1e30, 0.0]])).all() or np.isneginf(flow.log_prob([[1e30, 0.0]])).all()
    with pytest.raises(flowir.Error, match="Zuko has no StudentT"):
        flow.to_zuko()
    general = {"type": "UnconditionalDistribution", "f": {"type": "GeneralizedNormal"}}
    flow = flowir.MAF(features=2, transforms=1, base=general).fit(x, epochs=1, seed=1, standardize=False)
    live = flow.to_zuko()
    with torch.no_grad():
        expected = live().log_prob(torch.from_numpy(x[:50]).float())
    np.testing.assert_allclose(flow.log_prob(x[:50]), expected, rtol=1e-4, atol=1e-4)


def test_flow_matching_trains_a_continuous_flow_and_says_of_how_many_rows_it_is_judged() -> None:
    x, context = data()
    flow = flowir.CNF(2, 1, hidden_features=(32,)).fit(
        x, context, objective="flow-matching", epochs=60, learning_rate=5e-3, progress=False)
    report = flow.report
    assert report["train_rows_scored"] == 1350 and report["validation_rows_scored"] == 150
    assert 0 < report["validation_matching_loss"] < 3
    start = flowir.CNF(2, 1, hidden_features=(32,)).fit(x, context, epochs=1, progress=False).report
    assert report["validation_log_likelihood"] > start["validation_log_likelihood"]
    with pytest.raises(flowir.Error, match="continuous transform"):
        flowir.MAF(2, 1).fit(x, context, objective="flow-matching", progress=False)


def test_a_discrete_column_gets_noise_and_its_model_file_says_so() -> None:
    generator = np.random.default_rng(3)
    x = np.stack([generator.normal(size=800), generator.poisson(2, 800)], axis=1)
    flow = flowir.MAF(2, transforms=1).fit(
        x, discrete={1: 1}, lower=[-np.inf, 0], epochs=3, progress=False)
    assert np.isfinite(flow.report["validation_log_likelihood"])
    assert np.isfinite(flow.log_prob(np.array([[0.0, -0.4]])))[0]
    assert flow.log_prob(np.array([[0.0, -0.6]]))[0] == -np.inf
    assert json.loads(flowir.describe(flow).discrete or "")[0]["feature"] == 1
    again = flowir.describe(flowir.compile(flowir.describe(flow)))
    assert again.discrete == flowir.describe(flow).discrete
    with pytest.raises(ValueError, match="discrete has the column 'count'"):
        flowir.MAF(2).fit(x, discrete={"count": 1}, progress=False)
    with pytest.raises(flowir.Error, match="no whole number of steps"):
        flowir.MAF(2).fit(x, discrete={0: 1}, progress=False)
