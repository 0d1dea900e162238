"""What the sweep does without ThingSpace: it wakes what was refused, and joins intents left behind."""

from datetime import UTC, datetime, timedelta

import pytest

from reconciler.sweep.intents import Intent, told
from reconciler.sweep.ledger import SweepLedger
from schemas.ids import AccountName, RequestId
from schemas.record import Record, quarantine_record, record_of
from tests.integration.reconciler.desk import Desk
from tests.integration.reconciler.said import (
    ACCOUNT,
    EIDS,
    ICCIDS,
    OTHER_ACCOUNT,
    TOPICS,
    callback,
    decision,
    request,
)
from tests.support.database import Database

EID, (X, Y) = EIDS[0], ICCIDS[:2]
DEADLINE = timedelta(minutes=5)
NOW = datetime.now(UTC)


def refused(request_id: str, *, account: AccountName = ACCOUNT, length: int = 100) -> Record:
    """What a receiver keeps of a callback with wrong credentials."""
    return quarantine_record(
        TOPICS,
        reason="unauthenticated",
        account=account,
        request_id=RequestId(request_id),
        source_ip="192.0.2.1",
        observed_at=datetime.now(UTC),
        producer="receiver/test",
        kept=b"",
        length=length,
    )


async def looks(database: Database) -> list[tuple[str, str | None, bool]]:
    """Request, reason, and whether it is due now."""
    async with database.connect() as connection:
        found = await connection.fetch(
            "select o.request_id, p.due_reason, coalesce(p.next_poll_at <= now(), false)"
            " from ledger.poll as p join ledger.operation as o using (operation_id) order by 1"
        )
    return [tuple(row) for row in found]


async def execute(database: Database, statement: str) -> None:
    async with database.connect() as connection:
        await connection.execute(statement)


SLEEP = "update ledger.poll set next_poll_at = now() + interval '1 day', due_reason = null"


async def test_a_refused_callback_wakes_its_open_request_once_an_hour(
    desk: Desk, database: Database, shelf: SweepLedger
) -> None:
    await desk.put(
        request(request="open", eid=EID, iccid=X, action="enable"),
        callback(request="done", eid=EID, iccid=X, action="enable"),
        refused("open"),
        refused("done"),
        refused("nobody"),
        refused("open", account=OTHER_ACCOUNT),
    )
    await execute(database, SLEEP)
    assert await shelf.wake_refused() == 1
    assert await looks(database) == [("open", "refused", True)]
    await execute(database, SLEEP)
    await desk.put(refused("open", length=101))
    assert await shelf.wake_refused() == 0
    await execute(database, "update ledger.poll set refused_at = now() - interval '61 minutes'")
    assert await shelf.wake_refused() == 1


async def test_the_same_refused_callback_wakes_nobody_twice(
    desk: Desk, database: Database, shelf: SweepLedger
) -> None:
    await desk.put(request(request="open", eid=EID, iccid=X, action="enable"), refused("open"))
    assert await shelf.wake_refused() == 1
    await execute(
        database,
        "update ledger.poll set refused_at = now() - interval '61 minutes';"
        "update ledger.quarantine set last_recorded_at = now() - interval '90 minutes'",
    )
    assert await shelf.wake_refused() == 0


async def told_of(desk: Desk, intents: list[Intent]) -> None:
    await desk.put(*(record_of(TOPICS, told(intent, NOW)) for intent in intents))


async def operations(database: Database) -> list[tuple[str | None, str | None, str]]:
    async with database.connect() as connection:
        found = await connection.fetch(
            "select request_id, intent_id, state from ledger.operation order by 1, 2"
        )
    return [tuple(row) for row in found]


async def test_an_intent_left_behind_is_joined_with_what_was_observed(
    desk: Desk, database: Database, shelf: SweepLedger
) -> None:
    await desk.put(
        request("intended", intent="I", eid=EID, iccid=X, action="enable"),
        callback(request="R", eid=EID, iccid=X, action="enable", at=10),
    )
    (twin,) = await shelf.twins(DEADLINE)
    assert (twin.intent_id, twin.request_id) == ("I", "R")
    await told_of(desk, [twin])
    assert await operations(database) == [("R", "I", "succeeded")]
    assert await shelf.twins(DEADLINE) == await shelf.left_behind(DEADLINE) == []


