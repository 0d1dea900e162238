"""Telling others: one leader sends the outbox to Kafka, in its order.

Whoever gets the lock of the database leads; the others stand by. A leader first makes a producer with the id
that all leaders share, whereby Kafka refuses the one before it from then on, and only then reads what waits,
over the session that holds the lock. So a leader that was frozen, or cut off, can do no harm when it comes
back: PostgreSQL has ended its session, without which it reads nothing new, and what it had read before
belongs to a producer older than that of whoever leads now.

Rows are deleted by their own ids when Kafka has committed them. Between the two everything may end, and then
they are sent again, under the same ids and versions: at least once. Nobody goes on behind "the last id seen",
because an id may be committed after a greater one.

Any error gives up the lead: producer and session are thrown away, and the next leader, perhaps the same one,
begins anew.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, NamedTuple, Protocol

from reconciler.faults import BrokenError, RefusedError, TryAgainError
from schemas.logline import Log
from schemas.message import Message, message_record
from schemas.record import Record
from schemas.topics import Topics

ROWS_MAX: Final = 500
IDLE_S: Final = 0.2
STAND_BY_S: Final = 1.0
BACKOFF_FIRST_S: Final = 0.2
BACKOFF_MAX_S: Final = 10.0

LEASE_S: Final = 10.0
"""PostgreSQL ends the session of a leader that has not asked for so long, and gives its lock to another."""
STEP_WITHIN_S: Final = 7.0
"""The longest that anything at Kafka may take, so that a leader who only waits does not lose its lock."""


class Waiting(NamedTuple):
    """A row of the outbox."""

    outbox_id: int
    message: Message


class Outbox(Protocol):
    """The database's side, on one session. Raises what `reconciler.faults` names."""

    async def lead(self) -> bool:
        """Whether the lock is ours now; it is until the session ends. Does not wait for it."""
        ...

    async def waiting(self, rows_max: int) -> Sequence[Waiting]:
        """The first rows that are committed, in order."""
        ...

    async def sent(self, ids: Sequence[int]) -> None: ...


class Sender(Protocol):
    """Kafka's side. Raises what `reconciler.faults` names; then it is of no more use."""

    async def send(self, records: Sequence[Record]) -> None:
        """All of them, in this order within each key, or none; seen by those who read committed."""
        ...


class Meter(Protocol):
    def dispatched(self, topic: str, messages: int) -> None: ...


class Dispatch:
    """`senders` makes one that all earlier ones are refused for."""

    def __init__(
        self,
        outboxes: Callable[[], AbstractAsyncContextManager[Outbox]],
        senders: Callable[[], AbstractAsyncContextManager[Sender]],
        topics: Topics,
        meter: Meter,
        log: Log,
    ) -> None:
        self._outboxes = outboxes
        self._senders = senders
        self._topics = topics
        self._meter = meter
        self._log = log
        self._pauses = _pauses()

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                async with self._outboxes() as outbox:
                    await self._stand_by(outbox)
                    async with self._senders() as sender:
                        await self._lead(outbox, sender)
            except (TryAgainError, BrokenError, RefusedError) as error:
                pause_s = next(self._pauses)
                self._log.emit(
                    "dispatch_waiting", level="warning", reason=str(error), retry_in_s=round(pause_s, 1)
                )
                await asyncio.sleep(pause_s)

    async def _stand_by(self, outbox: Outbox) -> None:
        while True:
            if await outbox.lead():
                return
            await asyncio.sleep(STAND_BY_S)

    async def _lead(self, outbox: Outbox, sender: Sender) -> None:
        self._log.emit("dispatch_leading")
        while True:
            rows = await outbox.waiting(ROWS_MAX)
            if rows:
                await self._send(rows, outbox, sender)
            else:
                await asyncio.sleep(IDLE_S)
            self._pauses = _pauses()

    async def _send(self, rows: Sequence[Waiting], outbox: Outbox, sender: Sender) -> None:
        records = [message_record(self._topics, row.message) for row in rows]
        await sender.send(records)
        await outbox.sent([row.outbox_id for row in rows])
        for topic, messages in Counter(record.topic for record in records).items():
            self._meter.dispatched(topic, messages)


def _pauses() -> Iterator[float]:
    pause_s = BACKOFF_FIRST_S
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, BACKOFF_MAX_S)
