"""Time: clocks that jump, months that begin, statements and locks that take longer than they may."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from deploy.local.stack import Stack
from reconciler import loop as loop_module
from reconciler.core.batch import Batch
from reconciler.core.decide import Reader, decide
from reconciler.core.plan import Moment, Plan
from reconciler.postgres import ledger as postgres_module
from reconciler.postgres.ledger import SESSION, Address, Postgres
from schemas.topics import Topics
from tests.integration.reconciler import consuming
from tests.integration.reconciler.consuming import applied, produce, running
from tests.integration.reconciler.desk import Desk
from tests.integration.reconciler.rows import folded, rows_of
from tests.integration.reconciler.said import EIDS, ICCIDS, callback, request
from tests.integration.reconciler.test_consume import under
from tests.support.database import Database
from tests.support.polling import eventually

if TYPE_CHECKING:
    import asyncpg

EID, X = EIDS[0], ICCIDS[0]
YEAR_S = 365 * 86_400.0
JUMPS = (0.0, YEAR_S, -YEAR_S, 5.0, -20 * YEAR_S, 30 * YEAR_S, 1.0)
"""What the receiver's clock shows, callback by callback."""


async def versions(database: Database) -> Sequence["asyncpg.Record"]:
    async with database.connect() as connection:
        return await connection.fetch(
            "select iccid, version, recorded_from, recorded_until from ledger.profile_history"
            " order by iccid, version"
        )


def assert_history_never_goes_back(rows: Sequence["asyncpg.Record"]) -> None:
    for earlier, later in pairwise(rows):
        if earlier["iccid"] == later["iccid"]:
            assert earlier["version"] < later["version"]
            assert earlier["recorded_from"] < later["recorded_from"]
            assert earlier["recorded_until"] == later["recorded_from"]


async def test_whatever_the_receivers_clock_shows_versions_and_history_only_rise(
    database: Database, desk: Desk
) -> None:
    given = []
    for number, at in enumerate(JUMPS):
        action = "enable" if number % 2 else "disable"
        records = (
            request(request=f"R{number}", eid=EID, iccid=X, action=action, at=at),
            callback("Success", request=f"R{number}", eid=EID, iccid=X, action=action, at=at),
        )
        given += [desk.consumed(record) for record in records]
        await desk.apply(desk.batch(given[-2:]))
    rows = await versions(database)
    assert len(rows) > 2
    assert_history_never_goes_back(rows)
    assert await rows_of(database) == folded(given)


async def test_versions_and_history_rise_also_when_the_databases_clock_goes_back(
    database: Database, postgres: Postgres, desk: Desk
) -> None:
    """The same microsecond twice, then a second earlier, then a year: as after a fail-over."""
    now = datetime.now(UTC)
    clock = iter([now, now, now - timedelta(seconds=1), now - timedelta(days=365), now])

    async def decide_by_that_clock(batch: Batch, reader: Reader, moment: Moment) -> Plan:
        return await decide(batch, reader, replace(moment, now=next(clock)))

    for number in range(5):
        action = "enable" if number % 2 else "disable"
        batch = desk.batch(
            [
                desk.consumed(request(request=f"R{number}", eid=EID, iccid=X, action=action, at=number)),
                desk.consumed(callback(request=f"R{number}", eid=EID, iccid=X, action=action, at=number)),
            ]
        )
        await postgres.positions(list(batch.starts))
        await postgres.transact(batch, decide_by_that_clock)
        desk.applied.update({place: end.next_offset for place, end in batch.ends().items()})
    rows = await versions(database)
    assert len(rows) > 3
    assert_history_never_goes_back(rows)
    async with database.connect() as connection:
        operations = await connection.fetch("select version from ledger.operation order by request_id")
    assert len(operations) == 5


@asynccontextmanager
async def auditor_reading(database: Database, table: str) -> AsyncIterator[None]:
    """A transaction that has read the table and stays open, as a long export does."""
    async with database.connect() as connection, connection.transaction():
        await connection.execute(f"select count(*) from {table}")
        yield


async def test_a_month_that_begins_while_an_auditor_reads_loses_nothing_and_is_made_later(
    database: Database, postgres: Postgres, desk: Desk
) -> None:
    """While its month is missing, rows go to the default partition; making the month moves them."""
    async with database.connect() as connection:
        months = await connection.fetch(
            "select c.oid::regclass::text as name from pg_inherits i join pg_class c on c.oid = i.inhrelid"
            " where i.inhparent = 'ledger.event'::regclass and c.relname not like '%default%' order by 1"
        )
        for month in months:
            await connection.execute(f"drop table {month['name']}")
    async with auditor_reading(database, "ledger.event"):
        await desk.put(*(callback(request=f"R{n}", eid=EID) for n in range(5)))
        assert await postgres.ensure_partitions(1) == 0
        await desk.put(*(callback(request=f"S{n}", eid=EID) for n in range(5)))
        assert await _rows_in(database, "only ledger.event_default") == 10
    assert await postgres.ensure_partitions(3) == 4
    assert await _rows_in(database, "only ledger.event_default") == 0
    assert await _rows_in(database, "ledger.event") == 10
    await desk.put(callback(request="T", eid=EID))
    assert await _rows_in(database, "only ledger.event_default") == 0


