"""The command `flowir` of the wheel: the same executable."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from . import _executable
from ._errors import Error


def main() -> NoReturn:
    """Replaces this process by the executable, with the same arguments."""
    try:
        executable = str(_executable.path())
    except Error as error:
        print(f"flowir: {error}", file=sys.stderr)
        sys.exit(1)
    os.execv(executable, [executable, *sys.argv[1:]])
