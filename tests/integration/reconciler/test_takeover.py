"""Doubt about what was committed, and who may write: lost answers, sleepers that wake, real deadlocks."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import asyncpg
import pytest

from deploy.local.stack import Stack
from reconciler.core.batch import Batch
from reconciler.core.decide import Reader, decide
from reconciler.core.plan import Counted, Moment, Plan, Row
from reconciler.dispatch.postgres import PROGRAM, PostgresOutbox, outbox_session
from reconciler.faults import FencedError, TooLongError, TryAgainError
from reconciler.kafka.sender import Sent
from reconciler.kafka.source import SESSION_TIMEOUT_S
from reconciler.postgres import admin
from reconciler.postgres import ledger as postgres_module
from reconciler.postgres.admin import Access
from reconciler.postgres.ledger import SESSION, Address, Postgres
from reconciler.quarantine.shelf import Shelf
from reconciler.sweep.ledger import sweep_ledger
from schemas.record import Record
from schemas.topics import Topics
from tests.faults.proxy import Passage, Trap
from tests.integration.reconciler.conftest import address
from tests.integration.reconciler.consuming import applied, produce, running
from tests.integration.reconciler.desk import Desk
from tests.integration.reconciler.rows import folded, rows_of
from tests.integration.reconciler.said import EIDS, TOPICS, callback
from tests.integration.reconciler.test_consume import under
from tests.support.database import Database
from tests.support.polling import eventually

FROZEN_S = 0.3


@asynccontextmanager
async def passage_to(database: Database) -> AsyncIterator[Passage]:
    host, _, port = database.address.rpartition(":")
    passage = Passage((host, int(port)))
    await passage.open()
    try:
        yield passage
    finally:
        await passage.close()


@pytest.mark.parametrize("passes", [True, False], ids=["it arrived", "it did not"])
async def test_a_commit_whose_answer_was_lost_is_applied_once(
    passes: bool, stack: Stack, database: Database, topics: Topics
) -> None:
    """Whether it was committed, only the offsets can tell."""
    async with passage_to(database) as passage:
        behind = replace(database, address=passage.address)
        async with running(stack, behind, topics) as reconciler:
            first = under(topics, [callback(request="R", eid=EIDS[0])])
            await produce(stack.bootstrap, first, partition=0)
            await applied(database, topics.events, 1)
            passage.set_trap(Trap(b"COMMIT", passes=passes))
            more = under(topics, [callback(request=f"R{n}", eid=EIDS[n % 4]) for n in range(20)])
            await produce(stack.bootstrap, more, partition=0)
            await applied(database, topics.events, 21)
            await eventually(lambda: reconciler.loop.waiting_for() is None)
            assert passage.trapped == 1
            assert reconciler.meter.fences == (1 if passes else 0)
    assert len((await rows_of(database))["delivery"]) == 21


async def test_a_sleeper_that_wakes_after_another_took_over_writes_nothing(database: Database) -> None:
    """It slept inside its transaction, with the rows locked, and the other one could not wait for ever."""
    sleeper = Postgres(Address(database.writer_dsn, password=None, idle_limit_s=FROZEN_S))
    heir = Postgres(address(database))
    desk, other = Desk(sleeper), Desk(heir)
    consumed = [desk.consumed(callback(request=f"R{n}", eid=EIDS[0], action="enable")) for n in range(3)]
    batch = desk.batch(consumed)
    await sleeper.positions(list(batch.starts))
    asleep, awake = asyncio.Event(), asyncio.Event()

    async def sleep_then_decide(batch: Batch, reader: Reader, moment: Moment) -> Plan:
        asleep.set()
        await awake.wait()
        return await decide(batch, reader, moment)

    sleeping = asyncio.create_task(sleeper.transact(batch, sleep_then_decide))
    await asleep.wait()
    await other.apply(batch)  # waits for the rows until the server ends the sleeper's session
    before = await rows_of(database)
    awake.set()
    with pytest.raises(TryAgainError):
        await sleeping
    with pytest.raises(FencedError):
        await sleeper.transact(batch, decide)
    assert await rows_of(database) == before == folded(consumed)
    await sleeper.close()
    await heir.close()


class Standstill(list[Row]):
    """Rows for a COPY: the last one is sent when somebody wakes."""

    def __init__(self, rows: Iterable[Row], awake: asyncio.Event) -> None:
        super().__init__(rows)
        self._awake = awake

    async def __aiter__(self) -> AsyncIterator[Row]:
        for row in self[:-1]:
            yield row
        await self._awake.wait()
        yield self[-1]


async def stands_still(database: Database) -> bool:
    """Long enough to be taken for frozen."""
    async with database.connect() as connection:
        found: int = await connection.fetchval(
            "select count(*) from pg_stat_activity where datname = current_database()"
            " and wait_event_type = 'Client' and state = 'active'"
            " and query_start < clock_timestamp() - make_interval(secs => $1)",
            FROZEN_S,
        )
    return found > 0


@dataclass(slots=True)
class Frozen:
    """A reconciler that stopped in the middle of a COPY, with the rows locked."""

    ledger: Postgres
    batch: Batch
    at_work: "asyncio.Task[Counted]"
    awake: asyncio.Event


@asynccontextmanager
async def frozen_in_a_copy(database: Database, batch: Batch) -> AsyncIterator[Frozen]:
    ledger, awake = (
        Postgres(Address(database.writer_dsn, password=None, idle_limit_s=FROZEN_S)),
        asyncio.Event(),
    )

    async def decide_then_freeze(batch: Batch, reader: Reader, moment: Moment) -> Plan:
        plan = await decide(batch, reader, moment)
        return replace(plan, events=Standstill(plan.events, awake))

    at_work = asyncio.create_task(ledger.transact(batch, decide_then_freeze))
    try:
        await eventually(lambda: stands_still(database))
        yield Frozen(ledger, batch, at_work, awake)
    finally:
        awake.set()
        await asyncio.gather(at_work, return_exceptions=True)
        await ledger.close()


async def assert_it_writes_nothing(frozen: Frozen) -> None:
    frozen.awake.set()
    with pytest.raises(TryAgainError):
        await frozen.at_work
    with pytest.raises(FencedError):
        await frozen.ledger.transact(frozen.batch, decide)


async def test_who_is_given_the_partitions_of_one_frozen_in_a_copy_need_not_wait_for_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server itself would wait for the rest of the COPY for ever."""
    monkeypatch.setattr(
        postgres_module, "SESSION", {**SESSION, "lock_timeout": "2s", "statement_timeout": "2s"}
    )
    heir = Postgres(Address(database.writer_dsn, password=None, idle_limit_s=FROZEN_S))
    desk = Desk(heir)
    consumed = [desk.consumed(callback(request=f"R{n}", eid=EIDS[0], action="enable")) for n in range(3)]
    batch = desk.batch(consumed)
    await heir.positions(list(batch.starts))
    async with frozen_in_a_copy(database, batch) as frozen:
        await desk.apply(batch)
        before = await rows_of(database)
        await assert_it_writes_nothing(frozen)
    assert await rows_of(database) == before == folded(consumed)
    await heir.close()


