"""How often one application may ask: a sliding minute of real time, as the caller lives in it."""

from __future__ import annotations

import math
from collections import deque

WINDOW_S = 60.0


class RateLimit:
    """None allows everything."""

    def __init__(self, per_minute: int | None) -> None:
        self._per_minute = per_minute
        self._times: dict[str, deque[float]] = {}

    def wait_s(self, who: str, now: float) -> int | None:
        """Whole seconds until the next call is allowed, or None where this one is, which then counts."""
        if self._per_minute is None:
            return None
        times = self._times.setdefault(who, deque())
        while times and times[0] <= now - WINDOW_S:
            times.popleft()
        if len(times) >= self._per_minute:
            return max(1, math.ceil(times[0] + WINDOW_S - now))
        times.append(now)
        return None
