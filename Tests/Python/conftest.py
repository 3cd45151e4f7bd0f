"""What the tests share: the package from its source, a build of the executable, and a cache that is kept
between runs beside the build."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Sources" / "Python" / "src"))

if "FLOWIR_EXECUTABLE" not in os.environ:
    builds = [ROOT / ".build" / kind / "flowir" for kind in ("debug", "release")]
    newest = max((p for p in builds if p.exists()), key=lambda p: p.stat().st_mtime, default=builds[0])
    os.environ["FLOWIR_EXECUTABLE"] = str(newest)
os.environ.setdefault("FLOWIR_CACHE", str(ROOT / ".build" / "python-cache"))
# Two processors are shared by PyTorch, the flows and compilers.
os.environ.setdefault("OMP_NUM_THREADS", "2")
