"""A line that shows how something goes, in a terminal or in a notebook."""

from __future__ import annotations

import sys
from typing import Any


class Progress:
    """Shows nothing."""

    @staticmethod
    def make(is_shown: bool | None) -> Progress:
        """A line; if it is not said whether one is shown, in a terminal and in a notebook."""
        if is_shown is False:
            return Progress()
        if _is_notebook():
            return NotebookProgress()
        return TerminalProgress() if is_shown or sys.stderr.isatty() else Progress()

    def show(self, text: str) -> None:
        """Shows a state; the empty text ends the line."""


class TerminalProgress(Progress):
    """A line on standard error that is drawn again in place."""

    def __init__(self) -> None:
        self._is_drawn = False

    def show(self, text: str) -> None:
        if text:
            sys.stderr.write(f"\r{text}\x1b[K")
        elif self._is_drawn:
            sys.stderr.write("\n")
        sys.stderr.flush()
        self._is_drawn = bool(text)


class NotebookProgress(Progress):
    """An output of a notebook's cell that is replaced."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, text: str) -> None:
        if not text:
            return
        from IPython.display import Pretty, display

        class Line(Pretty):
            def __repr__(self) -> str:
                return str(self.data)

        if self._handle is None:
            self._handle = display(Line(text), display_id=True)
        else:
            self._handle.update(Line(text))


def _is_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")
