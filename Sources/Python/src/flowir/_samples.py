"""Samples of several contexts, cut as one likes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._arrays import Array

if TYPE_CHECKING:
    from ._flow import CompiledFlow


def draw(
    flow: CompiledFlow, contexts: Array | None, count: int, seed: int, first_row: int, start: int, x: Array,
    log_prob: Array | None,
) -> None:
    """The rows from `start` on of all samples of some contexts, `count` for each, as many as x has.

    Their bits are the same however the rows are cut.
    """
    stop = start + len(x)
    if contexts is None or len(contexts) == 1:
        flow._call("sample", seed, first_row + start, contexts, len(x), flow._count(contexts), x, log_prob)
        return
    while start < stop:
        # The rest of a context's samples, all samples of several contexts, or the first of the last one.
        context, place = divmod(start, count)
        whole = 0 if place else (stop - start) // count
        number, each = (whole, count) if whole else (1, min(count - place, stop - start))
        rows = number * each
        value = None if log_prob is None else log_prob[:rows]
        flow._call(
            "sample_each", seed, first_row + start, contexts[context:context + number], number, each,
            x[:rows], value)
        x, start = x[rows:], start + rows
        log_prob = None if log_prob is None else log_prob[rows:]
