"""The ledger's database as the loop sees it: one connection, one transaction for a batch.

The offset rows are the fence: a transaction goes on only where each stands exactly where the batch starts. A
connection that failed is thrown away; the next call makes a new one.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import asyncpg

from reconciler.core.batch import Batch, Place, Position, TopicId
from reconciler.core.chain import SALT_BYTES
from reconciler.core.decide import Reader
from reconciler.core.plan import Counted, Head, Moment, Plan
from reconciler.core.schedule import DEFAULT, Schedule
from reconciler.faults import FencedError, RefusedError
from reconciler.postgres.errors import ERRORS, translated
from reconciler.postgres.reader import PostgresReader, ProfileIds
from reconciler.postgres.writer import write
from reconciler.queries import query

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

Decide = Callable[[Batch, Reader, Moment], Awaitable[Plan]]

NO_IDS: Final[Mapping[str, TopicId]] = MappingProxyType({})
CONNECT_TIMEOUT_S: Final = 10.0
COMMAND_TIMEOUT_S: Final = 45.0
"""Above the server's own limit: it is for a server that does not answer at all."""

SESSION: Final = {
    "application_name": "profile-reconciler",
    "timezone": "UTC",
    "statement_timeout": "30s",
    "lock_timeout": "15s",
    # Every statement finds rows by key for arrays of keys. A plan made while a table was small or not
    # analyzed would scan it as long as the session lives, so only the plan right at any size is left.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}


@dataclass(frozen=True, slots=True)
class Address:
    """`idle_limit_s` ends the transaction of a frozen reconciler: below the consumer's session time-out.

    The server counts it between two statements; within one, the next reconciler does.
    """

    dsn: str
    password: str | None
    idle_limit_s: float

    def __repr__(self) -> str:
        return f"Address(idle_limit_s={self.idle_limit_s})"


class Postgres:
    """Not for concurrent use: the loop has one transaction at a time."""

    def __init__(self, address: Address, schedule: Schedule = DEFAULT) -> None:
        self._address = address
        self._schedule = schedule
        self._connection: Connection | None = None
        self._profile_ids = ProfileIds()

    async def transact(self, batch: Batch, decide: Decide) -> Counted:
        """Applies a batch as a whole or not at all.

        Raises `FencedError`, `RefusedError`, `TryAgainError` or `BrokenError`. After `TryAgainError` it may
        have been committed: the next try is then `FencedError`, with the offsets behind the batch.
        """
        async with self._session() as connection, connection.transaction():
            moment = await _locked_moment(connection, batch, self._schedule)
            plan = await decide(batch, PostgresReader(connection, self._profile_ids), moment)
            await write(connection, plan)
        return plan.counted

    async def positions(
        self, places: Collection[Place], topic_ids: Mapping[str, TopicId] = NO_IDS
    ) -> Mapping[Place, Position]:
        """Where each partition stands; one that was never read stands at its first record."""
        columns = _columns(places)
        async with self._session() as connection:
            await self._end_frozen(connection)
            await connection.execute(query("start_offsets"), *columns)
            await connection.execute(
                query("name_offsets"), *columns, [topic_ids.get(each) for each in columns[0]]
            )
            rows = await connection.fetch(query("read_offsets"), *columns)
        return {Place(topic, partition): Position(*rest) for topic, partition, *rest in rows}

    async def added(self, places: Collection[Place]) -> Collection[Place]:
        async with self._session() as connection:
            rows = await connection.fetch(query("read_added"), *_columns(places))
        return [Place(topic, partition) for topic, partition in rows]

    async def know(self, places: Collection[Place]) -> None:
        """Makes the rows that are missing."""
        async with self._session() as connection:
            await connection.execute(query("start_offsets"), *_columns(places))

    async def ensure_partitions(self, months_ahead: int) -> int:
        """Makes the months of the audit log that are missing; gives back how many it made."""
        async with self._session() as connection:
            made: int = await connection.fetchval(query("ensure_partitions"), months_ahead)
        return made

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            try:
                await connection.close(timeout=CONNECT_TIMEOUT_S)
            except ERRORS:
                connection.terminate()
        await asyncio.sleep(0)  # a terminated connection lets go of its socket in the loop's next turn

    @asynccontextmanager
    async def _session(self) -> AsyncIterator["Connection"]:
        """The connection, made when there is none; errors leave in the loop's words."""
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await self._connect()
                await self._end_frozen(self._connection)
            yield self._connection
        except ERRORS as error:
            verdict = translated(error, connected=self._is_connected())
            if not isinstance(verdict, RefusedError):
                self._drop()
            raise verdict from error

    async def _connect(self) -> "Connection":
        idle_limit_ms = int(self._address.idle_limit_s * 1000)
        return await asyncpg.connect(
            self._address.dsn,
            password=self._address.password,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=COMMAND_TIMEOUT_S,
            server_settings={**SESSION, "idle_in_transaction_session_timeout": f"{idle_limit_ms}ms"},
        )

    async def _end_frozen(self, connection: "Connection") -> None:
        """Whoever was given partitions, or waited for a lock in vain, may find the rows held by who froze.
        Who was only slow is sent back by this, and tries again.
        """
        await connection.execute(query("end_frozen"), self._address.idle_limit_s)

    def _is_connected(self) -> bool:
        return self._connection is not None and not self._connection.is_closed()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


async def _locked_moment(connection: "Connection", batch: Batch, schedule: Schedule) -> Moment:
    """Locks the offset rows; `FencedError` unless each stands where the batch starts."""
    rows = await connection.fetch(query("lock_offsets"), *_columns(batch.starts))
    stored = {Place(row["topic"], row["partition"]): row for row in rows}
    if {place: row["next_offset"] for place, row in stored.items()} != batch.starts:
        raise FencedError({place: row["next_offset"] for place, row in stored.items()})
    heads = {place: Head(row["chain_head"], row["chain_events"]) for place, row in stored.items()}
    return Moment(rows[0]["now"], heads, os.urandom(SALT_BYTES * len(batch.items)), schedule)


def _columns(places: Collection[Place]) -> tuple[list[str], list[int]]:
    return [place.topic for place in places], [place.partition for place in places]
