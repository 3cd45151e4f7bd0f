"""Gives a wheel with an executable in it the tag of the platform that the executable is for."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Platform(BuildHookInterface):
    """The hook of the wheel; without an executable the wheel is for all platforms."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Sets the tag, which `FLOWIR_PLATFORM` may name."""
        if (Path(self.root) / "src" / "flowir" / "bin" / "flowir").exists():
            named = os.environ.get("FLOWIR_PLATFORM") or f"linux_{platform.machine()}"
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{named}"