async def test_an_intent_without_a_twin_becomes_unclear_and_is_still_joined_later(
    desk: Desk, database: Database, shelf: SweepLedger
) -> None:
    await desk.put(request("intended", intent="I", eid=EID, iccid=X, action="enable"))
    assert await shelf.twins(DEADLINE) == []
    (alone,) = await shelf.left_behind(DEADLINE)
    await told_of(desk, [alone])
    assert await operations(database) == [(None, "I", "submit_unclear")]
    assert await shelf.left_behind(DEADLINE) == []
    await desk.put(callback("Failed", request="R", eid=EID, iccid=X, action="enable", at=99))
    await told_of(desk, list(await shelf.twins(DEADLINE)))
    assert await operations(database) == [("R", "I", "failed")]


@pytest.mark.parametrize(
    "others",
    [
        [callback(request="R", eid=EIDS[1], iccid=X, action="enable", at=10)],
        [callback(request="R", eid=EID, iccid=Y, action="enable", at=10)],
        [callback(request="R", eid=EID, iccid=X, action="delete", at=10)],
        [callback(request="R", eid=EID, iccid=X, action="enable", at=10, account=OTHER_ACCOUNT)],
        [callback(request="R", eid=EID, iccid=X, action="enable", at=-120)],
        [request(request="R", eid=EID, iccid=X, action="enable", at=10)],
        [request("submitted", request="R", intent="J", eid=EID, iccid=X, action="enable", at=10)],
        [callback(request=name, eid=EID, iccid=X, action="enable", at=10) for name in ("R", "S")],
        [
            callback(request="R", eid=EID, iccid=X, action="enable", at=10),
            request("intended", intent="J", eid=EID, iccid=X, action="enable"),
        ],
        [
            callback(request="R", eid=EID, iccid=X, action="enable", at=10),
            decision("void", intent="I", eid=EID, iccid=X),
        ],
    ],
    ids=[
        "another device",
        "another profile",
        "another action",
        "another account",
        "observed before",
        "announced by somebody",
        "another intent's",
        "two of them",
        "two intents",
        "decided",
    ],
)
async def test_nothing_is_joined_that_may_be_something_else(
    desk: Desk, shelf: SweepLedger, others: list[Record]
) -> None:
    await desk.put(request("intended", intent="I", eid=EID, iccid=X, action="enable"), *others)
    assert await shelf.twins(DEADLINE) == []


async def test_whoever_is_still_at_it_is_left_alone(desk: Desk, shelf: SweepLedger) -> None:
    """The deadline counts from when the intent was first known; it was an hour ago."""
    await desk.put(request("intended", intent="I", eid=EID, iccid=X, action="enable"))
    assert await shelf.left_behind(timedelta(hours=2)) == []


OWN = """
insert into ledger.intent (
  intent_id, order_key, attempt, account, eid, iccid, action, state, request_id, requested_by, requested_at,
  flags, changed_at
)
values ('I', 'I', 0, '0252012345-00001', 'E', 'X', 'enable', 'STATE', REQUEST, 'Anna', now(), '{}',
  now() - interval '1 hour')
"""


async def own_intent(database: Database, state: str, request_id: str | None = None) -> None:
    """The row that `submit` keeps of it, an hour old."""
    named = "null" if request_id is None else f"'{request_id}'"
    await execute(database, OWN.replace("STATE", state).replace("REQUEST", named))


@pytest.mark.parametrize(
    ("state", "alone", "twins"),
    [("intended", 0, 0), ("sending", 1, 1), ("unclear", 0, 1), ("rejected", 0, 0), ("withdrawn", 0, 0)],
)
async def test_of_our_own_intents_only_those_nobody_knows_of_are_left_behind(
    desk: Desk, database: Database, shelf: SweepLedger, state: str, alone: int, twins: int
) -> None:
    """What was certainly not sent has no twin, and `submit` sends it when it is run again."""
    await desk.put(request("intended", intent="I", eid=EID, iccid=X, action="enable"))
    await own_intent(database, state)
    assert len(await shelf.left_behind(DEADLINE)) == alone
    await desk.put(callback(request="R", eid=EID, iccid=X, action="enable", at=10))
    assert len(await shelf.twins(DEADLINE)) == twins


async def test_an_answer_that_submit_kept_and_could_not_say_is_found_once(
    database: Database, shelf: SweepLedger
) -> None:
    await own_intent(database, "sent", "R")
    (entry,) = await shelf.unsaid(DEADLINE)
    assert (entry.intent_id, entry.request_id, entry.requested_by) == ("I", "R", "Anna")
    assert await shelf.unsaid(timedelta(hours=2)) == []
    await shelf.said(entry)
    assert await shelf.unsaid(DEADLINE) == []
