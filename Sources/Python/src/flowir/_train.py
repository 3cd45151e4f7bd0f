"""Architectures that are trained natively, by `flowir train`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ._columns import Columns
from ._fit import TrainedFlow, Training


class Architecture:
    """A flow that is not trained yet: a class of Zuko and its constructor's arguments.

    The arguments are Zuko's own, with the same meaning and defaults. An activation is a class of torch.nn or
    its name.
    """

    kind: ClassVar[str] = "Flow"

    def __init__(self, features: int, context: int = 0, **arguments: Any) -> None:
        self.description: dict[str, Any] = {
            "type": type(self).kind, "features": features, "context": context,
            **{key: _plain(value) for key, value in arguments.items()},
        }
        """The architecture, as a JSON object of the flow description."""

    def __repr__(self) -> str:
        arguments = ", ".join(f"{k}={v!r}" for k, v in self.description.items() if k != "type")
        return f"flowir.{type(self).kind}({arguments})"

    def fit(
        self, x: Any, context: Any = None, *, weights: Any = None, validation: float | None = None,
        validation_data: Any = None, validation_weights: Any = None, epochs: int = 100,
        batch_size: int | None = None, learning_rate: float = 2e-3, schedule: str = "cosine",
        weight_decay: float = 0.0, clip_norm: float | None = None, patience: int | None = 10,
        standardize: bool | None = None, robust: bool = False,
        lower: Sequence[float] | Mapping[int | str, float] | None = None,
        upper: Sequence[float] | Mapping[int | str, float] | None = None,
        circular: Mapping[int | str, float] | None = None, discrete: Mapping[int | str, float] | None = None,
        base: str | None = None, tails: str | None = None,
        objective: str = "likelihood", memory: int | str | None = None, seed: int = 0,
        threads: int | None = None, progress: bool | None = None, dtype: Any = "float32",
    ) -> TrainedFlow:
        """Fits the flow by maximum likelihood, or by flow matching, and compiles it.

        Args:
          x: the rows, (N, D), in any units. The names of a table's columns (of pandas, Polars or Arrow)
            are kept with the model.
          context: the context of each row, (N, C).
          weights: the weight of each row, (N,): 2 counts a row twice, and 0 leaves it out.
          validation: the share of rows to hold out, 0.1 if left out; the parameters that were best on them
            are kept.
          validation_data: the rows to judge epochs on, instead of a share of x: their x, or (x, context).
          validation_weights: the weight of each of them.
          epochs: how many times to go through the data at most.
          batch_size: rows in a step; 64 for small data to 512 for large if left out.
          learning_rate: Adam's learning rate at the start.
          schedule: how it changes: constant, cosine or step.
          weight_decay: decoupled weight decay (AdamW).
          clip_norm: the largest norm of the gradient.
          patience: stop after this many epochs without a better validation likelihood; None for never.
          standardize: whether the flow, and the net of its context, begin with (x - mean) / deviation of
            each column; if left out, all flows do but NCSF, whose features are angles.
          robust: take medians and quartiles instead, which a few far rows do not change.
          lower: the lower bound of each feature, -inf for none, or those of some by their name or place, such as
            {"mass": 0}. No sample is below, and the density there is 0.
          upper: the upper bounds, inf for none, in the same way.
          circular: the periods of features of `NSF` that are on a circle, by their name or place, such as
            {"hour": 24, 2: 360}.
          discrete: the steps of features whose numbers are those of a grid, by their name or place, such as
            {"count": 1}. Noise that is uniform over a cell is added, new in each epoch; `log_prob` is then the
            density of numbers with noise, and the command `flowir score` gives the log of a cell's mass.
          base: "student-t", with degrees of freedom that are learnt for each feature, "logistic" or "laplace", for
            tails that are heavier than a normal base's.
          tails: what makes heavy tails light before the flow: "learnt", with a weight for the upper and one for the
            lower tail of each feature, or "asinh".
          objective: "likelihood", or "flow-matching" for `CNF`, whose steps are far cheaper.
          memory: how many bytes rows may take while the flow is trained, such as 2 << 30 or "2G", 1 MB at least;
            more are streamed from a temporary file, in pools of blocks that are shuffled. Three quarters of the
            machine's or container's if left out. What `x` itself takes is not counted: give one that
            `np.load(…, mmap_mode="r")` maps where that matters.
          seed: the seed of parameters, split and shuffles.
          threads: how many threads to use; one a processor if left out.
          progress: whether to show how it goes; if left out, in a terminal and in a notebook.
          dtype: the float type of the compiled flow. Training computes in float32.

        Raises `ValueError` for arrays that do not fit and `Error` for what the command refuses.

        >>> import flowir
        >>> import numpy as np
        >>> generator = np.random.default_rng(0)
        >>> c = generator.normal(size=(2_000, 1))
        >>> x = np.concatenate([c, c**2], axis=1) + 0.1 * generator.normal(size=(2_000, 2))
        >>> flow = flowir.NSF(features=2, context=1, transforms=1).fit(x, c, epochs=3, seed=1)
        >>> flow.report["epochs"], flow.sample(100, c[:5], seed=1).shape
        (3, (100, 5, 2))
        """
        training = Training(
            weights=weights, validation=validation, validation_data=validation_data,
            validation_weights=validation_weights, epochs=epochs, batch_size=batch_size,
            learning_rate=learning_rate, schedule=schedule, weight_decay=weight_decay, clip_norm=clip_norm,
            patience=patience, objective=objective, memory=memory, seed=seed, threads=threads, progress=progress,
            dtype=dtype)

        def start(folder: Path, names: Columns) -> list[str | os.PathLike[str]]:
            (folder / "flow.json").write_text(json.dumps(self.description))
            arguments: list[str | os.PathLike[str]] = ["--config", folder / "flow.json"]
            for key, value in (("base", base), ("tails", tails)):
                if value is not None:
                    arguments += [f"--{key}", value]
            if standardize is not None:
                arguments.append("--standardize" if standardize else "--no-standardize")
            if robust:
                arguments.append("--robust")
            for key, bounds in (("lower", lower), ("upper", upper)):
                given: list[str] = []
                if isinstance(bounds, Mapping):
                    given = [
                        f"{_place(column, names.x, key)}={float(bound)!r}" for column, bound in bounds.items()]
                elif bounds is not None:
                    given = [repr(float(bound)) for bound in bounds]
                if given:
                    arguments += [f"--{key}", ",".join(given)]
            for key, numbers in (("circular", circular), ("discrete", discrete)):
                if numbers:
                    arguments += [f"--{key}", ",".join(
                        f"{_place(column, names.x, key)}:{float(number)!r}" for column, number in numbers.items())]
            return arguments

        return training.run(
            x, context, (self.description["features"], self.description["context"]), Columns(), start)


def _plain(value: Any) -> Any:
    """An argument as JSON: classes by name, tuples as lists, arrays as lists."""
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value.tolist() if hasattr(value, "tolist") else value


def _place(key: int | str, names: Sequence[str], what: str) -> int:
    """The number from 1 of a column that is given by its name or its place from 0."""
    if isinstance(key, str):
        if key not in names:
            raise ValueError(f"{what} has the column {key!r}, expected a place or one of {list(names)}")
        return list(names).index(key) + 1
    if key < 0:
        raise ValueError(f"{what} has the place {key}, expected 0 or more")
    return int(key) + 1


def _architecture(name: str, summary: str) -> type[Architecture]:
    return type(name, (Architecture,), {
        "kind": name, "__doc__": summary, "__module__": "flowir"})


MAF = _architecture("MAF", "A masked autoregressive flow.")
NSF = _architecture("NSF", "A neural spline flow.")
NCSF = _architecture("NCSF", "A neural circular spline flow, of features in [-pi, pi).")
NICE = _architecture("NICE", "A coupling flow of affine transforms.")
RealNVP = _architecture("RealNVP", "A coupling flow of affine transforms, as NICE.")
SOSPF = _architecture("SOSPF", "A sum-of-squares polynomial flow.")
BPF = _architecture("BPF", "A Bernstein polynomial flow.")
GF = _architecture("GF", "A Gaussianization flow.")
NAF = _architecture("NAF", "A neural autoregressive flow.")
UNAF = _architecture("UNAF", "An unconstrained neural autoregressive flow.")
CNF = _architecture("CNF", "A continuous normalizing flow.")
GMM = _architecture("GMM", "A Gaussian mixture.")
