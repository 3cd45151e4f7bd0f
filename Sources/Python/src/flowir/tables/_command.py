"""The command line's tables."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .. import _columns, _description, _executable, _toolchain
from .._columns import Columns
from .._compile import compile
from .._errors import Error
from .._flow import CompiledFlow
from . import _matrix
from ._line import Line
from ._report import TableReport
from ._sample import sample_table
from ._score import ROWS, score_table
from ._sink import Sink, is_file
from ._source import Source, is_table

INPUTS = {
    "--input": "x", "--data": "x", "--values": "x", "--context": "context", "--context-data": "context",
    "--validation-data": "x", "--validation-context-data": "context", "--weights": "weights",
    "--validation-weights": "weights",
}


def run(arguments: list[str]) -> int:
    """Runs a command some of whose files are tables; gives the exit status.

    Raises `ValueError` for bad arguments and `Error` for all else.
    """
    line = Line.parse(arguments)
    output = line.options.get("--output")
    if output is None or not _is_output(output) or _is_discrete(line):
        return _converted(line)
    if line.command == "score":
        return _score(line, output)
    if line.command == "sample":
        if "--log-prob" not in line.options:
            return _sample(line, output)
    return _converted(line)


def _is_discrete(line: Line) -> bool:
    """Whether a model has discrete columns, of which the executable gives masses and rounded samples."""
    if line.command not in ("score", "sample") or line.model is None:
        return False
    if line.model.endswith(".so"):
        return "discrete" in compile(line.model)._artifact.description
    try:
        return _description.discrete(Path(line.model).read_bytes(), line.model) is not None
    except OSError as error:
        raise Error(f"{line.model} cannot be read: {error.strerror}") from error


def _is_output(path: str) -> bool:
    return is_table(path) or not Path(path).suffix


def _flow(line: Line) -> CompiledFlow:
    if line.model is None:
        raise ValueError(f"flowir {line.command} is missing the model")
    function = ("sample",) if line.command == "sample" else ("log_prob",)
    is_object = line.model.endswith(".so")
    return compile(
        line.model, dtype=line.options.get("--dtype", "f32"), threads=line.number("--threads", None),
        functions=None if is_object else function)


def _score(line: Line, output: str) -> int:
    if "--context" in line.options:
        raise ValueError("--context is for arrays; --context-columns names columns of the --input")
    if "--input" not in line.options:
        raise ValueError("flowir score is missing --input")
    report = score_table(
        _flow(line), line.options["--input"], output, columns=line.names("--columns"),
        context=line.names("--context-columns"), keep=line.names("--keep"),
        resume="--resume" in line.options, chunk=line.number("--chunk", ROWS) or 0)
    _summary(line, report, {
        "nulls": report.nulls, "invalid_rows": report.undefined, "outside": report.outside,
        "mean_log_prob": report.mean, "resumed": report.resumed})
    return 0


def _sample(line: Line, output: str) -> int:
    flow = _flow(line)
    rows = line.number("--rows", None)
    if rows is None:
        raise ValueError("flowir sample is missing --rows")
    given = line.options.get("--context")
    named: dict[str, Any] = {}
    if given is not None and is_table(given):
        named = {
            "source": given, "context": line.names("--context-columns"),
            "keep": line.names("--keep")}
    elif given is not None:
        if not given.endswith(".npy"):
            raise ValueError(f"--context is {given}, expected a table or .npy where samples go to a table")
        named = {"context": np.load(given)}
    report = sample_table(
        flow, output, rows, columns=line.names("--columns"), seed=line.number("--seed", 0) or 0,
        **named)
    _summary(line, report, {})
    return 0


def _summary(line: Line, report: TableReport, more: dict[str, Any]) -> None:
    rate = report.rows / report.seconds if report.seconds else 0.0
    if "--json" in line.options:
        values = {"rows": report.rows, **more, "seconds": report.seconds, "rows_per_second": rate}
        print(json.dumps({
            key: None if value != value else value for key, value in values.items()}))
    elif sys.stderr.isatty():
        text = f"{report.rows:,} rows in {report.seconds:.2f} s ({rate:,.0f} rows/s)"
        text += "".join(f"; {key} {value:,}" for key, value in more.items() if value == value and value)
        print(text, file=sys.stderr)


def _converted(line: Line) -> int:
    """Runs the executable on arrays in a temporary folder, and makes tables of its results."""
    trained = _trained(line)
    with tempfile.TemporaryDirectory(prefix="flowir-") as name:
        folder = Path(name)
        changed: dict[str, str] = {}
        columns: dict[str, list[str]] = {}
        x_table: str | None = None
        validation_table: str | None = None
        for option, role in INPUTS.items():
            path = line.options.get(option)
            if path is None or not is_table(path):
                continue
            source = Source(path)
            array = folder / f"{option.strip('-')}.npy"
            if role == "weights":
                changed[option] = str(_to_npy(source, list(source.names), array))
                continue
            if option == "--validation-data":
                validation_table = path
            elif role == "x":
                x_table = path
            asked = line.names("--columns" if role == "x" else "--context-columns")
            # Validation rows have the columns of the training rows, in whatever order theirs stand.
            known = tuple(columns.get(role, ())) if option.startswith("--validation") else ()
            names = _chosen(line, source, asked, known or getattr(trained, role), role)
            columns.setdefault(role, names)
            changed[option] = str(_to_npy(source, names, array))
        wanted = line.names("--context-columns")
        if x_table and "context" not in columns and (wanted or trained.context):
            source = Source(x_table)
            names = _chosen(line, source, wanted, trained.context, "context")
            columns["context"] = names
            option = "--context-data" if line.command == "train" else "--context"
            if option in line.options:
                raise ValueError(f"--context-columns names columns of a table, but {option} is not a table")
            changed[option] = str(_to_npy(source, names, folder / "context.npy"))
            if validation_table and "--validation-context-data" not in line.options:
                source = Source(validation_table)
                names = _chosen(line, source, names, tuple(names), "context")
                changed["--validation-context-data"] = str(
                    _to_npy(source, names, folder / "validation-context.npy"))
        if line.command == "plot" and "--names" not in line.options and "x" in columns:
            changed["--names"] = ",".join(columns["x"])
        if line.command == "train" and "x" in columns:
            for option in ("--circular", "--discrete"):
                if option in line.options:
                    changed[option] = _by_number(line.options[option], columns["x"])
        outputs = {
            option: line.options[option] for option in ("--output", "--log-prob", "--ladj")
            if is_table(line.options.get(option, ""))}
        for option in outputs:
            changed[option] = str(folder / f"result{option}.npy")
        rest = _replaced(line.rest, changed)
        status = subprocess.run(
            [str(_executable.path()), line.command, *rest], env=_toolchain.environment(is_compiling=False)).returncode
        if status:
            return status
        for option, path in outputs.items():
            _to_table(line, option, Path(changed[option]), Path(path), x_table, trained)
        if line.command == "train" and columns:
            model = Path(line.options["--output"])
            names_of = Columns(tuple(columns.get("x", ())), tuple(columns.get("context", ())))
            _description.write(model, _description.named(model.read_bytes(), names_of))
    return 0


def _by_number(text: str, names: list[str]) -> str:
    """An option that lists NAME:NUMBER or NAME, with the columns' numbers from 1 in place of their names."""
    parts = []
    for part in text.split(","):
        name, colon, number = part.rpartition(":")
        if part in names or not colon:
            name, colon, number = part, "", ""
        parts.append((str(names.index(name) + 1) if name in names else name) + colon + number)
    return ",".join(parts)