async def _rows_in(database: Database, table: str) -> int:
    async with database.connect() as connection:
        count: int = await connection.fetchval(f"select count(*) from {table}")
        return count


@pytest.fixture
async def slow(database: Database) -> Database:
    """Every row of the audit log takes its time; the writer has half a second for a statement."""
    async with database.connect() as connection:
        await connection.execute(
            "create function ledger.dawdle() returns trigger language plpgsql as"
            " $$ begin perform pg_sleep(0.04); return new; end $$"
        )
        await connection.execute(
            "create trigger dawdle before insert on ledger.event"
            " for each row execute function ledger.dawdle()"
        )
    return database


@pytest.fixture
def little_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_module, "SESSION", {**SESSION, "statement_timeout": "500ms"})


async def test_a_batch_that_always_takes_too_long_is_written_in_parts(
    stack: Stack, slow: Database, topics: Topics, little_time: None
) -> None:
    records = under(topics, [callback(request=f"R{n}", eid=EIDS[n % 4]) for n in range(60)])
    await produce(stack.bootstrap, records, partition=0)
    async with running(stack, slow, topics) as reconciler:
        await applied(slow, topics.events, 60)
        assert '"batch_halved"' in reconciler.log.getvalue()
        assert reconciler.meter.total() == 60
    assert await _rows_in(slow, "ledger.quarantine") == 0


async def test_one_event_that_always_takes_too_long_is_said_to_be_waited_for_and_kept(
    stack: Stack, slow: Database, topics: Topics, little_time: None
) -> None:
    """The database is at fault, not the event: nothing goes to the quarantine."""
    async with slow.connect() as connection:
        await connection.execute(
            "create or replace function ledger.dawdle() returns trigger language plpgsql as"
            " $$ begin if new.request_id = 'R1' then perform pg_sleep(10); end if; return new; end $$"
        )
    records = under(topics, [callback(request=f"R{n}", eid=EIDS[0]) for n in range(3)])
    await produce(stack.bootstrap, records, partition=0)
    async with running(stack, slow, topics) as reconciler:
        await eventually(lambda: "took too long" in (reconciler.loop.waiting_for() or ""), within_s=30)
        assert await _rows_in(slow, "ledger.event") == 1
        async with slow.connect() as connection:
            await connection.execute("alter table ledger.event disable trigger dawdle")
        await applied(slow, topics.events, 3)
        assert reconciler.loop.waiting_for() is None
    assert await _rows_in(slow, "ledger.quarantine") == 0


async def test_a_lock_that_is_held_for_long_delays_and_loses_nothing(
    stack: Stack, database: Database, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_module, "SESSION", {**SESSION, "lock_timeout": "200ms"})
    records = under(topics, [callback(request=f"R{n}", eid=EIDS[0]) for n in range(8)])
    async with database.connect() as connection, running(stack, database, topics) as reconciler:
        async with connection.transaction():
            await connection.execute("lock table ledger.operation in access exclusive mode")
            await produce(stack.bootstrap, records, partition=0)
            await eventually(lambda: "lock" in (reconciler.loop.waiting_for() or ""), within_s=30)
        await applied(database, topics.events, 8)
        assert reconciler.meter.total() == 8


def think(seconds: float) -> None:
    """Nothing else of the program runs meanwhile."""
    until = monotonic() + seconds
    while monotonic() < until:
        pass


async def test_a_batch_over_which_we_think_longer_than_a_session_may_idle_is_thought_over_in_parts(
    stack: Stack, database: Database, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server takes us for frozen, each time; the same batch would never get through."""

    async def think_then_decide(batch: Batch, reader: Reader, moment: Moment) -> Plan:
        think(len(batch.items) * 0.02)
        return await decide(batch, reader, moment)

    monkeypatch.setattr(loop_module, "decide", think_then_decide)
    monkeypatch.setattr(consuming, "address", lambda database: Address(database.writer_dsn, None, 0.4))
    records = under(topics, [callback(request=f"R{n}", eid=EIDS[n % 4]) for n in range(60)])
    await produce(stack.bootstrap, records, partition=0)
    async with running(stack, database, topics) as reconciler:
        await applied(database, topics.events, 60)
        assert '"batch_halved"' in reconciler.log.getvalue()
        assert reconciler.meter.total() == 60
