"""The guides run as they stand, find what they should, and leave their pictures."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

pytest.importorskip("matplotlib")
GUIDES = ROOT / "Sources" / "Python" / "guides"


def run(folder: Path, guide: str, *arguments: str | Path) -> str:
    """Runs a guide in a folder and gives what it prints."""
    result = subprocess.run(
        [sys.executable, GUIDES / guide, *arguments], cwd=folder, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def numbers(text: str, before: str) -> list[float]:
    """The numbers of the line of a text that contains some words, after them."""
    line = next(line for line in text.splitlines() if before in line)
    return [float(n) for n in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", line.split(before)[1])]


def picture(path: Path) -> None:
    """Checks that a picture is there and is not of one colour."""
    image = pytest.importorskip("matplotlib.image").imread(path)
    assert image.shape[0] > 300 and image.std() > 0.05


def test_zuko_to_native(tmp_path: Path) -> None:
    """A Zuko flow that the guide trains is compiled to the same densities."""
    pytest.importorskip("zuko")
    text = run(tmp_path, "zuko_to_native.py")
    assert numbers(text, "in float32:")[0] < 1e-3
    assert {"log_prob", "sample", "libmoons.so:"} <= {line.split()[0] for line in text.splitlines()}
    picture(tmp_path / "moons.png")


def test_photometric_redshifts(tmp_path: Path) -> None:
    """The densities of redshifts are sharp and calibrated."""
    galaxies = ROOT / "Sources" / "Examples" / "Galaxies" / "galaxies.npy"
    text = run(tmp_path, "photometric_redshifts.py", galaxies)
    assert numbers(text, "true redshift:")[0] > 1.0
    assert all(0.05 < share < 0.15 for share in numbers(text, "in each tenth:"))
    picture(tmp_path / "redshifts.png")


def test_sbi_in_seconds(tmp_path: Path) -> None:
    """The compiled posterior finds the truth, and its ranks are uniform."""
    pytest.importorskip("sbi")
    text = run(tmp_path, "sbi_in_seconds.py")
    frequency, damping, *truth = numbers(text, ": mean")
    assert abs(frequency - truth[0]) < 0.3 and abs(damping - truth[1]) < 0.3
    assert min(numbers(text, "uniform ranks:")) > 1e-4
    picture(tmp_path / "calibration.png")


def test_anomaly_spark(tmp_path: Path) -> None:
    """Most spoilt rows are among those of low density, and few stand out in a column."""
    pytest.importorskip("pyspark")
    galaxies = ROOT / "Sources" / "Examples" / "Galaxies" / "galaxies.npy"
    text = run(tmp_path, "anomaly_spark.py", galaxies)
    assert numbers(text, "scored ")[0] == 80_000
    assert numbers(text, "without a density:") == [300]
    assert numbers(text, "of lowest density:")[0] > 140
    assert numbers(text, "farthest in a column:")[0] < 80
    assert len(list((tmp_path / "scored").glob("night=*/*.parquet"))) >= 8
    picture(tmp_path / "anomalies.png")


def test_flow_prior(tmp_path: Path) -> None:
    """Both samplers find the moments of importance sampling."""
    pytest.importorskip("numpyro")
    pytest.importorskip("pymc")
    galaxies = ROOT / "Sources" / "Examples" / "Galaxies" / "galaxies.npy"
    text = run(tmp_path, "flow_prior.py", galaxies)
    assert numbers(text, "worth ")[0] > 5_000
    for name in ("NumPyro: means", "PyMC: means"):
        means, deviations = numbers(text, name)
        assert means < 0.2 and deviations < 0.15
    picture(tmp_path / "posterior.png")


def test_ten_minutes(tmp_path: Path) -> None:
    """The notebook runs as it stands, in a kernel of this environment."""
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(GUIDES / "ten_minutes.ipynb", 4)
    manager = nbclient.client.KernelManager(kernel_name="python3")
    manager.kernel_spec.argv[0] = sys.executable
    nbclient.NotebookClient(
        notebook, km=manager, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    text = "".join(output.get("text", "") for output in outputs)
    assert numbers(text, "round trip within")[0] < 1e-3
    assert numbers(text, "log|det dz/dx|, within")[0] < 1e-3
    assert numbers(text, "largest difference")[0] < 1e-3
    assert any("image/png" in output.get("data", {}) for output in outputs)
    # Progress is drawn in the notebook, and the last state stays.
    drawn = "".join(output.get("data", {}).get("text/plain", "") for output in outputs)
    assert "epoch 20/20" in drawn and "nats" in drawn
