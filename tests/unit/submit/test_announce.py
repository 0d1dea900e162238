"""What other systems announce: believed where it is a request and nothing but one, set aside otherwise."""

import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from reconciler.relay.announce import announced_event, announcement_of
from reconciler.relay.relay import KEPT_BYTES_MAX, Relayed, Request, relayed
from schemas.event import Phase, RequestEvent, decision_event, request_event
from schemas.ids import AccountName, Eid, Iccid, RequestId
from schemas.quarantine import QuarantineEntry
from schemas.record import Undecodable, decode_event, decode_quarantine
from schemas.topics import Topics

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOPICS = Topics("t.")
SAID: dict[str, object] = {
    "account": "1223334444-00001",
    "request_id": "R",
    "eid": "89049032000000000000000000000163",
    "iccid": "89148000000840784251",
    "action": "enable",
}


def record(value: bytes | None, *headers: tuple[str, bytes]) -> Relayed:
    return relayed(Request(3, 7, value, headers, int(AT.timestamp() * 1000)), TOPICS)


def said(**changes: object) -> bytes:
    members = {**SAID, **changes}
    return json.dumps({name: value for name, value in members.items() if value is not None}).encode()


def event_in(found: Relayed) -> RequestEvent:
    assert found.result == "relayed", found
    assert found.record.topic == TOPICS.events
    event = decode_event(found.record.value, found.record.headers)
    assert isinstance(event, RequestEvent)
    return event


def full(**changes: object) -> bytes:
    event = request_event(
        phase="announced",
        account=AccountName("A"),
        request_id=RequestId("R"),
        intent_id=None,
        eid=Eid("8904"),
        iccid=Iccid("8914"),
        action="delete",
        observed_at=AT - timedelta(minutes=1),
        producer="fleet-manager",
        requested_by="fleet",
    )
    return json.dumps({**json.loads(event.to_json()), **changes}).encode()


def test_the_friendly_form_becomes_an_announced_event() -> None:
    found = record(said(requested_at="2026-11-24T11:59:00+01:00", requested_by="fleet", intent_id="I"))
    event = event_in(found)
    assert (event.phase, event.request_id, event.intent_id, event.action) == ("announced", "R", "I", "enable")
    assert event.requested_at == datetime(2026, 11, 24, 10, 59, tzinfo=UTC)
    assert event.observed_at == AT
    assert found.record.key == str(SAID["eid"]).encode()


@pytest.mark.parametrize("milliseconds", [-1, 253_370_764_800_000, 253_402_300_799_999, 2**63 - 1])
@pytest.mark.parametrize("value", [said(), b"no JSON", None])
def test_a_producers_clock_beyond_all_calendars_stops_nobody(value: bytes | None, milliseconds: int) -> None:
    found = relayed(Request(0, 1, value, (), milliseconds), TOPICS)
    assert found.result == "quarantined"


def test_said_again_later_it_is_the_same_event() -> None:
    again = relayed(Request(0, 99, said(), (), int(AT.timestamp() * 1000) + 5000), TOPICS)
    assert event_in(record(said())).event_id == event_in(again).event_id


def test_the_whole_event_keeps_its_id_and_time() -> None:
    event = event_in(record(full()))
    assert event.event_id == json.loads(full())["event_id"]
    assert event.observed_at == AT - timedelta(minutes=1)
    assert (event.requested_by, event.producer) == ("fleet", "reconciler/relay")


