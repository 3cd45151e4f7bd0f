"""Importance weights of samples in memory."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import flowir
import numpy as np
import pytest

# Shape, count; ArviZ 0.23.4's `psislw`: k, the sum of squares and the largest of its weights, and Kish's size.
REFERENCES = [
    (0.3, 1_000, 0.33685397318586036, 0.0012065227050370624, 0.007047369135692388, 830.7899058332249),
    (0.9, 1_000, 0.8602743264669039, 0.02824741949621158, 0.1423490821351557, 26.376638989895785),
    (0.5, 40, 0.41451982448916674, 0.034427268611922204, 0.09532417344385676, 29.26955188099878),
    (1.4, 5_000, 1.3002491276793955, 0.1776434148432233, 0.3924924685689654, 5.845820307027423),
]


@pytest.mark.parametrize("reference", REFERENCES)
def test_pareto_k_and_smoothed_weights_are_those_of_arviz(reference: tuple[float, ...]) -> None:
    shape, count, k, squares, largest, size = reference
    place = np.arange(1, count + 1) * 0.6180339887498949
    weights = flowir.ImportanceWeights(-shape * np.log1p(-(place - np.floor(place))) - 700)
    smoothed = weights.smoothed
    found = [weights.pareto_k, smoothed.sum(), (smoothed**2).sum(), smoothed.max(), weights.effective_sample_size]
    np.testing.assert_allclose(found, [k, 1, squares, largest, size], rtol=1e-9)


def test_a_shifted_normal_has_the_size_and_constant_of_the_closed_form() -> None:
    x, shift = np.random.default_rng(8).normal(size=40_000), 0.5
    weights = flowir.ImportanceWeights(np.log(7) - (x - shift) ** 2 / 2, -(x**2) / 2)
    # The mean of the squared weights over that of the weights, squared, is exp(shift²).
    assert abs(weights.effective_sample_size / 40_000 - np.exp(-shift**2)) < 0.02
    assert abs(weights.log_mean - np.log(7)) < 5 * weights.log_mean_error
    assert weights.log_mean_error == pytest.approx(np.sqrt((np.exp(shift**2) - 1) / 40_000), rel=0.05)
    assert weights.pareto_k < 0.5 and weights.normalized.sum() == pytest.approx(1, abs=1e-12)


def test_numbers_that_are_no_weights_are_named_and_take_no_part() -> None:
    weights = flowir.ImportanceWeights([0, np.nan, np.inf, -np.inf, 0], np.zeros(5))
    assert weights.invalid.tolist() == [1, 2] and weights.count == 3
    np.testing.assert_array_equal(weights.normalized, [0.5, np.nan, np.nan, 0, 0.5])
    assert weights.effective_sample_size == 2 and weights.pareto_k == np.inf
    assert weights.log_mean == pytest.approx(np.log(2 / 3), abs=1e-15)
    np.testing.assert_array_equal(weights.smoothed, weights.normalized)
    none = flowir.ImportanceWeights([-np.inf, -np.inf])
    assert none.effective_sample_size == 0 and np.isnan(none.normalized).all() and none.log_mean == -np.inf
    empty = flowir.ImportanceWeights([])
    assert empty.effective_sample_size == 0 and np.isnan(empty.log_mean) and empty.pareto_k == np.inf


def test_what_does_not_fit_is_an_error() -> None:
    with pytest.raises(ValueError, match="3 log-densities of the target, 2 of the flow"):
        flowir.ImportanceWeights(np.zeros(3), np.zeros(2))
    with pytest.raises(ValueError, match=r"log_prob: found an array of shape \(3, 2\)"):
        flowir.ImportanceWeights(np.zeros(3), np.zeros((3, 2)))


def test_the_figures_are_those_of_the_command(tmp_path: Path) -> None:
    def command(*arguments: Any) -> Any:
        found = subprocess.run(
            [os.environ["FLOWIR_EXECUTABLE"], *map(str, arguments)], capture_output=True, text=True, check=True)
        return json.loads(found.stdout) if "--json" in arguments else None

    np.save(tmp_path / "data.npy", np.random.default_rng(1).normal(size=(400, 2)).astype("f4"))
    model, x, log_prob = (tmp_path / name for name in ("m.safetensors", "x.npy", "log_prob.npy"))
    command("train", "--flow", "MAF", "--data", tmp_path / "data.npy", "--epochs", 2, "--output", model)
    sample = (
        "sample", model, "--rows", 3_000, "--seed", 1, "--output", x, "--log-prob", log_prob, "--dtype", "f64")
    command(*sample)
    target = -1.5 * np.abs(np.load(x).astype("f8")).sum(1)
    np.save(tmp_path / "target.npy", target)
    log = ("--log-target", tmp_path / "target.npy", "--weights", tmp_path / "w.npy")
    summary = command(*sample, *log, "--json")
    weights = flowir.ImportanceWeights(target, np.load(log_prob).ravel())
    np.testing.assert_allclose(np.load(tmp_path / "w.npy").ravel(), weights.normalized, rtol=1e-9)
    names = ["effective_sample_size", "pareto_k", "log_mean_weight", "log_mean_weight_error"]
    own = [weights.effective_sample_size, weights.pareto_k, weights.log_mean, weights.log_mean_error]
    np.testing.assert_allclose([summary[name] for name in names], own, rtol=1e-9)
    command(*sample, *log, "--smooth-weights")
    np.testing.assert_allclose(np.load(tmp_path / "w.npy").ravel(), weights.smoothed, rtol=1e-8)
