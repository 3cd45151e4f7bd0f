"""Writes a table of random numbers for an example: `example-data FILE ROWS COLUMNS`, the columns a number
or, for a .csv file, names with commas between them. Each column leans on the one before it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np


def main(path: str, rows: str, columns: str) -> None:
    """Writes the file."""
    names = columns.split(",")
    width = int(columns) if columns.isdecimal() else len(names)
    numbers = np.random.default_rng(width).normal(size=(int(rows), width))
    for column in range(1, width):
        numbers[:, column] = 0.8 * numbers[:, column] + 0.6 * np.sin(2 * numbers[:, column - 1])
    if Path(path).suffix == ".csv":
        header = "" if columns.isdecimal() else ",".join(names)
        np.savetxt(path, numbers, delimiter=",", header=header, comments="", fmt="%.6g")
    else:
        np.save(path, numbers.astype(np.float32))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: example-data FILE ROWS COLUMNS")
    main(*sys.argv[1:])
