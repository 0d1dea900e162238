"""Works that belong together: when one ends, so do the others."""

import asyncio
from collections.abc import Coroutine


async def first_to_end(*works: Coroutine[object, object, object]) -> None:
    """Runs them until one ends, by itself or by an error, which is raised; the others are ended then."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
