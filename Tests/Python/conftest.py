"""What the tests share: the package from its source, a build of the executable, and a cache that is kept
between runs beside the build."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "Sources" / "Python" / "src"
sys.path.insert(0, str(SOURCE))
# Processes that tests start find the package as well.
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(SOURCE), *filter(None, [os.environ.get("PYTHONPATH")])])

if "FLOWIR_EXECUTABLE" not in os.environ:
    builds = [ROOT / ".build" / kind / "flowir" for kind in ("debug", "release")]
    newest = max((p for p in builds if p.exists()), key=lambda p: p.stat().st_mtime, default=builds[0])
    os.environ["FLOWIR_EXECUTABLE"] = str(newest)
os.environ.setdefault("FLOWIR_CACHE", str(ROOT / ".build" / "python-cache"))
# Two processors are shared by PyTorch, the flows and compilers.
os.environ.setdefault("OMP_NUM_THREADS", "2")

IS_COMPLETE = bool(os.environ.get("FLOWIR_NO_SKIPS"))
"""Whether a test that is skipped fails, as in CI, where every library is installed."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fails a test that is skipped where all must run."""
    return _whole((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Fails a file that is skipped where all must run."""
    return _whole((yield))


def _whole(report: Any) -> Any:
    if IS_COMPLETE and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, where FLOWIR_NO_SKIPS says that all must run: {report.longrepr}"
    return report
