"""The quarantine in the database: looking through it, and settling rows, each in its own transaction."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from reconciler.audit.stories import Row
from reconciler.kafka.sender import Send, Sent
from reconciler.quarantine.quarantine import Quarantined, Status, replayed
from reconciler.queries import query
from schemas.topics import Topics

if TYPE_CHECKING:
    import asyncpg

    from reconciler.postgres.admin import Session

PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filter that is None lets everything through."""

    status: Status | None
    reason: str | None
    account: str | None
    after: int = 0
    """Only rows with a greater id."""
    limit: int | None = None


class Settled(NamedTuple):
    """What became of one row: `done`, or in a sentence why not."""

    quarantine_id: int
    done: bool
    says: str
    sent: Sent | None = None


class Shelf:
    """Borrows a session; one question at a time."""

    def __init__(self, session: "Session", topics: Topics) -> None:
        self._session = session
        self._topics = topics

    async def rows(self, wanted: Wanted) -> AsyncIterator[Quarantined]:
        """Oldest first, in pages: memory for one page."""
        after, left = wanted.after, wanted.limit
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            page = await self._session.fetch(
                query("quarantine_list"), wanted.status, wanted.reason, wanted.account, after, size
            )
            for row in page:
                yield Quarantined(*row)
            if len(page) < size:
                return
            after = page[-1]["quarantine_id"]
            left = None if left is None else left - size

    async def row(self, quarantine_id: int) -> Quarantined | None:
        return _row(await self._session.fetchrow(query("quarantine_row"), quarantine_id))

    async def actions(self, quarantine_id: int) -> Sequence[Row]:
        return [dict(row) for row in await self._session.fetch(query("quarantine_actions"), quarantine_id)]

    async def replay(self, quarantine_id: int, send: Send, by: str) -> Settled:
        """Produces its record again, and says so in the row once Kafka has it.

        The row is locked meanwhile: should the record come back at once, it opens the row again. Where this
        is cut off between the two, the record is on the topic and the row still open; replaying it again is
        harmless, as its event is known by its id.
        """
        async with self._session.transaction():
            row = _row(await self._session.fetchrow(query("quarantine_locked"), quarantine_id))
            if row is None:
                return _unknown(quarantine_id)
            if row.status == "replayed":
                return Settled(quarantine_id, done=False, says="it was replayed before")
            record = replayed(row, self._topics)
            if isinstance(record, str):
                return Settled(quarantine_id, done=False, says=record)
            sent = await send(record)
            await self._session.execute(
                query("quarantine_settle"), quarantine_id, "replayed", *sent, None, by
            )
        return Settled(quarantine_id, True, f"produced to {sent.topic} {sent.partition}/{sent.offset}", sent)

    async def discard(self, quarantine_id: int, why: str, by: str) -> Settled:
        """Its content stays; only nobody is reminded of it any more."""
        async with self._session.transaction():
            row = _row(await self._session.fetchrow(query("quarantine_locked"), quarantine_id))
            if row is None:
                return _unknown(quarantine_id)
            if row.status != "open":
                return Settled(quarantine_id, done=False, says=f"it is {row.status} already")
            await self._session.execute(
                query("quarantine_settle"), quarantine_id, "discarded", None, None, None, why, by
            )
        return Settled(quarantine_id, done=True, says="discarded")


def _row(row: "asyncpg.Record | None") -> Quarantined | None:
    return None if row is None else Quarantined(*row)


def _unknown(quarantine_id: int) -> Settled:
    return Settled(quarantine_id, done=False, says="there is no such row")
