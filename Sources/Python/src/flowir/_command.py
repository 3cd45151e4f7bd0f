"""The command `flowir` of the wheel: the same executable, to which tables of Parquet and Arrow are handed.

What the executable does not read is converted beside it: tables that come in to .npy files in a temporary
folder, results back to tables. `score` and `sample` stream tables from and to each other without that.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import NoReturn

from . import _executable, _toolchain
from ._errors import Error

ENDINGS = (".parquet", ".pq", ".feather", ".arrow", ".ipc")
COMMANDS = ("train", "score", "sample", "transform", "gradient", "plot", "check", "dump")
OWN = ("--columns", "--context-columns", "--keep")

HELP = """
TABLES (read and written by the Python package):
  Files may be .parquet, .feather or .arrow wherever they may be .npy.
  --columns <a,b,…>       The columns that are the features, in the flow's order; left out
                          for those that the model was trained on.
  --context-columns <…>   The same for the context; of the rows' table, unless the
                          context has a file of its own.
  --keep <a,b,…>          The columns to copy to the output; all if left out.
"""


def main() -> NoReturn:
    """Runs the executable with the same arguments, or does what has to do with tables."""
    arguments = sys.argv[1:]
    try:
        executable = str(_executable.path())
        if arguments[:1] and arguments[0] in COMMANDS:
            if "--help" in arguments or "-h" in arguments:
                status = subprocess.run([executable, *arguments]).returncode
                print(HELP)
                sys.exit(status)
            if _has_tables(arguments[1:]):
                from .tables import _command

                sys.exit(_command.run(arguments))
        os.execve(executable, [executable, *arguments], _toolchain.environment(is_compiling=False))
    except Error as error:
        _fail(str(error), 1)
    except ValueError as error:
        _fail(str(error), 2)
    except OSError as error:
        _fail(f"{error.filename or 'the executable'}: {error.strerror}", 1)
    except KeyboardInterrupt:
        sys.exit(130)


def _has_tables(arguments: list[str]) -> bool:
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name in OWN or (value or name).lower().endswith(ENDINGS):
            return True
    return False


def _fail(text: str, status: int) -> NoReturn:
    print(f"flowir: {text}", file=sys.stderr)
    sys.exit(status)
