"""Reading, computing and writing at the same time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")
AHEAD = 2
"""How many items wait between two stages at most."""


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The items, made by another thread ahead of time; its errors are raised here."""
    waiting: queue.Queue[tuple[str, Item | BaseException | None]] = queue.Queue(AHEAD)
    is_over = threading.Event()

    def put(kind: str, value: Item | BaseException | None) -> bool:
        while not is_over.is_set():
            try:
                waiting.put((kind, value), timeout=0.1)
                return True
            except queue.Full:
                pass
        return False

    def work() -> None:
        try:
            for item in items:
                if not put("item", item):
                    return
            put("end", None)
        except BaseException as error:  # It is raised where items are taken.
            put("error", error)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        while True:
            kind, value = waiting.get()
            if kind == "end":
                return
            if isinstance(value, BaseException):
                raise value
            yield value  # type: ignore[misc]
    finally:
        is_over.set()
        worker.join()


class Behind(Generic[Item]):
    """A function that another thread calls, on one value after another."""

    def __init__(self, function: Callable[[Item], None]) -> None:
        self._waiting: queue.Queue[tuple[Item] | None] = queue.Queue(AHEAD)
        self._function = function
        self._error: BaseException | None = None
        self._worker = threading.Thread(target=self._work, daemon=True)
        self._worker.start()

    def put(self, value: Item) -> None:
        """Hands a value on; raises what an earlier call raised."""
        if self._error is not None:
            raise self._error
        self._waiting.put((value,))

    def close(self) -> None:
        """Waits for all calls; raises what one of them raised."""
        self._waiting.put(None)
        self._worker.join()
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while (entry := self._waiting.get()) is not None:
            if self._error is not None:
                continue  # The rest is taken so that nobody waits for room.
            try:
                self._function(entry[0])
            except BaseException as error:
                self._error = error
