"""`overdue`, `decide` and `explain` on a real database, as people type them."""

import json
from collections.abc import Mapping
from typing import cast

import pytest

from deploy.local.stack import Stack
from reconciler.commands import decide
from schemas.topics import Topics
from tests.integration.reconciler.consuming import running
from tests.integration.reconciler.desk import Desk
from tests.integration.reconciler.said import EIDS, ICCIDS, callback, poll, request
from tests.integration.sweep.conftest import Typed
from tests.support.database import Database
from tests.support.kafka import read_topic

EID, (X, Y) = EIDS[0], ICCIDS[:2]
MONTH_AGO = -31 * 86400.0
Row = Mapping[str, object]


def rows(found: list[object]) -> list[Row]:
    return [cast(Row, row) for row in found]


async def test_what_is_overdue_is_listed_with_the_reason_and_the_next_poll(desk: Desk, typed: Typed) -> None:
    await desk.put(
        request(request="old", eid=EIDS[1], iccid=X, action="enable", at=MONTH_AGO),
        request(request="asked", eid=EID, iccid=X, action="enable"),
        callback("warning", request="warned", eid=EIDS[2], iccid=X, action="delete"),
        request("intended", intent="I", eid=EIDS[3], iccid=X, action="delete"),
        callback("Success", request="done", eid=EIDS[2], iccid=Y, action="enable"),
    )
    listed = rows((await typed("profile-audit", "overdue", "--json")).ndjson())
    assert listed[0]["request_id"] == "old"
    by_id = {row["request_id"]: row for row in listed}
    assert by_id.keys() == {"old", "asked", "warned", None}
    assert (by_id["old"]["abandoned"], by_id["asked"]["abandoned"]) == (True, False)
    assert "decide" in str(by_id["old"]["why"])
    assert "a warning came" in str(by_id["warned"]["why"])
    assert "without a request id" in str(by_id[None]["why"])
    shown = (await typed("profile-audit", "overdue")).stdout
    assert "abandoned" in shown and "due now" in shown and X in shown
    only = await typed("profile-audit", "overdue", "--json", "--account", "another")
    assert only.stdout == ""
    assert "Nothing is overdue" in (await typed("profile-audit", "overdue", "--account", "another")).stdout


async def test_overdue_pages_through_any_number(desk: Desk, typed: Typed) -> None:
    await desk.put(*(request(request=f"R{n}", eid=EID, iccid=X, action="enable", at=n) for n in range(130)))
    listed = rows((await typed("profile-audit", "overdue", "--json")).ndjson())
    assert [row["request_id"] for row in listed] == [f"R{n}" for n in range(130)]
    assert len((await typed("profile-audit", "overdue", "--json", "--limit", "7")).ndjson()) == 7
    assert "the oldest 100" in (await typed("profile-audit", "overdue")).stdout


async def test_explain_tells_the_row_the_events_and_what_comes_next(desk: Desk, typed: Typed) -> None:
    await desk.put_each(
        [
            request(request="R", eid=EID, iccid=X, action="enable"),
            callback("Success", request="R", eid=EID, iccid=X, action="enable", at=10),
            callback("Failed", request="R", eid=EID, iccid=X, action="enable", at=20),
            callback("Success", request="R", eid=EID, iccid=X, action="delete", at=30),
            poll("Pending", request="R", eid=EID, iccid=X, at=40),
        ]
    )
    done = await typed("profile-reconciler", "explain", "R", "--json")
    (found,) = cast(list[Row], cast(Row, done.json())["operations"])
    row = cast(Row, found["row"])
    assert (found["state"], row["number"]) == ("conflicted", 4)
    assert [len(cast(list[object], found[part])) for part in ("asked", "arrived", "polled", "decided")] == [
        *(1, 3, 1, 0)
    ]
    (unclear,) = cast(list[Row], found["unclear"])
    assert unclear["why"] == "it names the action delete, this operation is enable"
    assert "decide R" in str(found["next"])
    shown = (await typed("profile-reconciler", "explain", "R")).stdout
    for words in ("row 4 of the table", "as many sources say success", "What was polled", f"ICCID {X}"):
        assert words in shown, shown


async def test_explain_says_when_nothing_is_known(typed: Typed, database: Database) -> None:
    done = await typed("profile-reconciler", "explain", "nobody", code=1)
    assert "nothing is known of a request or intent nobody" in done.stderr