@pytest.mark.parametrize(
    ("value", "reason", "says"),
    [
        (None, "request_empty", "tombstone"),
        (b"\xff", "request_not_json", ""),
        (b"[]", "request_not_object", ""),
        (b"{}", "request_invalid", "account: Field required"),
        (said(icid="1"), "request_invalid", "icid"),
        (said(eid=None), "request_invalid", "eid: Field required"),
        (said(iccid=89148000000840784251), "request_invalid", "iccid"),
        (said(account=" "), "request_invalid", "account"),
        (said(account="a" * 129), "request_invalid", "account"),
        (said(request_id="a\u0000b"), "request_invalid", "request_id"),
        (said(action="explode"), "request_invalid", "is no profile action"),
        (said(requested_at="tomorrow"), "request_invalid", "requested_at"),
        (said(requested_at="2026-11-24T12:00:00"), "request_invalid", "requested_at"),
        (said(requested_at="2026-11-24T14:00:00Z"), "request_invalid", "in the future"),
        (full(event_id="0" * 64), "request_wrong_id", ""),
        (full(request_id="another"), "request_wrong_id", ""),
        (full(kind="callback"), "request_invalid", ""),
        (full(kind="novelty"), "request_unknown_kind", ""),
    ],
)
def test_everything_else_is_set_aside_with_its_reason(value: bytes | None, reason: str, says: str) -> None:
    found = record(value)
    assert (found.result, found.reason) == ("quarantined", reason)
    assert says in found.detail
    assert found.record.topic == TOPICS.quarantine
    entry = decode_quarantine(found.record.value)
    assert not isinstance(entry, Undecodable)
    assert (entry.reason, entry.account) == (reason, None)
    assert "t.profile.requests.v1 partition 3 offset 7" in str(entry.error)


@pytest.mark.parametrize("phase", ["intended", "submitted", "rejected", "submit_unclear"])
def test_no_other_phase_is_believed(phase: str) -> None:
    event = request_event(
        phase=cast(Phase, phase),
        account=AccountName("A"),
        request_id=RequestId("R"),
        intent_id=None,
        eid=Eid("8904"),
        iccid=None,
        action="delete",
        observed_at=AT,
        producer="x",
    )
    found = record(event.to_json())
    assert "only announced requests" in found.detail


def test_no_decision_is_believed() -> None:
    event = decision_event(
        account=AccountName("A"),
        request_id=RequestId("R"),
        intent_id=None,
        eid=Eid("8904"),
        iccid=None,
        decided="succeeded",
        sequence=1,
        why="x",
        decided_by="x",
        observed_at=AT,
        producer="x",
    )
    assert "only announced requests" in record(event.to_json()).detail


def test_a_header_of_another_kind_is_not_believed() -> None:
    assert record(full(), ("ce_type", b"profile.callback.v1")).reason == "request_unknown_kind"


def test_a_password_is_not_kept() -> None:
    found = record(said(password="hunter2-canary"))
    assert b"hunter2-canary" not in (found.record.value or b"")
    entry = decode_quarantine(found.record.value)
    assert not isinstance(entry, Undecodable)
    assert b"hunter2-canary" not in entry.kept()


@pytest.mark.parametrize("name", ["n" * 3_000_000, "a\0b", "password=hunter2"])
def test_a_members_name_is_nothing_to_choke_on(name: str) -> None:
    """A record too large for Kafka would be tried for ever, and hold back all announcements behind it."""
    found = record(said(**{name: 1}))
    assert found.record.value is not None
    assert len(found.record.value) < 400_000
    entry = decode_quarantine(found.record.value)
    assert isinstance(entry, QuarantineEntry)
    assert (entry.reason, entry.error is not None) == ("request_invalid", True)
    assert "hunter2" not in repr((entry, found.detail, b64decode(entry.bytes_base64)))


def test_what_is_too_long_stays_where_it_is() -> None:
    found = record(b"x" * (KEPT_BYTES_MAX + 1))
    entry = decode_quarantine(found.record.value)
    assert not isinstance(entry, Undecodable)
    assert (entry.kept(), entry.length) == (b"", KEPT_BYTES_MAX + 1)


def test_an_action_in_its_past_form_is_understood() -> None:
    found = announcement_of(said(action="Deleted"), (), AT)
    assert not isinstance(found, Undecodable)
    assert announced_event(found[0], AT, "x").action == "delete"
