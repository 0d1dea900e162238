"""What `--json` prints: one line, UTC times with microseconds, hashes in hex, bodies as JSON."""

import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

from reconciler.audit.as_json import (
    as_of_document,
    device_document,
    event_document,
    request_document,
    text,
    verify_document,
)
from reconciler.audit.reading import ChainResult
from reconciler.audit.stories import DeviceStory, EventStory, OperationStory, RequestStory, Row
from reconciler.audit.verify import Fault

EVENT: Row = {
    "event_id": "ab" * 32,
    "operation_id": UUID(int=7),
    "observed_at": datetime(2026, 3, 3, 12, tzinfo=timezone(timedelta(hours=2))),
    "flags": ["eid_check"],
    "body": '{"requestId":"r","note":"\\u0000"}',
}


def test_values_are_written_one_way() -> None:
    line = text(event_document(EVENT))
    assert "\n" not in line
    assert json.loads(line) == {
        "event_id": "ab" * 32,
        "operation_id": str(UUID(int=7)),
        "observed_at": "2026-03-03T10:00:00.000000Z",
        "flags": ["eid_check"],
        "body": {"requestId": "r", "note": "\x00"},
    }


def test_an_erased_body_is_null() -> None:
    assert json.loads(text(event_document({**EVENT, "body": None})))["body"] is None


def test_a_request_has_its_operations_with_their_events_and_every_copy() -> None:
    delivery: Row = {"event_id": "ab" * 32, "attempt": 2, "source_ip": "63.55.64.1"}
    story = EventStory(EVENT, (delivery,))
    document = json.loads(
        text(request_document(RequestStory("r", (OperationStory({"state": "failed"}, (story,)),), ())))
    )
    assert document["request_id"] == "r"
    assert document["unmatched"] == []
    (operation,) = document["operations"]
    assert operation["state"] == "failed"
    (event,) = operation["events"]
    assert event["event_id"] == "ab" * 32
    assert event["deliveries"] == [{"attempt": 2, "source_ip": "63.55.64.1"}]


def test_a_device_nobody_knows_has_every_member_and_nothing_in_it() -> None:
    story = DeviceStory("8904", (), (), ())
    assert not story.known
    assert json.loads(text(device_document(story))) == {
        "eid": "8904",
        "profiles": [],
        "operations": [],
        "history": [],
    }


def test_as_of_says_for_when_it_speaks() -> None:
    document = json.loads(text(as_of_document("8904", datetime(2026, 3, 3, tzinfo=UTC), [])))
    assert document == {"eid": "8904", "at": "2026-03-03T00:00:00.000000Z", "profiles": []}


def test_verify_is_ok_without_a_fault_and_names_the_first_of_each_chain() -> None:
    whole = ChainResult(0, 2, bytes(32), None)
    assert json.loads(text(verify_document([whole]))) == {
        "ok": True,
        "chains": [{"partition": 0, "events": 2, "head": "00" * 32}],
        "faults": [],
    }
    broken = ChainResult(1, 4, bytes(32), Fault(1, 5, 17, "ab" * 32, "its body was altered"))
    document = json.loads(text(verify_document([whole, broken])))
    assert document["ok"] is False
    assert document["faults"] == [
        {
            "partition": 1,
            "chain_position": 5,
            "offset": 17,
            "event_id": "ab" * 32,
            "fault": "its body was altered",
        }
    ]