async def test_explain_takes_an_intent_and_finds_what_it_became(desk: Desk, typed: Typed) -> None:
    await desk.put(
        request("intended", intent="alone", eid=EID, iccid=X, action="enable"),
        request("intended", intent="I", eid=EID, iccid=Y, action="enable"),
        request("submitted", intent="I", request="R", eid=EID, iccid=Y, action="enable"),
    )
    alone = (await typed("profile-reconciler", "explain", "alone")).stdout
    assert "intent alone" in alone and "row 11 of the table" in alone and "meant to ask for enable" in alone
    assert "cannot be asked without a request id" in " ".join(alone.split())
    became = (await typed("profile-reconciler", "explain", "I")).stdout
    assert "request R" in became and Y in became


async def conflicted(desk: Desk, *, request_id: str = "R") -> None:
    await desk.put(
        request(request=request_id, eid=EID, iccid=X, action="enable"),
        callback("Success", request=request_id, eid=EID, iccid=X, action="enable", at=10),
        callback("Failed", request=request_id, eid=EID, iccid=X, action="enable", at=20),
    )


WORDS = ("--as", "succeeded", "--why", "seen on the device", "--by", "Anna")


async def test_a_decision_is_applied_and_said_once(
    desk: Desk, typed: Typed, stack: Stack, database: Database, topics: Topics
) -> None:
    await conflicted(desk)
    async with running(stack, database, topics):
        first = await typed("profile-reconciler", "decide", "R", "--eid", EID, *WORDS, "--json")
        told = cast(Row, first.json())
        assert (told["before"], told["applied"], told["state"]) == ("conflicted", True, "succeeded")
        again = await typed("profile-reconciler", "decide", "R", "--eid", EID, *WORDS)
        assert "already" in again.stdout
    assert len(await read_topic(stack.bootstrap, topics.events)) == 1
    explained = (await typed("profile-reconciler", "explain", "R")).stdout
    assert "row 1 of the table" in explained and "seen on the device" in explained and "Anna" in explained


async def test_a_decision_that_nobody_applies_now_is_recorded(
    desk: Desk, typed: Typed, stack: Stack, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    await conflicted(desk)
    monkeypatch.setattr(decide, "APPLIED_WITHIN_S", 0.2)
    done = await typed("profile-reconciler", "decide", "R", "--eid", EID, *WORDS)
    assert "is conflicted" in done.stdout.splitlines()[1]
    assert "is recorded" in done.stdout
    (record,) = await read_topic(stack.bootstrap, topics.events)
    assert record.value is not None
    said = json.loads(record.value)
    assert (said["as"], said["why"], said["decided_by"]) == ("succeeded", "seen on the device", "Anna")


async def test_a_decision_about_several_operations_is_refused_and_they_are_listed(
    desk: Desk, typed: Typed, stack: Stack, topics: Topics
) -> None:
    await desk.put(*(request(request="R", eid=EID, iccid=iccid, action="enable") for iccid in (X, Y)))
    done = await typed("profile-reconciler", "decide", "R", "--eid", EID, *WORDS, code=1)
    assert "--iccid" in done.stderr and X in done.stderr and Y in done.stderr
    dry = await typed("profile-reconciler", "decide", "R", "--eid", EID, "--iccid", Y, *WORDS, "--dry-run")
    assert Y in dry.stdout and X not in dry.stdout
    unknown = await typed("profile-reconciler", "decide", "S", "--eid", EID, *WORDS, code=1)
    assert "neither a request nor an intent S" in unknown.stderr
    wrong = await typed("profile-reconciler", "decide", "R", "--eid", EIDS[1], *WORDS, code=1)
    assert "no such operation" in wrong.stderr
    assert await read_topic(stack.bootstrap, topics.events) == []


async def test_an_intent_is_decided_by_its_own_id(
    desk: Desk, typed: Typed, stack: Stack, database: Database, topics: Topics
) -> None:
    await desk.put(request("submit_unclear", intent="I", eid=EID, iccid=X, action="delete"))
    words = ("--as", "void", "--why", "never sent")
    async with running(stack, database, topics):
        done = await typed("profile-reconciler", "decide", "I", "--eid", EID, *words, "--json")
    told = cast(Row, done.json())
    assert (told["intent_id"], told["state"], told["applied"]) == ("I", "void", True)
