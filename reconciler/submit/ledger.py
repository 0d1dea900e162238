"""The ledger of intents in PostgreSQL: one session, one question at a time, each committed on return."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from reconciler.postgres.admin import Access, DatabaseError, fitting_session, translated
from reconciler.queries import query
from reconciler.submit.lease import Holder
from reconciler.submit.row import Answer, Entry, Standing, State

if TYPE_CHECKING:
    from reconciler.postgres.admin import Session

LOCK_TIMEOUT: Final = "15s"
ANSWER_WITHIN_S: Final = 60.0
KEYS_AT_ONCE: Final = 1000
LEASE_TRIES: Final = 5
"""A holder may let go between the two questions."""


class SubmitLedger:
    """Borrowed from `submit_ledger`; may be asked by several tasks.

    Each question raises `DatabaseError` by itself, not only the block: who asks may have an answer of
    ThingSpace in hand, and tells Kafka then.
    """

    def __init__(self, connection: "Session", access: Access) -> None:
        self._connection = connection
        self._access = access
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        async with self._turn:
            with translated(self._access):
                yield

    async def reserve(self, name: str) -> bool:
        """Whether this session alone submits what is called so, until it ends."""
        async with self._asking():
            alone: bool = await self._connection.fetchval(query("submit_lock"), name)
        return alone

    async def latest(self, order_key: str) -> Entry | None:
        return (await self.entries([order_key])).get(order_key)

    async def entries(self, order_keys: Sequence[str]) -> Mapping[str, Entry]:
        """The last row of each order that has one."""
        found: dict[str, Entry] = {}
        for start in range(0, len(order_keys), KEYS_AT_ONCE):
            async with self._asking():
                rows = await self._connection.fetch(
                    query("submit_entries"), order_keys[start : start + KEYS_AT_ONCE]
                )
            found |= {row["order_key"]: Entry(**row) for row in rows}
        return found

    async def begin(self, entry: Entry, device: str, lasting: timedelta, *, force: bool) -> Holder | None:
        for _ in range(LEASE_TRIES):
            if await self._begun(entry, device, lasting, force=force):
                return None
            if (held := await self.holder(entry, device, lasting)) is not None:
                return held
        raise DatabaseError(
            f"The lease on {device} changes hands all the time. Nothing was sent for it. Try again."
        )

    async def _begun(self, entry: Entry, device: str, lasting: timedelta, *, force: bool) -> bool:
        async with self._asking(), self._connection.transaction():
            taken = await self._connection.fetchval(
                query("submit_lease"),
                *(device, entry.intent_id, entry.account, entry.requested_by, lasting, force),
            )
            if taken is not None:
                await self._write(entry)
        return taken is not None

    async def _write(self, entry: Entry) -> None:
        await self._connection.execute(
            query("submit_begin"),
            *(entry.intent_id, entry.order_key, entry.attempt, entry.account, entry.eid, entry.iccid),
            *(entry.imei, entry.action, entry.requested_by, entry.requested_at, list(entry.flags)),
            entry.remark,
        )

    async def holder(self, entry: Entry, device: str, lasting: timedelta) -> Holder | None:
        async with self._asking():
            row = await self._connection.fetchrow(query("submit_holder"), device, entry.intent_id, lasting)
        return None if row is None else Holder(**row)

    async def move(self, entry: Entry, expected: State, answer: Answer) -> bool:
        async with self._asking():
            moved = await self._connection.fetchval(
                query("submit_move"),
                *(entry.intent_id, expected, answer.state, answer.request_id, answer.code, answer.text),
            )
        return moved is not None

    async def said(self, entry: Entry) -> None:
        async with self._asking():
            await self._connection.execute(query("submit_said"), entry.intent_id)

    async def standing(self, entry: Entry) -> Standing | None:
        """None while the ledger has not heard of it."""
        async with self._asking():
            row = await self._connection.fetchrow(query("submit_standing"), entry.account, entry.intent_id)
        return None if row is None else Standing(**row)


@asynccontextmanager
async def submit_ledger(access: Access) -> AsyncIterator[SubmitLedger]:
    """For the length of the block; what the database says against it is a `DatabaseError`."""
    async with fitting_session(
        access,
        "profile-reconciler submit",
        within_s=ANSWER_WITHIN_S,
        lock_timeout=LOCK_TIMEOUT,
        synchronous_commit="on",
    ) as connection:
        yield SubmitLedger(connection, access)
