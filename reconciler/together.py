"""Works that belong together: when one ends, so do the others."""

import asyncio
from collections.abc import Collection, Coroutine
from typing import Final

AGAIN_S: Final = 5.0


async def first_to_end(*works: Coroutine[object, object, object]) -> None:
    """Runs them until one ends, by itself or by an error, which is raised; the others are ended then."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await _ended(tasks)


async def _ended(tasks: Collection[asyncio.Future[object]]) -> None:
    """Told again and again: one that cleans up where nobody answers would wait there for ever."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
