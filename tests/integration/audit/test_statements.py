"""Every statement fits today's schema, and none that people wait for reads a whole table."""

from datetime import UTC, datetime
from importlib.resources import files

import pytest

from reconciler.postgres.ledger import SESSION
from reconciler.queries import query
from tests.integration.audit.conftest import Ledger
from tests.support.database import AUDITOR, OWNER, WRITER

NAMES = sorted(file.name.removesuffix(".sql") for file in (files("reconciler") / "sql" / "queries").iterdir())
SMALL = {"rebuild_total"}
"""One row for each partition."""
MOMENT = datetime.now(UTC)
NO_FILTER = (None,) * 7

INDEXED: list[tuple[str, tuple[object, ...]]] = [
    ("audit_request_operations", ("r-settled",)),
    ("audit_request_events", ("r-settled",)),
    ("audit_request_evidence", ("r-settled",)),
    ("audit_event_deliveries", ([bytes(32)],)),
    ("audit_device_profiles", ("8904",)),
    ("audit_device_operations", ("8904",)),
    ("audit_device_history", ("8904",)),
    ("audit_device_as_of", ("8904", MOMENT)),
    ("audit_event_partitions", ()),
    ("audit_events_page", (0, 17, *NO_FILTER, 100)),
    ("audit_events_page", (0, 17, None, "8904", None, None, None, MOMENT, None, 100)),
    ("audit_events_page", (0, 17, None, None, None, "r-settled", None, None, None, 100)),
    ("audit_chain_page", (0, 0, 500, 501)),
    ("audit_overdue", (None, None, None, 100)),
]


def role_of(name: str) -> str:
    if name.startswith("migrate_"):
        return OWNER
    return AUDITOR if name.startswith(("audit_", "offsets_show")) else WRITER


@pytest.mark.parametrize("name", NAMES)
async def test_a_statement_fits_the_schema(ledger: Ledger, name: str) -> None:
    async with ledger.database.connect(role_of(name)) as connection:
        await connection.prepare(query(name))


async def test_no_page_of_a_rebuild_reads_a_whole_table(ledger: Ledger) -> None:
    """With the plan that fits any size, on tables that were never analyzed."""
    scans: dict[str, list[str]] = {}
    async with ledger.database.connect(WRITER) as connection:
        for setting, value in SESSION.items():
            await connection.execute("select set_config($1, $2, false)", setting, value)
        for name in NAMES:
            if not name.startswith("rebuild_") or name in SMALL:
                continue
            asked = (await connection.prepare(query(name))).get_parameters()
            nulls = f"({', '.join('null' for _ in asked)})" if asked else ""
            await connection.execute(f"prepare {name} as {query(name)}")
            plan = await connection.fetch(f"explain execute {name}{nulls}")
            scans[name] = [row[0] for row in plan if "Seq Scan" in row[0]]
    assert {name: lines for name, lines in scans.items() if lines} == {}


@pytest.mark.parametrize(("name", "arguments"), INDEXED, ids=lambda value: str(value)[:60])
async def test_a_question_finds_its_rows_by_an_index(
    ledger: Ledger, name: str, arguments: tuple[object, ...]
) -> None:
    """The tables of a test are small; that an index can be used is what is asked."""
    async with ledger.database.connect(AUDITOR) as connection:
        await connection.execute("set enable_seqscan = off")
        plan = "\n".join(row[0] for row in await connection.fetch(f"explain {query(name)}", *arguments))
    assert "Seq Scan" not in plan, plan
