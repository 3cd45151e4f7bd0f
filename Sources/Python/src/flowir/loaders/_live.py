"""What a loader makes of a live object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .._arrays import Array
from .._description import Description
from .._errors import Error


class CannotDescribe(Error):
    """A part that a flow description cannot express: where it is, what it is, and why."""

    def __init__(self, place: str, found: Any, reason: str) -> None:
        name = found if isinstance(found, str) else type(found).__name__
        super().__init__(f"{place}: {name} {reason}")
        self.place = place
        """Where the part is."""


@dataclass(frozen=True)
class Reference:
    """A live object as functions of float64 arrays, to compare with."""

    rows: Callable[[int], tuple[Array, Array | None]]
    """Rows of x and context that the flow is likely to meet, as many as asked for."""

    log_prob: Callable[[Array, Array | None], Array]
    """The log-density of each row; not finite where there is none."""

    tolerance: float = 1e-9
    """The largest difference, relative to 1 + |log p|."""


@dataclass(frozen=True)
class Live:
    """A live object: its library, its description, and itself."""

    library: str
    description: Description
    reference: Reference
    compared: Description | None = None
    """What is compared with the object, if it is not the description: that with smaller steps."""
