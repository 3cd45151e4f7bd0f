"""Runs of `flowir train`: what they are told, and `fit`, which goes on from a flow that exists."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import _build, _columns, _compile, _dtypes, _executable, _toolchain
from ._columns import Columns
from ._description import architecture, named, units_need_float64
from ._description import columns as columns_of
from ._errors import Error
from ._flow import CompiledFlow
from ._progress import Progress
from ._training_rows import TrainingRows, validation_rows

_WARNING = "flowir: warning: "
_DRAWN = b"\x1b[K"  # What a state that the executable draws ends in.


@dataclass(frozen=True, kw_only=True)
class Training:
    """What every run is told; the names are those of `fit`."""

    weights: Any
    validation: float | None
    validation_data: Any
    validation_weights: Any
    epochs: int
    batch_size: int | None
    learning_rate: float
    schedule: str
    weight_decay: float
    clip_norm: float | None
    patience: int | None
    objective: str
    memory: int | str | None
    seed: int
    threads: int | None
    progress: bool | None
    dtype: Any

    def run(
        self, x: Any, context: Any, sizes: tuple[int, int], trained: Columns,
        start: Callable[[Path, Columns], list[str | os.PathLike[str]]],
    ) -> TrainedFlow:
        """Trains and compiles.

        `sizes` are the numbers of features and of context features, and `trained` the names of the columns that
        the flow is known to read. `start` gives the options that say what training starts from, for a folder to
        write files to and the names of the columns.
        """
        x = _columns.in_order(x, lambda: trained.x, "x")
        context = _columns.in_order(context, lambda: trained.context, "context")
        rows = TrainingRows.make(x, context, self.weights, sizes)
        names = Columns(rows.names.x or trained.x, rows.names.context or trained.context)
        judged = validation_rows(self.validation_data, self.validation_weights, sizes, names)
        if judged is not None and self.validation is not None:
            raise ValueError("give validation or validation_data, not both")
        is_judged = judged is not None or self.validation != 0
        with tempfile.TemporaryDirectory(prefix="flowir-") as name:
            folder = Path(name)
            output = folder / "model.safetensors"
            arguments: list[str | os.PathLike[str]] = ["train", "--output", output, "--json", "--progress"]
            arguments += start(folder, names)
            arguments += rows.write(folder)
            if judged is not None:
                arguments += judged.write(folder, "validation-")
            options = {
                "validation": self.validation, "epochs": self.epochs, "batch-size": self.batch_size,
                "learning-rate": self.learning_rate, "schedule": self.schedule,
                "weight-decay": self.weight_decay, "objective": self.objective, "clip-norm": self.clip_norm,
                "patience": self.patience if is_judged else None, "memory": self.memory, "seed": self.seed,
                "threads": self.threads,
            }
            for key, value in options.items():
                if value is not None:
                    arguments += [f"--{key}", str(value)]
            printed, notes = _run(arguments, Progress.make(self.progress).show)
            report = json.loads(printed)
            model = output.read_bytes()
            for note in notes:
                warnings.warn(rows.worded(note, folder), stacklevel=3)
        if names.x or names.context:
            model = named(model, names)
        if _dtypes.short(self.dtype) == "f32" and units_need_float64(model):
            warnings.warn(
                "the columns' centres need float64, which x loses as float32; give dtype='float64'",
                stacklevel=3)
        target = _build.Target.make(_dtypes.short(self.dtype), "native", None)
        made = _compile._compiled(model, target, self.threads)
        return TrainedFlow(
            made._artifact, model=model, target=made._target, threads=self.threads, report=report)


class TrainedFlow(CompiledFlow):
    """A compiled flow that was trained here."""

    def __init__(self, *arguments: Any, report: dict[str, Any], **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.report = report
        """How training went: epochs, best_epoch, train_log_likelihood and validation_log_likelihood
        (means in nats over the rows that have a finite density), train_rows, validation_rows and how many
        of them have none (train_rows_without_density, validation_rows_without_density),
        rows_per_second. After flow matching also train_matching_loss and validation_matching_loss, and of how
        many rows the log-likelihoods are (train_rows_scored, validation_rows_scored)."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (super().__reduce__(), self.report)


