"""How much of topic and spool they may fill who did not show the right credentials.

Such bodies are kept because some of them are ThingSpace's: with a password that was changed on one side only,
or in a spelling nobody has seen. A flood of them must not fill a topic, and a database behind it. Strangers
and listed sources have allowances of their own, so that no stranger uses up what ThingSpace may need.
"""

import time
from collections.abc import Callable
from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB


class Allowance:
    """Bytes: so many at once, and so many a second to come back to that."""

    def __init__(self, at_once: int, per_second: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._at_once = at_once
        self._per_second = per_second
        self._clock = clock
        self._left = float(at_once)
        self._counted_at = clock()

    def spend(self, size_bytes: int) -> bool:
        """Whether there is that much left; then it is less by that."""
        now = self._clock()
        self._left = min(self._at_once, self._left + (now - self._counted_at) * self._per_second)
        self._counted_at = now
        if size_bytes > self._left:
            return False
        self._left -= size_bytes
        return True


class Allowances:
    """Of one process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._listed = Allowance(64 * MIB, 256 * KIB, clock=clock)
        self._strangers = Allowance(8 * MIB, 16 * KIB, clock=clock)

    def spend(self, size_bytes: int, *, listed: bool) -> bool:
        return (self._listed if listed else self._strangers).spend(size_bytes)
