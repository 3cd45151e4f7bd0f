"""The names of columns: which a flow was trained on, and which of a table are its features."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ._errors import Error

KEY = "flowir.columns"
"""The key of the names in a model file's metadata."""

Given: TypeAlias = "str | Iterable[str] | Mapping[str, str] | None"
"""Names as callers give them; a mapping says what a table calls the names that the flow was trained on."""


@dataclass(frozen=True)
class Columns:
    """The names of the features and of the context that a flow was trained on; empty if not known."""

    x: tuple[str, ...] = ()
    context: tuple[str, ...] = ()

    def encode(self) -> str:
        """The text of a model file."""
        return json.dumps({"x": self.x, "context": self.context}, ensure_ascii=False)

    @staticmethod
    def decode(text: str, source: str) -> Columns:
        """Reads the text of a model file; `source` names it in errors."""
        try:
            found = json.loads(text)
            names = [found.get(key, []) for key in ("x", "context")]
        except (ValueError, AttributeError) as error:
            raise Error(f"{source}: {KEY} is not a JSON object ({error})") from error
        if not all(isinstance(some, list) and all(isinstance(n, str) for n in some) for some in names):
            raise Error(f"{source}: {KEY} holds no lists of names")
        return Columns(*map(tuple, names))


def names(value: Any) -> tuple[str, ...]:
    """The names of a table's columns: of pandas, Polars or Arrow; empty if there are none."""
    found = getattr(value, "column_names", None)  # Arrow
    if found is None:
        found = getattr(value, "columns", None)  # pandas and Polars
    if found is None or callable(found):
        return ()
    result = tuple(found)
    return result if all(isinstance(name, str) for name in result) else ()


def in_order(value: Any, trained: Callable[[], Sequence[str]], name: str) -> Any:
    """A table with the columns that a flow was trained on, in its order; what has no names as it is.

    `trained` is asked for the flow's names if the table has some, and `name` is what `value` is called. Raises
    `ValueError` if a column is missing or there twice.
    """
    found = names(value)
    wanted = tuple(trained()) if found else ()
    if not wanted or found == wanted:
        return value
    missing = [column for column in wanted if found.count(column) != 1]
    if missing:
        raise ValueError(
            f"{name} has the columns {', '.join(found)}, expected {', '.join(wanted)}, on which the flow was "
            f"trained, each once: look at {', '.join(missing)}; give an array if columns have other names here")
    # pandas has no select.
    return value.select(list(wanted)) if hasattr(value, "select") else value[list(wanted)]


def resolve(
    given: Given, trained: Sequence[str], size: int, available: Sequence[str], argument: str
) -> list[str]:
    """The columns of a table that are a flow's features (or context), in the flow's order.

    `trained` are the names that the flow was trained on, and `argument` is what `given` is called. Raises
    `Error` for columns that are not there, for a wrong number, and for other names than the trained ones.
    """
    table = f"the table has {', '.join(available)}"
    if isinstance(given, Mapping):
        if not trained:
            raise Error(f"{argument} is a mapping, but the model keeps no names; give a list")
        unknown = [name for name in given if name not in trained]
        if unknown:
            raise Error(f"{argument} renames {', '.join(unknown)}; the model has {', '.join(trained)}")
        found = [given.get(name, name) for name in trained]
    elif given is None:
        if not trained and size:
            raise Error(
                f"{argument} is missing, expected {size} names, since the model keeps none; {table}")
        found = list(trained)
    else:
        found = [given] if isinstance(given, str) else list(given)
        if trained and found != list(trained):
            raise Error(
                f"{argument} is {', '.join(found)}, but the model was trained on {', '.join(trained)}, "
                "in this order; if a table has other names for them, give a mapping from the model's to "
                "the table's")
    missing = [name for name in found if name not in available]
    if missing:
        raise Error(f"{argument} has {', '.join(missing)}, which the table has not; {table}")
    repeated = sorted({name for name in found if list(available).count(name) > 1})
    if repeated:
        raise Error(f"the table has several columns {', '.join(repeated)}; {table}")
    return found