def _restore(compiled: tuple[Any, ...], report: dict[str, Any]) -> TrainedFlow:
    function, arguments = compiled
    flow = function(*arguments)
    return TrainedFlow(
        flow._artifact, model=flow._model, target=flow._target, threads=flow.threads, report=report)


def fit(
    flow: Any, x: Any, context: Any = None, *, weights: Any = None, validation: float | None = None,
    validation_data: Any = None, validation_weights: Any = None, epochs: int = 100,
    batch_size: int | None = None, learning_rate: float = 2e-3, schedule: str = "cosine",
    weight_decay: float = 0.0, clip_norm: float | None = None, patience: int | None = 10,
    objective: str = "likelihood", memory: int | str | None = None, seed: int = 0,
    threads: int | None = None, progress: bool | None = None, dtype: Any = "float32",
) -> TrainedFlow:
    """Trains a flow that exists, from its parameters on, and compiles it; the flow itself is left as it is.

    Args:
      flow: a live flow of Zuko, nflows, normflows, flowjax or sbi, the path of a model file, a `Description`, or
        a compiled flow. Its architecture, units, bounds and the columns on circles and grids stay.
      x: the rows, (N, D), in the units of the flow's own x. The columns of a table are found by the names that the
        flow was trained on, if they are known.
      context: the context of each row, (N, C).

    The other arguments are those of `Architecture.fit`. A live flow is compared with what was read from it on 64
    rows first, as in `compile`.

    Raises `ValueError` for arrays that do not fit and `Error` for a flow that can't be read or trained, and if no
    epoch is better than the flow that was given.

    >>> import flowir
    >>> import numpy as np
    >>> import zuko
    >>> x = np.random.default_rng(0).normal(size=(2_000, 2)).astype("float32") + 3
    >>> theirs = zuko.flows.MAF(features=2, transforms=1, hidden_features=[16])
    >>> ours = flowir.fit(theirs, x, epochs=5, learning_rate=1e-2, seed=1)
    >>> bool(ours.log_prob(x).mean() > flowir.compile(theirs).log_prob(x).mean() + 1)
    True
    >>> back = ours.to_zuko()
    """
    training = Training(
        weights=weights, validation=validation, validation_data=validation_data,
        validation_weights=validation_weights, epochs=epochs, batch_size=batch_size,
        learning_rate=learning_rate, schedule=schedule, weight_decay=weight_decay, clip_norm=clip_norm,
        patience=patience, objective=objective, memory=memory, seed=seed, threads=threads, progress=progress,
        dtype=dtype)
    model = _compile.model_file(flow)
    described = architecture(model, "the flow")

    def start(folder: Path, names: Columns) -> list[str | os.PathLike[str]]:
        (folder / "start.safetensors").write_bytes(model)
        return ["--from", folder / "start.safetensors"]

    return training.run(
        x, context, (described["features"], described.get("context", 0)), columns_of(model, "the flow"), start)


def _run(arguments: list[str | os.PathLike[str]], show: Callable[[str], None]) -> tuple[str, list[str]]:
    """Runs the executable; `show` gets each state that it draws on standard error.

    Returns what it printed, and its warnings.
    """
    process = subprocess.Popen(
        [str(_executable.path()), *map(str, arguments)], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_toolchain.environment())
    assert process.stdout is not None and process.stderr is not None
    text, line = b"", b""
    try:
        while part := os.read(process.stderr.fileno(), 65536):
            text += part
            states = (line + part).split(b"\r")
            line = states[-1]
            whole = [one for one in states if one.endswith(_DRAWN)]
            if whole:
                show(whole[-1].removesuffix(_DRAWN).decode())
        output = process.stdout.read().decode()
        status = process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        show("")
        process.stdout.close()
        process.stderr.close()
    lines = text.replace(b"\r", b"\n").decode(errors="replace").splitlines()
    if status:
        plain = [one for one in lines if not one.startswith("epoch ")]
        raise Error(_executable.message("\n".join(plain)) or f"flowir train ended by {status}")
    return output, [one.removeprefix(_WARNING) for one in lines if one.startswith(_WARNING)]
