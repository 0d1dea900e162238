"""Filters, pages and the proof, asked as the auditor, on rows that the reconciler wrote."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from reconciler.audit import reading
from reconciler.audit.reading import AuditReader
from reconciler.audit.stories import EventFilter, Row
from reconciler.audit.verify import Fault
from reconciler.postgres.admin import Access, fitting_session
from tests.integration.audit.conftest import Ledger
from tests.integration.audit.speech import ACCOUNT, EID, ICCID
from tests.support.database import Database

YEARS_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@asynccontextmanager
async def reader(database: Database) -> AsyncIterator[AuditReader]:
    async with fitting_session(Access(database.auditor_dsn, "AUDIT_POSTGRES_DSN"), "test") as connection:
        yield AuditReader(connection)


async def events(database: Database, wanted: EventFilter) -> list[Row]:
    async with reader(database) as audit:
        return [event async for event in audit.events(wanted)]


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (EventFilter(), 4),
        (EventFilter(account=ACCOUNT), 4),
        (EventFilter(account="other"), 0),
        (EventFilter(eid=EID), 4),
        (EventFilter(iccid=ICCID), 4),
        (EventFilter(iccid="8914"), 0),
        (EventFilter(request_id="r-settled"), 2),
        (EventFilter(signal="interim"), 1),
        (EventFilter(signal="success", request_id="r-warned"), 0),
        (EventFilter(since=YEARS_AGO), 4),
        (EventFilter(until=YEARS_AGO), 0),
        (EventFilter(limit=3), 3),
        (EventFilter(limit=1, signal="interim"), 1),
    ],
    ids=repr,
)
async def test_each_filter_lets_through_what_it_says(ledger: Ledger, wanted: EventFilter, count: int) -> None:
    assert len(await events(ledger.database, wanted)) == count


async def test_pages_change_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = await events(ledger.database, EventFilter())
    monkeypatch.setattr(reading, "EVENTS_PAGE", 1)
    monkeypatch.setattr(reading, "CHAIN_PAGE", 1)
    assert await events(ledger.database, EventFilter()) == whole
    async with reader(ledger.database) as audit:
        assert await first_faults(audit) == []


async def first_faults(audit: AuditReader) -> list[Fault]:
    return [chain.fault async for chain in audit.verify() if chain.fault is not None]


@asynccontextmanager
async def tampered(database: Database, statement: str) -> AsyncIterator[AuditReader]:
    """A reader that sees what `statement` did; nobody else does, and it is undone."""
    async with database.connect() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(statement)
        yield AuditReader(connection)
        await transaction.rollback()


@pytest.mark.parametrize("page", [1, 500])
@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("update ledger.event set body = body || ' ' where fact = 'success'", "body was altered"),
        ("update ledger.event set body = null where fact = 'success'", "one is missing"),
        (
            "update ledger.event set recorded_at = recorded_at - interval '1 s' where fact = 'success'",
            "altered",
        ),
        ("delete from ledger.event where fact = 'success'", "missing"),
        (
            "update ledger.consumer_offset set chain_head = sha256('x') where chain_events > 0",
            "is stored beside",
        ),
        (
            "insert into ledger.event select (jsonb_populate_record("
            "event, jsonb_build_object('chain_position', chain_position + 100))).*"
            " from ledger.event where fact = 'success'",
            "behind the stored end",
        ),
        ("insert into ledger.event select * from ledger.event where fact = 'success'", "a second row"),
        ("delete from ledger.consumer_offset where chain_events > 0", "behind the stored end"),
    ],
    ids=["body", "half erased", "time", "removed", "head", "added", "doubled", "offsets removed"],
)
async def test_every_way_of_tampering_is_seen(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, statement: str, told: str, page: int
) -> None:
    monkeypatch.setattr(reading, "CHAIN_PAGE", page)
    async with tampered(ledger.database, statement) as audit:
        faults = await first_faults(audit)
    assert len(faults) == 1
    assert told in faults[0].fault


async def test_a_body_erased_with_its_salt_leaves_the_proof_whole(ledger: Ledger) -> None:
    erasure = "update ledger.event set body = null, body_salt = null"
    async with tampered(ledger.database, erasure) as audit:
        assert await first_faults(audit) == []
        assert [event["body"] async for event in audit.events(EventFilter())] == [None] * 4
