"""The sweep's side of the database: one session, one question at a time.

Nothing here writes state. What it writes is scheduling: who asks, when next, and the number of a poll.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from reconciler.postgres.admin import Access, session
from reconciler.postgres.ledger import COMMAND_TIMEOUT_S, SESSION
from reconciler.quarantine.quarantine import UNTRUSTED
from reconciler.queries import query
from reconciler.submit.row import Entry
from reconciler.sweep.answer import Asked
from reconciler.sweep.intents import Intent
from reconciler.sweep.pace import Bounds
from schemas.ids import AccountName

if TYPE_CHECKING:
    import asyncpg

    from reconciler.postgres.admin import Session

LEASE: Final = timedelta(minutes=3)
"""Longer than any answer is waited for: whoever holds one is the only one that asks."""
INTENTS_AT_ONCE: Final = 200
CLOCKS_APART: Final = timedelta(minutes=1)
"""A callback may bear an earlier time than the intent it answers, where two hosts' clocks differ."""
IDLE_LIMIT: Final = "5s"
"""A frozen sweep lets go of its rows before another reconciler gets its partitions."""
_SETTINGS: Final = {
    **{name: value for name, value in SESSION.items() if name != "application_name"},
    "idle_in_transaction_session_timeout": IDLE_LIMIT,
}


class SweepLedger:
    """Borrowed from `sweep_ledger`; may be asked by several tasks."""

    def __init__(self, connection: "Session") -> None:
        self._connection = connection
        self._turn = asyncio.Lock()

    async def lease(self, account: AccountName, bounds: Bounds) -> Sequence[Asked]:
        """Takes what is due, as one step with the numbering of its polls."""
        async with self._turn, self._connection.transaction():
            await self._connection.execute(query("sweep_lock"), account)
            rows = await self._connection.fetch(
                query("sweep_lease"), account, bounds.at_most, LEASE, bounds.apart, bounds.per_minute
            )
        return [Asked(**row) for row in rows]

    async def asked(self, asked: Asked, next_at: datetime | None) -> None:
        await self._execute("sweep_asked", asked.operation_id, asked.lease_until, next_at)

    async def not_asked(self, asked: Asked) -> None:
        """ThingSpace was not asked: the look and its number are free again."""
        await self._execute("sweep_not_asked", asked.operation_id, asked.lease_until, asked.asked_before)

    async def release(self, asked: Asked) -> None:
        """Asked, but the answer may be lost: the look is due again, its number is spent."""
        await self._execute("sweep_release", asked.operation_id, asked.lease_until)

    async def left(self, accounts: Collection[AccountName], apart: timedelta) -> int:
        """How many looks are due that nobody has taken."""
        async with self._turn:
            found: int = await self._connection.fetchval(query("sweep_left"), sorted(accounts), apart, LEASE)
        return found

    async def accounts(self) -> Sequence[AccountName]:
        """Those that have looks ahead."""
        return [AccountName(row["account"]) for row in await self._fetch("sweep_accounts")]

    async def adopt(self) -> None:
        """Rows that an older reconciler left without their account."""
        await self._execute("sweep_adopt")

    async def wake_refused(self) -> int:
        """Makes requests due whose callback was refused; how many operations they have."""
        return len(await self._fetch("sweep_refused", UNTRUSTED))

    async def twins(self, deadline: timedelta) -> Sequence[Intent]:
        """Intents with the one observed request that can be theirs."""
        rows = await self._fetch("sweep_intents_twins", deadline, INTENTS_AT_ONCE, CLOCKS_APART)
        return [Intent(*row) for row in rows]

    async def left_behind(self, deadline: timedelta) -> Sequence[Intent]:
        """Intents of which nobody has said anything for so long."""
        rows = await self._fetch("sweep_intents_alone", deadline, INTENTS_AT_ONCE)
        return [Intent(*row) for row in rows]

    async def unsaid(self, deadline: timedelta) -> Sequence[Entry]:
        """Orders of our own whose answer is kept, but not on the topic."""
        rows = await self._fetch("sweep_intents_unsaid", deadline, INTENTS_AT_ONCE)
        return [Entry(**row) for row in rows]

    async def said(self, entry: Entry) -> None:
        await self._execute("submit_said", entry.intent_id)

    async def _fetch(self, name: str, *arguments: object) -> "Sequence[asyncpg.Record]":
        async with self._turn:
            return await self._connection.fetch(query(name), *arguments)

    async def _execute(self, name: str, *arguments: object) -> None:
        async with self._turn:
            await self._connection.execute(query(name), *arguments)


@asynccontextmanager
async def sweep_ledger(access: Access) -> AsyncIterator[SweepLedger]:
    """For the length of the block; what the database says against it is a `DatabaseError`."""
    async with session(
        access, "profile-reconciler sweep", within_s=COMMAND_TIMEOUT_S, **_SETTINGS
    ) as connection:
        yield SweepLedger(connection)
