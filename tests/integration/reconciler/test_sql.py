"""The statements and the schema: they fit each other, and plans stay right at any size."""

import asyncio
from importlib.resources import files

import asyncpg
import pytest

from reconciler.postgres.errors import RACES, RULES
from reconciler.postgres.ledger import SESSION
from reconciler.postgres.writer import COLUMNS
from reconciler.queries import query
from tests.support.database import WRITER, Database
from tests.support.polling import eventually

OURS = ("alter_", "close_", "delete_", "ensure_", "lock_", "next_", "read_", "start_", "write_")
STATEMENTS = sorted(
    file.name.removesuffix(".sql")
    for file in (files("reconciler") / "sql" / "queries").iterdir()
    if file.name.startswith(OURS)
)


async def test_each_statement_is_one_and_fits_the_schema(database: Database) -> None:
    async with database.connect(WRITER) as connection:
        for name in STATEMENTS:
            await connection.prepare(query(name))


async def test_no_plan_reads_a_whole_table(database: Database) -> None:
    """On empty tables that were never analyzed, where a planner left alone would."""
    scans: dict[str, list[str]] = {}
    async with database.connect(WRITER) as connection:
        for setting, value in SESSION.items():
            await connection.execute("select set_config($1, $2, false)", setting, value)
        for name in STATEMENTS:
            asked = (await connection.prepare(query(name))).get_parameters()
            nulls = f"({', '.join('null' for _ in asked)})" if asked else ""
            await connection.execute(f"prepare {name} as {query(name)}")
            plan = await connection.fetch(f"explain execute {name}{nulls}")
            scans[name] = [row[0] for row in plan if "Seq Scan" in row[0]]
    assert {name: lines for name, lines in scans.items() if lines} == {}


async def test_copy_fills_every_column_of_its_table(database: Database) -> None:
    async with database.connect() as connection:
        for table, columns in COLUMNS.items():
            rows = await connection.fetch(
                "select column_name from information_schema.columns"
                " where table_schema = 'ledger' and table_name = $1 and is_identity = 'NO'",
                table,
            )
            assert {row[0] for row in rows} == set(columns)


async def test_every_rule_about_what_an_event_says_is_known_as_one(database: Database) -> None:
    """A check or exclusion of the schema that the adapter does not know would end the process."""
    about_us = {
        "consumer_offset_head_is_sha256",
        "intent_sent_has_request",
        "intent_state_known",
        "offset_decision_known",
        "outbox_cause_known",
        "outbox_kind_known",
        "poll_count_not_negative",
        "quarantine_action_known",
        "quarantine_copies_positive",
        "quarantine_status_known",
        "rebuild_change_known",
        "reclassification_key_is_16_bytes",
        "request_scope_known",
    }
    async with database.connect() as connection:
        rows = await connection.fetch(
            "select conname, contype::text from pg_constraint"
            " where connamespace = 'ledger'::regnamespace and conparentid = 0 and contype <> 'n'"
        )
    names = {row["conname"] for row in rows}
    assert names >= RULES | RACES
    assert {row["conname"] for row in rows if row["contype"] in "cx"} - about_us <= RULES


async def test_the_writer_cannot_change_the_audit_log(database: Database) -> None:
    async with database.connect(WRITER) as connection:
        for table in ("event", "delivery"):
            for statement in (
                f"delete from ledger.{table}",
                f"update ledger.{table} set event_id = event_id",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)


async def months(database: Database) -> list[str]:
    async with database.connect() as connection:
        rows = await connection.fetch(
            "select inhrelid::regclass::text from pg_inherits where inhparent = 'ledger.event'::regclass"
            " order by 1"
        )
    return [row[0] for row in rows]


async def test_months_are_made_ahead_once(database: Database) -> None:
    before = await months(database)
    assert len(before) == 1 + 1 + 3
    async with database.connect(WRITER) as connection:
        assert await connection.fetchval(query("ensure_partitions"), 3) == 0
        assert await connection.fetchval(query("ensure_partitions"), 5) == 2
    assert len(await months(database)) == len(before) + 2


async def test_rows_that_the_safety_net_took_move_into_their_month(database: Database) -> None:
    async with database.connect() as connection:
        moment = await connection.fetchval("select date_trunc('month', now()) + interval '4 months 3 days'")
        await connection.execute(
            "insert into ledger.event (event_id, kind, account, iccid_single, fact, observed_at, producer,"
            ' rules, flags, outcome, partition, "offset", chain_position, recorded_at, body_digest,'
            " chain_hash) values ('x', 'callback', 'a', false, 'success', $1, 'p', 1, '{}', 'applied', 0, 0,"
            " 1, $1, 'd', 'h')",
            moment,
        )
        assert await connection.fetchval("select count(*) from ledger.event_default") == 1
        assert await connection.fetchval(query("ensure_partitions"), 4) == 1
        assert await connection.fetchval("select count(*) from ledger.event_default") == 0
        assert await connection.fetchval("select count(*) from ledger.event") == 1


async def test_a_reader_of_the_audit_log_is_not_waited_for_long(database: Database) -> None:
    """The month is left for the next call."""
    async with database.connect() as reader, database.connect(WRITER) as writer:
        async with reader.transaction():
            await reader.fetch("select * from ledger.event")
            assert await writer.fetchval(query("ensure_partitions"), 4) == 0
        assert await writer.fetchval(query("ensure_partitions"), 4) == 1


async def test_making_a_row_that_is_there_locks_it_until_the_end(database: Database) -> None:
    """Although nothing of it changes: the locks of requests and devices rest on this."""
    async with database.connect(WRITER) as one, database.connect(WRITER) as other:
        await one.fetch(query("lock_devices"), ["e"])
        async with one.transaction():
            assert await one.fetch(query("lock_devices"), ["e"]) == []
            pid = await other.fetchval("select pg_backend_pid()")
            waiting = asyncio.ensure_future(other.fetch(query("lock_devices"), ["e"]))

            async def blocked() -> bool:
                return bool(await one.fetchval("select cardinality(pg_blocking_pids($1)) > 0", pid))

            await eventually(blocked)
        assert await waiting == []
