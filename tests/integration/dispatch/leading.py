"""A dispatch on real parts inside the test, and a desk that makes it something to tell."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from io import StringIO

from deploy.local.stack import Stack
from reconciler.dispatch.dispatch import Dispatch, Outbox
from reconciler.dispatch.kafka import Line, sender
from reconciler.dispatch.postgres import outbox_session
from reconciler.postgres.admin import Access
from schemas.logline import Log
from schemas.topics import Topics
from tests.support.database import Database

Outboxes = Callable[[], AbstractAsyncContextManager[Outbox]]


@dataclass(slots=True)
class Meter:
    messages: Counter[str] = field(default_factory=Counter)

    def dispatched(self, topic: str, messages: int) -> None:
        self.messages[topic] += messages


@dataclass(frozen=True, slots=True)
class Leader:
    task: "asyncio.Task[None]"
    meter: Meter
    log: StringIO

    @property
    def leads(self) -> bool:
        return "dispatch_leading" in self.log.getvalue()

    def has_waited(self, times: int) -> bool:
        return self.log.getvalue().count("dispatch_waiting") >= times


def access_of(database: Database) -> Access:
    return Access(database.writer_dsn, "PROFILE_POSTGRES_DSN")


def line_of(stack: Stack, topics: Topics) -> Line:
    return Line(stack.bootstrap, f"{topics.prefix}dispatch", (topics.operations, topics.state), {})


@asynccontextmanager
async def dispatching(
    stack: Stack, database: Database, topics: Topics, outboxes: Outboxes | None = None
) -> AsyncIterator[Leader]:
    """For the length of the block."""
    meter, log = Meter(), StringIO()
    dispatch = Dispatch(
        outboxes or partial(outbox_session, access_of(database)),
        partial(sender, line_of(stack, topics)),
        topics,
        meter,
        Log("test", stream=log),
    )
    task = asyncio.create_task(dispatch.run())
    try:
        yield Leader(task, meter, log)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
