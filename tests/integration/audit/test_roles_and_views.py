"""Who may do what, and what the views promise (interfaces.md 5)."""

import asyncpg
import pytest

from tests.integration.audit.conftest import Ledger
from tests.support.database import AUDITOR, WRITER, Database

PROMISED = {
    "events": "event_id kind account request_id eid iccid_reported iccid_target action signal outcome "
    "operation_id observed_at recorded_at flags partition offset chain_hash body",
    "deliveries": "event_id attempt attempts_max source_ip observed_at partition offset account",
    "offsets": "topic partition next_offset last_event_id topic_id",
    "operations": "operation_id account request_id intent_id eid device iccid_target action state final "
    "facts first_seen_at settled_at polls next_poll_at overdue abandoned version",
    "profiles": "account eid iccid bootstrap state possible_states certainty suspended since operation_id "
    "version",
    "profile_history": "account eid iccid bootstrap state possible_states certainty suspended since "
    "operation_id version recorded_from recorded_until",
    "offset_decisions": "topic partition decision offset_before offset_after records_missing why decided_by "
    "decided_at topic_id_before topic_id_after",
    "rebuilds": "rebuild_id rules reclassify why started_by started_at ended_at changes",
    "rebuild_changes": "rebuild_id table_name row_name change account said changed_at",
    "reclassifications": "evidence_key account rules fact action rebuild_id",
    "quarantine_actions": "quarantine_id account reason action why done_by done_at",
    "quarantine": "quarantine_id reason account request_id source_ip observed_at status bytes copies error",
}

WITHOUT_PARTITION = {
    *("quarantine_action", "reclassification", "rebuild", "rebuild_end", "rebuild_change"),
}
APPEND_ONLY = {"event", "delivery", "offset_decision", *WITHOUT_PARTITION}
NEVER_ALTERED = {"outbox"}
NEVER_DELETED = {"intent", "lease"}
READ_ONLY = {"schema_migration"}

TABLES = """
select relname
from pg_class
where relnamespace = 'ledger'::regnamespace and relkind in ('r', 'p') and not relispartition
"""

PARTITIONS = """
select relname
from pg_class
where relnamespace = 'ledger'::regnamespace and relkind in ('r', 'p') and relispartition
"""


@pytest.mark.parametrize("view", PROMISED)
async def test_a_view_has_at_least_the_promised_columns_and_the_auditor_reads_it(
    ledger: Ledger, view: str
) -> None:
    async with ledger.database.connect(AUDITOR) as connection:
        columns = (await connection.prepare(f"select * from audit.{view}")).get_attributes()
        await connection.fetch(f"select * from audit.{view}")
    assert {column.name for column in columns} >= set(PROMISED[view].split())


async def test_lists_are_arrays_and_hashes_are_text(ledger: Ledger) -> None:
    async with ledger.database.connect(AUDITOR) as connection:
        events = (await connection.prepare("select * from audit.events")).get_attributes()
        operations = (await connection.prepare("select * from audit.operations")).get_attributes()
    types = {column.name: column.type.name for column in events}
    assert types["flags"] == "text[]"
    assert (types["event_id"], types["chain_hash"], types["body"]) == ("text", "text", "text")
    assert {column.name: column.type.name for column in operations}["facts"] == "text[]"


async def test_the_auditor_reads_schema_audit_and_nothing_else(ledger: Ledger) -> None:
    async with ledger.database.connect(AUDITOR) as connection:
        readable = await connection.fetch(
            "select relnamespace::regnamespace::text || '.' || relname as name from pg_class"
            " where relkind in ('r', 'p', 'v', 'm', 'S') and relnamespace::regnamespace::text"
            " not in ('pg_catalog', 'information_schema') and has_schema_privilege(relnamespace, 'usage')"
            " and has_table_privilege(oid, 'select')"
        )
        assert {row["name"].split(".")[0] for row in readable} == {"audit"}
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("select * from ledger.event")


async def test_the_auditor_cannot_write_and_has_a_time_limit(ledger: Ledger) -> None:
    async with ledger.database.connect(AUDITOR) as connection:
        assert await connection.fetchval("show statement_timeout") == "1min"
        await connection.execute("set default_transaction_read_only = off")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("delete from audit.quarantine")


@pytest.mark.parametrize("table", sorted(APPEND_ONLY - WITHOUT_PARTITION))
@pytest.mark.parametrize(
    "statement", ["update ledger.{} set partition = 1", "delete from ledger.{}", "truncate ledger.{}"]
)
async def test_the_writer_cannot_alter_the_audit_log(ledger: Ledger, table: str, statement: str) -> None:
    async with ledger.database.connect(WRITER) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement.format(table))


async def test_the_writer_cannot_reach_the_audit_log_through_its_partitions(database: Database) -> None:
    async with database.connect(WRITER) as connection:
        await connection.fetchval("select ledger.ensure_event_partitions(6)")
        partitions = [row["relname"] for row in await connection.fetch(PARTITIONS)]
        assert len(partitions) >= 7
        for partition in partitions:
            for right in ("select", "insert", "update", "delete", "truncate"):
                assert not await connection.fetchval(
                    "select has_table_privilege($1, $2)", f"ledger.{partition}", right
                ), (partition, right)


async def test_every_table_was_given_to_the_writer_on_purpose(ledger: Ledger) -> None:
    """A new table is closed until its migration grants it; this names the one that was forgotten."""
    async with ledger.database.connect(WRITER) as connection:
        for row in await connection.fetch(TABLES):
            table, rights = row["relname"], set()
            for right in ("select", "insert", "update", "delete", "truncate"):
                if await connection.fetchval("select has_table_privilege($1, $2)", f"ledger.{table}", right):
                    rights.add(right)
            assert rights == expected_rights(table), table


def expected_rights(table: str) -> set[str]:
    if table in READ_ONLY:
        return {"select"}
    if table in APPEND_ONLY:
        return {"select", "insert"}
    if table in NEVER_ALTERED:
        return {"select", "insert", "delete"}
    if table in NEVER_DELETED:
        return {"select", "insert", "update"}
    return {"select", "insert", "update", "delete"}


async def test_the_writer_cannot_change_the_schema(ledger: Ledger) -> None:
    async with ledger.database.connect(WRITER) as connection:
        for statement in ("create table ledger.x ()", "drop view audit.events", "create schema x"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
