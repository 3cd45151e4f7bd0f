"""Weights of rows and validation rows of their own, in native training from Python."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import flowir
import numpy as np
import pytest

GENERATOR = np.random.default_rng(11)
SETTINGS: dict[str, Any] = {"epochs": 3, "batch_size": 64, "seed": 5, "progress": False}


def make() -> flowir.Architecture:
    """A small flow of two features and one of context."""
    return flowir.MAF(2, 1, transforms=1, hidden_features=[8])  # type: ignore[attr-defined]


def data(rows: int = 300) -> tuple[Any, Any, Any]:
    """Features, context and weights."""
    return (
        GENERATOR.standard_normal((rows, 2)), GENERATOR.standard_normal((rows, 1)),
        GENERATOR.uniform(0, 2, rows))


def parameters(flow: flowir.CompiledFlow) -> Any:
    """All numbers of a flow."""
    return np.concatenate([one.reshape(-1) for one in flowir.describe(flow).tensors.values()])


def test_the_model_is_the_one_that_the_command_trains(tmp_path: Path) -> None:
    (x, context, weights), (vx, vcontext, vweights) = data(), data(90)
    flow = make().fit(
        x, context, weights=weights, validation_data=(vx, vcontext), validation_weights=vweights,
        **SETTINGS)
    arrays = {"data": x, "context-data": context, "weights": weights[:, None]} | {
        "validation-data": vx, "validation-context-data": vcontext, "validation-weights": vweights[:, None]}
    arguments = []
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
        arguments += [f"--{name}", str(tmp_path / f"{name}.npy")]
    (tmp_path / "flow.json").write_text(json.dumps(make().description))
    output = tmp_path / "model.safetensors"
    found = subprocess.run(
        [os.environ["FLOWIR_EXECUTABLE"], "train", "--config", str(tmp_path / "flow.json"), *arguments,
         "--output", str(output), "--epochs", "3", "--batch-size", "64", "--seed", "5", "--patience", "10",
         "--json"], check=True, capture_output=True, text=True)
    report = json.loads(found.stdout)
    for key in ("train_rows", "validation_rows", "best_epoch", "validation_log_likelihood"):
        assert flow.report[key] == report[key]
    assert (report["train_rows"], report["validation_rows"]) == (300, 90)
    np.testing.assert_array_equal(parameters(flow), parameters(flowir.compile(output)))
    # The likelihood that is reported is the weighted mean over the given rows.
    expected = np.average(flow.log_prob(vx, vcontext), weights=vweights)
    assert report["validation_log_likelihood"] == pytest.approx(expected, abs=1e-4)


def test_a_weight_counts_a_row_as_often() -> None:
    x, context, _ = data(60)
    counts = GENERATOR.integers(0, 4, 60)
    whole: dict[str, Any] = {
        "epochs": 20, "batch_size": 1000, "learning_rate": 1e-2, "seed": 2, "patience": None,
        "progress": False, "validation_data": (x, context)}
    weighted = make().fit(x, context, weights=counts, **whole)
    repeated = make().fit(np.repeat(x, counts, axis=0), np.repeat(context, counts, axis=0), **whole)
    plain = make().fit(x, context, **whole)
    np.testing.assert_allclose(parameters(weighted), parameters(repeated), rtol=0, atol=1e-3)
    assert np.abs(parameters(weighted) - parameters(plain)).max() > 1e-2


def test_a_flow_without_context_takes_rows_alone() -> None:
    x, _, weights = data(100)
    flow = flowir.MAF(2, transforms=1, hidden_features=[8]).fit(  # type: ignore[attr-defined]
        x, weights=weights[:, None], validation_data=x[:40], **SETTINGS)
    assert flow.report["train_rows"] == 100 and flow.report["validation_rows"] == 40
    held_out = make().fit(x, weights[:, None], validation=0.25, **SETTINGS)
    assert held_out.report["train_rows"] == 75 and held_out.report["validation_rows"] == 25
    none = make().fit(x, weights[:, None], validation=0, **SETTINGS)
    assert none.report["train_rows"] == 100 and none.report["validation_log_likelihood"] is None


def test_what_does_not_fit_is_named() -> None:
    x, context, weights = data(50)
    negative, endless, pairs = weights.copy(), weights.copy(), (x, context)
    negative[7], endless[3] = -1, np.inf
    for arguments, message in [
        ({"weights": weights[:9]}, r"weights has the shape \(9,\), expected \(50,\), one for each row of x"),
        ({"weights": x}, r"weights has the shape \(50, 2\), expected \(50,\)"),
        ({"weights": negative}, "weights has -1.0 for row 7, expected finite numbers of 0 or more"),
        ({"weights": endless}, "weights has inf for row 3"),
        ({"weights": np.zeros(50)}, "weights has only zeros"),
        ({"weights": ["a"] * 50}, "weights has the dtype <U1, expected numbers"),
        ({"validation_data": x}, r"validation_context is missing, expected the shape \(N, 1\)"),
        ({"validation_data": (x, context, x)}, r"validation_data has 3 parts, expected \(x, context\)"),
        ({"validation_data": (x[:, :1], context)}, r"validation_x has the shape \(50, 1\)"),
        ({"validation_data": (x, context[:4])}, "validation_context has 4 rows, expected 50, as validation_x"),
        ({"validation_data": (x[:0], context[:0])}, "validation_data has no rows, expected 1 or more"),
        ({"validation_data": pairs, "validation_weights": weights[:3]},
         r"validation_weights has the shape \(3,\), expected \(50,\), one for each row of validation_x"),
        ({"validation_weights": weights}, "validation_weights is given without validation_data"),
        ({"validation_data": pairs, "validation": 0.5}, "give validation or validation_data, not both"),
    ]:
        with pytest.raises(ValueError, match=message):
            make().fit(x, context, **SETTINGS, **arguments)


def test_names_of_columns_are_compared() -> None:
    pa = pytest.importorskip("pyarrow")
    x, context, _ = data(50)
    rows = pa.table({"u": x[:, 0], "g": x[:, 1]})
    given = pa.table({"z": context[:, 0]})
    swapped = rows.select(["g", "u"])
    with pytest.raises(ValueError, match="validation_data's x has the columns g, u, expected u, g, as x"):
        make().fit(rows, given, validation_data=(swapped, given), **SETTINGS)
    flow = make().fit(rows, given, validation_data=(rows, context), **SETTINGS)
    assert flow.columns == flowir.Columns(("u", "g"), ("z",))