def _trained(line: Line) -> Columns:
    if line.command == "train" or line.model is None or line.model.endswith(".so"):
        return Columns()
    try:
        return _description.columns(Path(line.model).read_bytes(), line.model)
    except OSError as error:
        raise Error(f"{line.model} cannot be read: {error.strerror}") from error


def _chosen(
    line: Line, source: Source, asked: list[str] | None, trained: tuple[str, ...], role: str
) -> list[str]:
    option = "--columns" if role == "x" else "--context-columns"
    if asked is None and not trained:
        others = (line.names("--context-columns") or []) if role == "x" else []
        asked = [name for name in source.names if name not in others]
    names = _columns.resolve(asked, trained, 0, source.names, option)
    _matrix.check_types(source.schema, names)
    return names


def _replaced(rest: list[str], changed: dict[str, str]) -> list[str]:
    result, left = [], dict(changed)
    for index, argument in enumerate(rest):
        before = rest[index - 1] if index else ""
        result.append(left.pop(before) if before in left else argument)
    return result + [part for pair in left.items() for part in pair]


def _to_npy(source: Source, names: list[str], path: Path) -> Path:
    """Writes columns as a matrix in float64, chunk by chunk."""
    rows = 0
    header = np.lib.format
    with open(path, "wb") as file:
        shape = {"descr": "<f8", "fortran_order": False, "shape": (10**18, len(names))}
        header.write_array_header_1_0(file, shape)
        size = file.tell()
        for table in source.chunks(source.whole(), names, ROWS):
            file.write(_matrix.matrix(table, names, np.dtype("<f8")).tobytes())
            rows += len(table)
        file.seek(0)
        header.write_array_header_1_0(file, {**shape, "shape": (rows, len(names))})
        if file.tell() != size:
            raise Error("NumPy's header of an array has changed its size")
    return path


def _to_table(
    line: Line, option: str, found: Path, path: Path, x_table: str | None, trained: Columns
) -> None:
    """Writes an array as a table, with kept columns of the rows' table beside it."""
    values = np.load(found, mmap_mode="r")
    matrix = values.reshape(len(values), -1)
    names = {"--log-prob": ["log_prob"], "--ladj": ["ladj"]}.get(option)
    if names is None and line.command == "score":
        names = ["log_prob"]
    if names is None:
        is_x = line.command == "sample" or "--inverse" in line.options
        own = (line.names("--columns") if line.command == "sample" else None) or list(trained.x)
        letter = "x" if is_x else "z"
        names = own if is_x and own else [f"{letter}{j}" for j in range(matrix.shape[1])]
    source = Source(x_table) if x_table and line.command != "sample" else None
    kept: list[str] = []
    if source is not None:
        asked = line.names("--keep")
        kept = _columns.resolve(source.names if asked is None else asked, (), 0, source.names, "--keep")
    twice = [name for name in names if name in kept]
    if twice:
        raise Error(f"the output would have several columns {', '.join(twice)}; say which to --keep")
    if not is_file(path):
        raise Error(f"{path} is not a file of a table")
    fields = [source.schema.field(name) for name in kept] if source else []
    kind = pa.from_numpy_dtype(matrix.dtype)
    sink = Sink(path, pa.schema([*fields, *(pa.field(name, kind) for name in names)]))
    try:
        start = 0
        chunks = source.chunks(source.whole(), kept, ROWS) if source and kept else None
        while start < len(matrix):
            part = np.asarray(matrix[start:start + ROWS])
            columns = [pa.array(np.ascontiguousarray(part[:, j])) for j in range(part.shape[1])]
            beside = [] if chunks is None else next(chunks).columns
            sink.write(pa.Table.from_arrays([*beside, *columns], schema=sink.schema))
            start += len(part)
    except BaseException:
        sink.abandon()
        raise
    sink.close()
