"""Samples inside a support, drawn for many conditions at once."""

from __future__ import annotations

import importlib
import logging
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

ROWS = 1 << 20
"""The most rows that are drawn at once."""

Draw = Callable[[int, Any], Any]
"""Draws so many samples [n, m, D] for each of m conditions."""


@dataclass(frozen=True)
class Accepted:
    """Samples inside a support and the share that lay there."""

    samples: Any
    """Of shape [N, M, D]."""
    rates: Any
    """The share of the samples of each condition that were accepted."""


class Timeout(RuntimeError):
    """Sampling took longer than it may."""


def accept(
    draw: Draw, is_inside: Callable[[Any], Any], conditions: Any, count: int, *,
    seconds: float | None = None, partial: bool = False, progress: bool = False,
) -> Accepted:
    """Draws samples of each condition until `count` are inside.

    A condition whose samples are complete is not drawn for any more. Raises `Timeout` after `seconds`; with
    `partial` it gives what every condition has by then, if that is anything, and warns.
    """
    groups = len(conditions)
    have = torch.zeros(groups, dtype=torch.long)
    hits, tried = torch.zeros(groups), torch.zeros(groups)
    samples: Any = None
    start, warned = time.monotonic(), False
    bar = _bar(count * groups) if progress else None
    each = min(max(count, 1), max(ROWS // max(groups, 1), 1))
    while (missing := (have < count).nonzero()[:, 0]).numel():
        if seconds is not None and time.monotonic() - start > seconds:
            return _late(samples, have, hits / tried, partial)
        drawn = draw(each, conditions[missing])
        inside = is_inside(drawn).reshape(each, len(missing))
        if samples is None:
            samples = drawn.new_empty(groups, count, drawn.shape[-1])
        # The place of each accepted sample among those of its condition.
        place = inside.cumsum(0) - 1 + have[missing]
        kept = inside & (place < count)
        at, which = kept.nonzero(as_tuple=True)
        samples[missing[which], place[at, which]] = drawn[at, which]
        found = inside.sum(0)
        have[missing] = torch.clamp(have[missing] + found, max=count)
        hits[missing] += found
        tried[missing] += each
        if bar is not None:
            bar.update(int(kept.sum()))
        rates = hits / tried
        lowest = float(rates.min())
        if not warned and lowest < 0.01 and float(tried.max()) >= 1000:
            warned = True
            logging.warning(
                "Only %.3g %% of the samples of a posterior are within the prior's support; it may take "
                "long to draw the others.", 100 * lowest)
        most = int((count - have).max())
        left = max(int((have < count).sum()), 1)
        wanted = int(1.2 * most / max(lowest, 1e-3)) + 16
        each = max(1, min(wanted, ROWS // left))
    if bar is not None:
        bar.close()
    if samples is None:  # Nothing was asked for.
        drawn = draw(1, conditions[:1])
        samples = drawn.new_empty(groups, count, drawn.shape[-1])
    return Accepted(samples.transpose(0, 1), hits / tried)


def _late(samples: Any, have: Any, rates: Any, partial: bool) -> Accepted:
    fewest = int(have.min())
    if not partial or fewest == 0:
        raise Timeout(
            "sampling took longer than max_sampling_time, since few samples are within the prior's support; "
            "reject_outside_prior=False gives samples of the estimator itself")
    warnings.warn(f"Out of time: returning {fewest} samples of each posterior.", stacklevel=4)
    return Accepted(samples[:, :fewest].transpose(0, 1), rates)


def _bar(total: int) -> Any:
    auto = importlib.import_module("tqdm.auto")  # sbi has it.
    return auto.tqdm(total=total, desc="samples")
