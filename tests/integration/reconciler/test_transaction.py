"""One transaction for a batch: what it writes, what it collapses, and when it writes nothing."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.core import chain
from reconciler.core.batch import Arrived, Batch, Place, Position
from reconciler.core.decide import decide
from reconciler.decode import REFUSED, condemned
from reconciler.faults import FencedError, RefusedError
from reconciler.postgres.ledger import Postgres
from schemas.record import Record, quarantine_record
from tests.integration.reconciler.desk import Desk
from tests.integration.reconciler.rows import rows_of
from tests.integration.reconciler.said import (
    ACCOUNT,
    EIDS,
    ICCIDS,
    TOPICS,
    Named,
    callback,
    moment,
    poll,
    request,
)
from tests.support.database import Database

X, Y = ICCIDS[:2]
EID = EIDS[0]
OF_R = Named(request="R", eid=EID, action="delete")
OF_X = Named(request="R", eid=EID, action="delete", iccid=X)


async def column(database: Database, statement: str, *arguments: object) -> list[object]:
    async with database.connect() as connection:
        return [row[0] for row in await connection.fetch(statement, *arguments)]


async def test_four_copies_in_one_batch_are_one_event_with_four_deliveries(
    database: Database, desk: Desk
) -> None:
    copies = [callback(request="R", eid=EID, at=10 - n, attempt=1 + n) for n in range(4)]
    counted = await desk.put(*copies)
    assert counted.outcomes == {("callback", "applied"): 1, ("callback", "copy"): 3}
    assert await column(database, "select observed_at from ledger.evidence") == [moment(7)]
    assert await column(database, "select attempt from ledger.evidence") == [4]
    assert len(await column(database, "select 1 from ledger.event")) == 1
    assert await column(database, "select attempt from ledger.delivery order by 1") == [1, 2, 3, 4]


async def test_copies_in_other_batches_and_partitions_collapse_too(database: Database, desk: Desk) -> None:
    for partition in range(4):
        await desk.put(callback(request="R", eid=EID, at=-partition), partition=partition)
    assert len(await column(database, "select 1 from ledger.event")) == 1
    assert await column(database, "select partition from ledger.delivery order by 1") == [0, 1, 2, 3]
    assert await column(database, "select first_seen_at from ledger.operation") == [moment(-3)]


async def test_each_event_notes_what_it_did_when_it_arrived(database: Database, desk: Desk) -> None:
    noted = {
        "announced": (request(**OF_X), "applied"),
        "warned": (callback("warning", **OF_R), "applied"),
        "warned again": (callback("warning", text="again", **OF_R), "repeated"),
        "done": (callback("Success", **OF_R), "applied"),
        "failed": (callback("Failed", **OF_R), "conflict"),
        "polled": (poll("Failed", request="R", eid=EID, iccid=X), "applied"),
        "about nothing": (callback("Success"), "unmatched"),
    }
    await desk.put_each([record for record, _ in noted.values()])
    outcomes = await column(database, "select outcome from ledger.event order by chain_position")
    assert dict(zip(noted, outcomes, strict=True)) == {what: note for what, (_, note) in noted.items()}


async def test_events_of_one_batch_are_noted_as_if_each_had_come_alone(
    database: Database, desk: Desk
) -> None:
    await desk.put(callback("Success", **OF_R), callback("warning", **OF_R), callback("Failed", **OF_R))
    outcomes = await column(database, "select outcome from ledger.event order by chain_position")
    assert outcomes == ["applied", "late", "conflict"]


async def test_a_batch_that_starts_elsewhere_is_fenced_and_leaves_nothing(
    database: Database, desk: Desk, postgres: Postgres
) -> None:
    await desk.put(callback(request="R", eid=EID))
    before = await rows_of(database)
    late = desk.batch([desk.consumed(callback(request="S", eid=EID))])
    place = Place(TOPICS.events, 0)
    for start in (0, 2):
        with pytest.raises(FencedError) as fenced:
            await postgres.transact(Batch(late.items, {place: start}), decide)
        assert fenced.value.stored == {place: 1}
    assert await rows_of(database) == before


async def test_a_batch_that_was_committed_before_is_fenced_with_the_offsets_behind_it(
    desk: Desk, postgres: Postgres
) -> None:
    """So a commit whose answer was lost is harmless."""
    batch = desk.batch([desk.consumed(callback(request="R", eid=EID))])
    await desk.apply(batch)
    with pytest.raises(FencedError) as fenced:
        await postgres.transact(batch, decide)
    assert fenced.value.stored == {place: end.next_offset for place, end in batch.ends().items()}


async def test_stored_offsets_are_those_of_the_last_applied_records(desk: Desk, postgres: Postgres) -> None:
    records = [callback(request=f"R{n}", eid=EID) for n in range(3)]
    batch = desk.batch(desk.consumed(record, n % 2) for n, record in enumerate(records))
    await desk.apply(batch)
    positions = await postgres.positions(list(batch.starts))
    assert positions == {
        Place(TOPICS.events, 0): Position(2, batch.items[2].identity),
        Place(TOPICS.events, 1): Position(1, batch.items[1].identity),
    }


async def test_each_partition_has_a_chain_that_verifies(database: Database, desk: Desk) -> None:
    for number in range(6):
        await desk.put(
            callback(request=f"R{number}", eid=EID, action="enable"),
            callback(request=f"R{number}", eid=EID, action="enable"),
            request(request=f"R{number}", eid=EID, iccid=X),
            partition=number % 2,
        )
    async with database.connect() as connection:
        for partition in range(2):
            head = chain.GENESIS
            rows = await connection.fetch(
                "select * from ledger.event where partition = $1 order by chain_position", partition
            )
            for position, row in enumerate(rows, start=1):
                assert row["chain_position"] == position
                assert row["body_digest"] == chain.digest(row["body_salt"], row["body"])
                meta = chain.metadata([row[name] for name in chain.COLUMNS])
                head = chain.link(head, meta, row["body_digest"])
                assert row["chain_hash"] == head
            stored = await connection.fetchrow(
                "select chain_head, chain_events from ledger.consumer_offset where partition = $1", partition
            )
            assert stored is not None and tuple(stored) == (head, 6)


async def test_the_body_is_what_was_received_or_else_the_event(database: Database, desk: Desk) -> None:
    callback_record, request_record = callback("Success", **OF_R), request(**OF_R)
    await desk.put(callback_record, request_record)
    bodies = await column(database, "select body from ledger.event order by chain_position")
    assert callback_record.value is not None
    posted = json.loads(callback_record.value)["body"]
    assert bodies == [json.dumps(posted, separators=(",", ":")).encode(), request_record.value]


def aside(reason: str = "not_json", kept: bytes = b"{", account: str | None = ACCOUNT) -> Record:
    return quarantine_record(
        TOPICS,
        reason=reason,
        account=None if account is None else ACCOUNT,
        request_id=None,
        source_ip="69.78.128.1",
        observed_at=moment(0),
        producer="receiver/test",
        kept=kept,
        length=len(kept),
    )


async def test_equal_account_reason_and_bytes_are_one_row_of_the_quarantine(
    database: Database, desk: Desk
) -> None:
    counted = await desk.put(aside(), aside(), aside(reason="unauthenticated"), aside(kept=b"["))
    await desk.put(aside(), aside(account=None), partition=1)
    await desk.put(aside(account=None))
    assert counted.quarantined == 4
    copies = await column(database, "select copies from ledger.quarantine order by reason, account, copies")
    assert copies == [1, 3, 2, 1]


async def test_what_cannot_be_decoded_is_set_aside_and_the_rest_goes_on(
    database: Database, desk: Desk
) -> None:
    good = callback(request="R", eid=EID)
    assert good.value is not None
    bad = {
        "not_json": b"{",
        "unknown_kind": good.value.replace(b'"kind":"callback"', b'"kind":"prophecy"', 1),
        "wrong_id": good.value.replace(b'"Success"', b'"Failed"'),
        "unscrubbed": good.value.replace(b'"note":""', b'"password":"canary"'),
        "empty": None,
    }
    records = [Record(TOPICS.events, b"k", value, ()) for value in bad.values()]
    counted = await desk.put(*records, good)
    assert counted.quarantined == len(bad)
    assert await column(database, "select reason from ledger.quarantine order by reason") == sorted(bad)
    kept = await column(database, "select bytes from ledger.quarantine where reason = 'unscrubbed'")
    assert kept == [b""]
    assert len(await column(database, "select 1 from ledger.event")) == 1


async def test_a_profile_has_a_history_without_holes_or_overlaps(database: Database, desk: Desk) -> None:
    await desk.put_each(
        [
            request(request="R1", eid=EID, iccid=X, action="download", at=1),
            callback("Success", request="R1", eid=EID, iccid=X, action="download", at=2),
            request(request="R2", eid=EID, iccid=X, action="enable", at=3),
            callback("Success", request="R2", eid=EID, iccid=X, action="enable", at=4),
        ]
    )
    async with database.connect() as connection:
        rows = await connection.fetch(
            "select state, recorded_from, recorded_until, version from ledger.profile_history"
            " where iccid = $1 order by recorded_from",
            X,
        )
        current = await connection.fetchval("select version from ledger.profile where iccid = $1", X)
    assert [row["state"] for row in rows] == ["disabled", "enabled"]
    assert [row["recorded_until"] for row in rows] == [rows[1]["recorded_from"], None]
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert [epoch + timedelta(microseconds=row["version"]) for row in rows] == [
        row["recorded_from"] for row in rows
    ]
    assert current == rows[-1]["version"]


async def test_two_profiles_of_one_device_change_places_in_one_batch(database: Database, desk: Desk) -> None:
    """Between the two rows the table breaks its own rules; they are checked at commit."""
    await desk.put_each(
        [
            callback("Success", request="R1", eid=EID, iccid=X, action="enable", at=1),
            request(request="R1", eid=EID, iccid=X, action="enable", at=1),
            request(request="R2", eid=EID, iccid=X, action="setfallbackattribute", at=2),
            callback("Success", request="R2", eid=EID, iccid=X, action="setfallbackattribute", at=3),
        ]
    )
    await desk.put(
        request(request="R3", eid=EID, iccid=Y, action="enable", at=4),
        callback("Success", request="R3", eid=EID, iccid=Y, action="enable", at=5),
        request(request="R4", eid=EID, iccid=Y, action="setfallbackattribute", at=6),
        callback("Success", request="R4", eid=EID, iccid=Y, action="setfallbackattribute", at=7),
    )
    rows = await column(
        database, "select iccid || ' ' || state || ' ' || bootstrap from ledger.profile order by iccid"
    )
    assert rows == [f"{X} disabled false", f"{Y} enabled true"]


async def test_an_open_operation_is_scheduled_and_a_settled_one_is_not(
    database: Database, desk: Desk
) -> None:
    await desk.put(request(**OF_X))
    first = await column(database, "select next_poll_at from ledger.poll")
    assert len(first) == 1 and isinstance(first[0], datetime)
    assert moment(5 * 60) <= first[0] <= moment(5.5 * 60)
    await desk.put(callback("Success", **OF_R))
    assert await column(database, "select next_poll_at from ledger.poll") == [None]


async def test_a_new_doubt_asks_for_a_poll_at_once(database: Database, desk: Desk) -> None:
    await desk.put(request(**OF_X))
    await desk.put(callback("odd", **OF_R))
    reasons = await column(database, "select due_reason from ledger.poll where next_poll_at <= now()")
    assert reasons == ["unclear"]


async def test_an_intent_that_becomes_a_request_leaves_no_operation_behind(
    database: Database, desk: Desk
) -> None:
    await desk.put(request("intended", intent="I", eid=EID, iccid=X, action="enable"))
    alone = await column(database, "select operation_id from ledger.operation")
    await desk.put(request("submitted", request="R", intent="I", eid=EID, iccid=X, action="enable"))
    rows = await column(database, "select request_id from ledger.operation")
    assert rows == ["R"]
    assert alone and alone != await column(database, "select operation_id from ledger.operation")
    facts = await column(database, "select facts from ledger.operation")
    assert facts == [["intended", "submitted"]]


@pytest.fixture
async def unwanted(database: Database) -> str:
    """A request id that a rule of ours, made for this test, refuses."""
    async with database.connect() as connection:
        await connection.execute("alter table ledger.event drop constraint event_kind_known")
        await connection.execute(
            "alter table ledger.event add constraint event_kind_known check (request_id <> 'poison')"
        )
    return "poison"


async def test_a_row_that_breaks_a_rule_of_ours_refuses_the_batch_and_names_the_rule(
    database: Database, desk: Desk, unwanted: str
) -> None:
    batch = desk.batch(desk.consumed(callback(request=request_id, eid=EID)) for request_id in ("R", unwanted))
    with pytest.raises(RefusedError, match="23514 event_kind_known"):
        await desk.apply(batch)
    assert await column(database, "select 1 from ledger.event") == []


async def test_a_condemned_event_is_kept_whole_and_its_offset_moves(
    database: Database, desk: Desk, unwanted: str
) -> None:
    batch = desk.batch([desk.consumed(callback(request=unwanted, eid=EID))])
    (item,) = batch.items
    assert isinstance(item, Arrived)
    await desk.apply(Batch((condemned(item, "23514 event_kind_known"),), batch.starts))
    async with database.connect() as connection:
        row = await connection.fetchrow(
            "select reason, account, request_id, bytes, error from ledger.quarantine"
        )
        assert row is not None
        assert tuple(row) == (REFUSED, ACCOUNT, unwanted, item.value, "23514 event_kind_known")
        assert await connection.fetchval("select next_offset from ledger.consumer_offset") == 1
