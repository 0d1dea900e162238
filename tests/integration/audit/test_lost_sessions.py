"""A session that the server ends while it idles: whatever the next call meets, it is tried again."""

import asyncio

from reconciler.core.batch import Place
from reconciler.faults import TryAgainError
from reconciler.postgres.ledger import Address, Postgres
from tests.support.database import Database

ROUNDS = 60
PLACES = [Place("events", 0)]

END_OTHERS = """
select pg_terminate_backend(pid)
from pg_stat_activity
where datname = current_database() and usename = 'profile_writer'
"""


async def test_a_session_ended_while_idle_is_never_taken_for_a_fault_of_ours(database: Database) -> None:
    """asyncpg says it in three ways, depending on how much of the goodbye it has read: all are provoked."""
    ledger = Postgres(Address(database.writer_dsn, password=None, idle_limit_s=20))
    met: set[str] = set()
    async with database.connect() as other:
        for number in range(ROUNDS):
            await ledger.positions(PLACES)
            await other.execute(END_OTHERS)
            for _ in range(number % 12):
                await asyncio.sleep(0)
            try:
                await ledger.positions(PLACES)
            except TryAgainError as error:
                met.add(type(error.__cause__).__name__)
    await ledger.close()
    assert "InternalClientError" in met or "ConnectionDoesNotExistError" in met
