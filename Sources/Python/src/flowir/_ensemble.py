"""Mixtures of flows, by `flowir ensemble`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from . import _build, _dtypes, _executable
from ._compile import _compiled, save
from ._flow import CompiledFlow


def ensemble(
    flows: Sequence[Any], weights: Sequence[float] | None = None, *, dtype: Any = "float32",
    cpu: str = "native", threads: int | None = None, functions: Iterable[str] | None = None,
) -> CompiledFlow:
    """Joins flows to a weighted mixture and compiles it.

    The density is the weighted mean of the flows' densities; a sample is a sample of one of them, chosen by
    the weights for each row. A row costs as much to score as with all flows one after the other, and about
    twice that to sample.

    Args:
      flows: what `compile` takes: live flows, descriptions, model files, compiled flows that hold their
        parameters; all of the same features and context features.
      weights: a positive number for each, which need not add up to 1; all count alike if left out.
      dtype: the float type to compute in, float32 or float64.
      cpu: the processor, as in `compile`.
      threads: the number of threads of a call; one a processor if left out.
      functions: the functions that are compiled, as in `compile`.

    Raises `ValueError` for another number of weights than of flows, and `Error` for flows that do not fit each
    other.

    >>> import flowir
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(2_000, 2)).astype("float32")
    >>> flows = [flowir.MAF(features=2, transforms=1).fit(x, epochs=2, seed=seed) for seed in (1, 2)]
    >>> both = flowir.ensemble(flows, [3, 1], dtype="float64")
    >>> each = [flowir.compile(flow, dtype="float64").log_prob(x[:5]) for flow in flows]
    >>> mean = np.log(0.75 * np.exp(each[0]) + 0.25 * np.exp(each[1]))
    >>> bool(np.allclose(both.log_prob(x[:5]), mean, atol=1e-9))
    True
    """
    flows = list(flows)
    if not flows:
        raise ValueError("flows is empty, expected 1 flow or more")
    if weights is not None and len(weights) != len(flows):
        raise ValueError(f"weights has {len(weights)} numbers, expected {len(flows)}, one for each flow")
    if threads is not None and threads < 1:
        raise ValueError(f"threads is {threads}, expected 1 or more")
    target = _build.Target.make(_dtypes.short(dtype), cpu, functions)
    with tempfile.TemporaryDirectory(prefix="flowir-") as name:
        folder = Path(name)
        members: list[str | os.PathLike[str]] = []
        for index, flow in enumerate(flows):
            members.append(folder / f"flow-{index}.safetensors")
            save(flow, members[-1])
        options: list[str | os.PathLike[str]] = ["--output", folder / "ensemble.safetensors"]
        if weights is not None:
            options += ["--weights", ",".join(repr(float(weight)) for weight in weights)]
        _executable.run("ensemble", *members, *options)
        model = (folder / "ensemble.safetensors").read_bytes()
    return _compiled(model, target, threads)
