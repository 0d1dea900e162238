"""What PostgreSQL does to us, in the loop's words: each kind of failure provoked on a real server."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from reconciler.core.batch import Batch
from reconciler.core.decide import Reader, decide
from reconciler.core.plan import Moment, Plan
from reconciler.faults import BrokenError, RefusedError, TryAgainError
from reconciler.postgres.ledger import Address, Decide, Postgres
from reconciler.postgres.reader import PostgresReader
from tests.integration.reconciler.desk import Desk
from tests.integration.reconciler.said import EIDS, callback
from tests.support.database import Database
from tests.support.polling import eventually

Interfere = Callable[[PostgresReader], Awaitable[object]]


def interrupted(interfere: Interfere) -> Decide:
    """Decides, after something has happened to the transaction's connection."""

    async def decide_then(batch: Batch, reader: Reader, moment: Moment) -> Plan:
        assert isinstance(reader, PostgresReader)
        await interfere(reader)
        return await decide(batch, reader, moment)

    return decide_then


def executes(statement: str) -> Interfere:
    return lambda reader: reader.connection.execute(statement)


@pytest.fixture
def batch(desk: Desk) -> Batch:
    return desk.batch([desk.consumed(callback(request="R", eid=EIDS[0], action="enable"))])


AGAIN = {
    "deadlock": "do $$ begin raise exception using errcode = '40P01'; end $$",
    "serialization": "do $$ begin raise exception using errcode = '40001'; end $$",
    "lock time-out": "do $$ begin raise exception using errcode = '55P03'; end $$",
    "statement time-out": "set local statement_timeout = 1; select pg_sleep(1)",
    "stand-by": "do $$ begin raise exception using errcode = '25006'; end $$",
    "disk full": "do $$ begin raise exception using errcode = '53100'; end $$",
    "killed": "select pg_terminate_backend(pg_backend_pid())",
}


@pytest.mark.parametrize("statement", AGAIN.values(), ids=AGAIN)
async def test_what_passes_is_tried_again_and_then_works(
    statement: str, desk: Desk, postgres: Postgres, batch: Batch
) -> None:
    await postgres.positions(list(batch.starts))
    with pytest.raises(TryAgainError):
        await postgres.transact(batch, interrupted(executes(statement)))
    counted = await desk.apply(batch)
    assert counted.outcomes == {("callback", "applied"): 1}


async def test_a_connection_that_was_cut_between_two_batches_is_made_again(
    desk: Desk, database: Database, batch: Batch, postgres: Postgres
) -> None:
    await postgres.positions(list(batch.starts))
    async with database.connect() as connection:
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'profile_writer'"
            " and datname = current_database()"
        )
    try:
        await desk.apply(batch)
    except TryAgainError:  # it had not noticed yet
        await desk.apply(batch)


async def test_a_frozen_reconciler_loses_its_rows(database: Database) -> None:
    """The session ends while the transaction idles; the rest of it cannot be written any more."""
    frozen = Postgres(Address(database.writer_dsn, password=None, idle_limit_s=0.2))
    desk = Desk(frozen)
    batch = desk.batch([desk.consumed(callback(request="R", eid=EIDS[0]))])
    await frozen.positions(list(batch.starts))

    async def until_ended(reader: PostgresReader) -> None:
        await eventually(reader.connection.is_closed)

    with pytest.raises(TryAgainError):
        await frozen.transact(batch, interrupted(until_ended))
    await frozen.close()


async def test_a_database_that_does_not_answer_is_tried_again(unused_tcp_port: int) -> None:
    away = Postgres(Address(f"postgresql://writer@127.0.0.1:{unused_tcp_port}/nothing", None, 20))
    with pytest.raises(TryAgainError, match="does not answer"):
        await away.positions([])
    await away.close()


async def test_a_value_that_no_table_holds_is_refused(postgres: Postgres, batch: Batch) -> None:
    await postgres.positions(list(batch.starts))
    with pytest.raises(RefusedError, match="22012"):
        await postgres.transact(batch, interrupted(executes("select 1 / 0")))


async def test_what_is_unknown_is_broken_and_says_so_without_rows(postgres: Postgres, batch: Batch) -> None:
    await postgres.positions(list(batch.starts))
    for statement, state in (("select * from ledger.nothing", "42P01"), ("drop table ledger.event", "42501")):
        with pytest.raises(BrokenError, match=state):
            await postgres.transact(batch, interrupted(executes(statement)))
    missing = "insert into ledger.device values (null)"
    with pytest.raises(BrokenError, match="23502") as broken:
        await postgres.transact(batch, interrupted(executes(missing)))
    assert "Failing row" not in str(broken.value)


async def test_a_wrong_role_or_database_is_not_tried_for_ever(database: Database) -> None:
    nobody = Postgres(Address(database.dsn("nobody_we_know"), None, 20))
    with pytest.raises(BrokenError, match="28"):
        await nobody.positions([])
    await nobody.close()


async def test_a_cancelled_transaction_leaves_nothing_and_the_next_one_works(
    desk: Desk, postgres: Postgres, batch: Batch
) -> None:
    await postgres.positions(list(batch.starts))
    reached = asyncio.Event()

    async def wait_for_ever(_: PostgresReader) -> None:
        reached.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(postgres.transact(batch, interrupted(wait_for_ever)))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await desk.apply(batch)


def test_an_address_does_not_show_its_password() -> None:
    shown = repr(Address("postgresql://w:canary@host/db", "canary", 20))
    assert "canary" not in shown
