"""Samples of several contexts, cut as one likes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._arrays import Array

if TYPE_CHECKING:
    from ._flow import CompiledFlow

PER_CALL = 256
"""From so many samples a context is it cheaper to call once for each context."""


def draw(
    flow: CompiledFlow, contexts: Array | None, count: int, seed: int, first_row: int, start: int, x: Array,
    log_prob: Array | None,
) -> None:
    """The rows from `start` on of all samples of some contexts, `count` for each, as many as x has.

    Their bits are the same however the rows are cut. A context that all rows of a call share is rounded in
    another order than one of each row: it is `count`, and not the cut, that decides which it is.
    """
    stop = start + len(x)
    if contexts is None or len(contexts) == 1:
        flow._call("sample", seed, first_row + start, contexts, len(x), flow._count(contexts), x, log_prob)
        return
    is_shared = count >= PER_CALL
    step = count if is_shared else PER_CALL * 64
    while start < stop:
        end = min((start // step + 1) * step, stop)
        which = np.arange(start, end) // count
        given = contexts[which[:1]] if is_shared else contexts[which]
        made, rest = x[:end - start], x[end - start:]
        value = None if log_prob is None else log_prob[:end - start]
        if len(made) == 1 and not is_shared:
            _draw_one(flow, given, seed, first_row + start, made, value)
        else:
            flow._call(
                "sample", seed, first_row + start, given, len(made), len(given), made, value)
        x, start = rest, end
        log_prob = None if log_prob is None else log_prob[len(made):]


def _draw_one(
    flow: CompiledFlow, context: Array, seed: int, row: int, x: Array, log_prob: Array | None
) -> None:
    """One row, drawn with the next one, since a lone row's context would be taken for a shared one."""
    pair, values = np.empty((2, flow.features), flow.dtype), np.empty(2, flow.dtype)
    flow._call("sample", seed, row, np.repeat(context, 2, axis=0), 2, 2, pair, values)
    x[:] = pair[:1]
    if log_prob is not None:
        log_prob[:] = values[:1]
