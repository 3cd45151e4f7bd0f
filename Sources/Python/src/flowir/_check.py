"""The comparison of a live flow with what is made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from . import _build, _cache, _executable
from ._abi import Artifact
from ._errors import Error
from .loaders import Live

ROWS = 64
"""The rows that are compared."""


def check(live: Live, model: bytes) -> None:
    """Compares log-densities on 64 rows in float64; raises `Error` if one differs.

    What has been compared once, and is the same to the byte, is not compared again.
    """
    key = _cache.key("checked", model, _executable.identity(), live.library)
    _cache.entry(key, lambda folder: _compare(live, model))


def _compare(live: Live, model: bytes) -> None:
    model = model if live.compared is None else live.compared.encode()
    path: Path = _build.build(model, _build.Target("f64", "native", ("log_prob",)))
    artifact = Artifact(path)
    x, context = live.reference.rows(ROWS)
    expected = live.reference.log_prob(x, context)
    found = np.empty(len(x))
    x = np.ascontiguousarray(x, np.float64)
    if context is not None:
        context = np.ascontiguousarray(context, np.float64)
    artifact.call(
        "log_prob", None, x, context, len(x), 0 if context is None else len(context), found)
    # Outside a domain the libraries give NaN or -inf; here it is -inf.
    is_outside = ~np.isfinite(expected)
    error = np.where(is_outside, 0, np.abs(found - expected) / (1 + np.abs(expected)))
    error = np.where(is_outside == ~np.isfinite(found), error, np.inf)
    if is_outside.all():
        raise Error(
            f"the {live.library} flow gives no density on any of {ROWS} rows, so that it cannot be "
            "compared with what was made of it")
    row = int(np.argmax(np.nan_to_num(error, nan=np.inf)))
    if not error[row] <= live.reference.tolerance:
        raise Error(
            f"what was made of the {live.library} flow differs from it: log p(x) is {found[row]:.10g} "
            f"instead of {expected[row]:.10g} at x = {np.array2string(x[row], precision=4)}; one of its "
            "parts computes something else than its class says")
