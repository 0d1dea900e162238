"""Waiting for a condition by asking for it, in short steps and for a bounded time."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

Found = TypeVar("Found")

EVERY_S = 0.05


@overload
async def eventually(check: Callable[[], Awaitable[Found]], *, within_s: float = ...) -> Found: ...
@overload
async def eventually(check: Callable[[], Found], *, within_s: float = ...) -> Found: ...
async def eventually(check: Callable[[], object], *, within_s: float = 15.0) -> object:
    """The first truthy answer of `check`, which may be asynchronous.

    An `AssertionError` inside `check` means "not yet", so a check may assert and then return True. When time
    is up, the last such error is raised, or one that shows the last answer.
    """
    end = time.monotonic() + within_s
    while True:
        try:
            answer = check()
            if inspect.isawaitable(answer):
                answer = await answer
            if answer:
                return answer
            missing = AssertionError(f"not within {within_s} s; the last answer was {answer!r}")
        except AssertionError as error:
            missing = error
        if time.monotonic() > end:
            raise missing
        await asyncio.sleep(EVERY_S)
