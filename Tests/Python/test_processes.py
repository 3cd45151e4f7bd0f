"""The compiled flow: pickling, children of a fork, threads."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys
import threading
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


def normal(*shape: int) -> Any:
    return GENERATOR.standard_normal(shape)


def test_objects_pickle_by_content(flow: flowir.CompiledFlow, tmp_path: Path) -> None:
    x, c = normal(9, 3), normal(2)
    flow.save(tmp_path / "libmodel.so")
    loaded = flowir.compile(tmp_path / "libmodel.so", threads=1)
    for original in (flow, loaded):
        data = pickle.dumps(original)
        script = "import pickle, sys; sys.stdout.buffer.write(pickle.load(open(sys.argv[1], 'rb')).log_prob("
        script += f"{x.tolist()}, {c.tolist()}).tobytes())"
        (tmp_path / "flow.pickle").write_bytes(data)
        source = str(Path(flowir.__file__).parents[1])
        found = subprocess.run(
            [sys.executable, "-c", script, tmp_path / "flow.pickle"], check=True, capture_output=True,
            env={**os.environ, "PYTHONPATH": source}).stdout
        np.testing.assert_array_equal(np.frombuffer(found, "f4"), original.log_prob(x, c))


def test_flows_survive_fork(flow: flowir.CompiledFlow) -> None:
    x, c = normal(20_000, 3), normal(2)
    torch.randn(500, 500) @ torch.randn(500, 500)  # PyTorch's OpenMP has threads too.
    expected = flow.log_prob(x, c)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        results = pool.starmap_async(flow.log_prob, [(x, c)] * 4).get(timeout=60)
    for found in results:
        np.testing.assert_array_equal(found, expected)


FORK_BESIDE_SCIKIT_LEARN = """
import os, sys
os.environ["KMP_INIT_AT_FORK"] = "FALSE"  # As scikit-learn sets it when it is imported.
import flowir, multiprocessing, numpy
flow, x, c = flowir.compile(sys.argv[1]), numpy.zeros((20_000, 3), "f4"), numpy.zeros(2, "f4")
expected = flow.log_prob(x, c)
with multiprocessing.get_context("fork").Pool(2) as pool:
    for found in pool.starmap_async(flow.log_prob, [(x, c)] * 4).get(timeout=60):
        numpy.testing.assert_array_equal(found, expected)
"""


def test_flows_survive_fork_beside_scikit_learn(flow: flowir.CompiledFlow, tmp_path: Path) -> None:
    library = tmp_path / "libmodel.so"
    flow.save(library)
    subprocess.run([sys.executable, "-c", FORK_BESIDE_SCIKIT_LEARN, library], check=True, timeout=120)


FORK_WITHOUT_THE_FILE = """
import os, sys, flowir, numpy, pathlib
flow, x, c = flowir.compile(sys.argv[1]), numpy.zeros((20_000, 3), "f4"), numpy.zeros(2, "f4")
expected = flow.log_prob(x, c)
pathlib.Path(sys.argv[1]).unlink()
child = os.fork()
if child == 0:
    os._exit(0 if numpy.array_equal(flow.log_prob(x, c), expected) else 3)
os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.parametrize("compiler", ["clang", "gcc"])
def test_a_child_needs_no_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, compiler: str
) -> None:
    """GCC's runtime must not be asked for threads in a child, which is known without the object's file."""
    if shutil.which(compiler) is None:
        pytest.skip(f"there is no {compiler}")
    monkeypatch.setenv("CC", compiler)
    library = tmp_path / "libmodel.so"
    flowir.compile(build("NSF")).save(library)
    found = subprocess.run(
        [sys.executable, "-c", FORK_WITHOUT_THE_FILE, library], timeout=120, capture_output=True, text=True)
    assert found.returncode == 0 and not found.stderr, found.stderr


def test_other_threads_run_during_a_call(flow: flowir.CompiledFlow) -> None:
    x, c = normal(2_000_000, 3).astype("f4"), normal(2)
    count, done = 0, threading.Event()

    def work() -> None:
        flow.log_prob(x, c)
        done.set()

    worker = threading.Thread(target=work)
    worker.start()
    while not done.wait(1e-4):
        count += 1
    worker.join()
    assert count > 10


def test_threads_have_the_same_bits(flow: flowir.CompiledFlow) -> None:
    x, c = normal(5000, 3), normal(2)
    expected = flow.log_prob(x, c)
    for threads in (1, 2, 3):
        flow.threads = threads
        np.testing.assert_array_equal(flow.log_prob(x, c), expected)
    flow.threads = None