async def test_who_waited_in_vain_for_rows_of_one_frozen_in_a_copy_gets_them_with_the_next_try(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_module, "SESSION", {**SESSION, "lock_timeout": "200ms"})
    heir = Postgres(Address(database.writer_dsn, password=None, idle_limit_s=FROZEN_S))
    desk = Desk(heir)
    batch = desk.batch([desk.consumed(callback(request="R", eid=EIDS[0]))])
    await heir.positions(list(batch.starts))
    async with frozen_in_a_copy(database, batch) as frozen:
        with pytest.raises(TooLongError):
            await heir.transact(batch, decide)
        await heir.transact(batch, decide)
        await assert_it_writes_nothing(frozen)
    await heir.close()


async def test_a_leader_of_the_dispatch_frozen_in_the_middle_of_a_statement_loses_its_lock(
    database: Database,
) -> None:
    """The session that idles is ended by the server, this one is not."""
    awake = asyncio.Event()
    leader = await asyncpg.connect(database.writer_dsn, server_settings={"application_name": PROGRAM})
    assert await PostgresOutbox(leader).lead()
    await leader.execute("create temporary table sent (id bigint)")
    copying = asyncio.create_task(
        leader.copy_records_to_table("sent", records=Standstill([(1,), (2,)], awake))
    )
    await eventually(lambda: stands_still(database))
    async with outbox_session(Access(database.writer_dsn, "PROFILE_POSTGRES_DSN"), FROZEN_S) as heir:
        await eventually(heir.lead)
        awake.set()
        with pytest.raises(asyncpg.PostgresConnectionError):
            await copying
    leader.terminate()


