"""Log lines that a crowd may cause: one in a while, with the number of those left out."""

import time
from collections.abc import Callable
from typing import Protocol


class Log(Protocol):
    def emit(self, event: str, **fields: str | int | float | None) -> None: ...


class Notice:
    """One kind of event, logged at once and then at most every `every_s` seconds."""

    def __init__(
        self, log: Log, event: str, *, every_s: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._event = event
        self._every_s = every_s
        self._clock = clock
        self._next = float("-inf")
        self._left_out = 0

    def give(self, **fields: str | int | float | None) -> None:
        now = self._clock()
        if now < self._next:
            self._left_out += 1
            return
        self._next = now + self._every_s
        left_out, self._left_out = self._left_out, 0
        self._log.emit(self._event, **fields, left_out=left_out)
