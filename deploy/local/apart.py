"""Awaiting from code that is not asynchronous, wherever it is called from."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def apart(work: Coroutine[object, None, Result]) -> Result:
    """Runs `work` to its end on a loop of its own, in a thread: the caller may have a running loop."""
    with ThreadPoolExecutor(max_workers=1) as threads:
        return threads.submit(asyncio.run, work).result()
