"""Simulated time: real time, faster, and pushed forward on demand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class SimulatedClock:
    """Seconds since 1970, starting at the real time; `scale` of them pass in each real second."""

    def __init__(self, scale: float = 1.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.scale = scale
        self._monotonic = monotonic
        self._begun = monotonic()
        self._zero = time.time()
        self._moved = asyncio.Event()

    def now(self) -> float:
        return self._zero + (self._monotonic() - self._begun) * self.scale

    def advance(self, seconds: float) -> None:
        """Jump forward. Whoever sleeps sees it at once; what would have been due meanwhile is due now."""
        self._zero += seconds
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def sleep(self, simulated_s: float) -> None:
        await self.sleep_until(self.now() + simulated_s)

    async def sleep_until(self, then: float) -> None:
        while (left := then - self.now()) > 0:
            try:
                async with asyncio.timeout(left / self.scale):
                    await self._moved.wait()
            except TimeoutError:
                continue
