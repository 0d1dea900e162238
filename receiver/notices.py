"""Log lines that a crowd may cause: one in a while, with the number of those left out."""

import time
from collections.abc import Callable
from typing import Unpack

from schemas.logline import Fields, Level, Log


class Notice:
    """One kind of event, logged at once and then at most every `every_s` seconds.

    `count` in a line is the number of events since the line before.
    """

    def __init__(
        self,
        log: Log,
        event: str,
        *,
        level: Level = "warning",
        every_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._event = event
        self._level = level
        self._every_s = every_s
        self._clock = clock
        self._next = float("-inf")
        self._count = 0

    def give(self, **fields: Unpack[Fields]) -> None:
        self._count += 1
        now = self._clock()
        if now >= self._next:
            self._next = now + self._every_s
            fields["count"] = self._count
            self._log.emit(self._event, level=self._level, **fields)
            self._count = 0