async def test_a_command_that_stands_still_in_its_transaction_does_not_keep_its_rows(
    database: Database, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a replay waits for Kafka on a computer that went to sleep: the row gets another copy."""
    monkeypatch.setattr(admin, "IDLE_LIMIT", "300ms")
    event = callback(request="R", eid=EIDS[0])
    later = event._replace(headers=(("ce_type", b"profile.callback.v9"),))
    await desk.put(later)
    async with database.connect() as connection:
        row: int = await connection.fetchval("select quarantine_id from ledger.quarantine")
        await connection.execute("update ledger.quarantine set ce_type = null")  # as after an upgrade
    access = Access(database.writer_dsn, "PROFILE_POSTGRES_DSN")
    async with admin.session(access, "profile-reconciler quarantine") as session:
        asleep = asyncio.Event()

        async def send(_: Record) -> Sent:
            asleep.set()
            await asyncio.Event().wait()
            raise AssertionError("nobody wakes it")

        replaying = asyncio.create_task(Shelf(session, TOPICS).replay(row, send, "somebody"))
        await asleep.wait()
        await desk.put(later)
        replaying.cancel()
        with pytest.raises((asyncio.CancelledError, asyncpg.InterfaceError)):
            await replaying
    async with database.connect() as connection:
        assert await connection.fetchval("select copies from ledger.quarantine") == 2


async def test_a_sweep_that_stands_still_lets_go_before_its_partitions_go_elsewhere(
    database: Database,
) -> None:
    async with sweep_ledger(Access(database.writer_dsn, "PROFILE_POSTGRES_DSN")) as ledger:
        limit = "select current_setting('idle_in_transaction_session_timeout')::interval < $1::interval"
        assert await ledger._connection.fetchval(limit, timedelta(seconds=SESSION_TIMEOUT_S))


async def test_of_two_that_wait_for_each_other_one_is_sent_back_and_both_get_through(
    database: Database, desk: Desk, postgres: Postgres
) -> None:
    """A real deadlock, with somebody who does not lock in our order."""
    await desk.put(callback(request="R", eid=EIDS[0], action="enable"))
    batch = desk.batch([desk.consumed(callback(request="S", eid=EIDS[0], action="disable"))])
    async with database.connect() as other:
        transaction = other.transaction()
        await transaction.start()
        await other.execute("set local deadlock_timeout = '30s'")  # so that it is ours that finds it
        await other.execute("lock table ledger.event in exclusive mode")

        async def meet(batch: Batch, reader: Reader, moment: Moment) -> Plan:
            plan = await decide(batch, reader, moment)
            lock = other.execute("lock table ledger.consumer_offset in exclusive mode")
            blocked.append(asyncio.create_task(lock))
            await eventually(lambda: waits(database))
            return plan

        blocked: list[asyncio.Task[str]] = []
        with pytest.raises(TryAgainError, match="another transaction"):
            await postgres.transact(batch, meet)
        await asyncio.gather(*blocked)
        await transaction.rollback()
    counted = await desk.apply(batch)
    assert counted.outcomes == {("callback", "applied"): 1}


async def waits(database: Database) -> bool:
    async with database.connect() as connection:
        waiting: int = await connection.fetchval(
            "select count(*) from pg_stat_activity where datname = current_database()"
            " and wait_event_type = 'Lock'"
        )
    return waiting > 0
