"""The readable form: the same facts in tables, and nothing from outside can steer the terminal."""

import io
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from rich.console import RenderableType

from reconciler.audit.for_people import (
    device_view,
    events_table,
    profiles_table,
    request_view,
    show,
    verify_view,
)
from reconciler.audit.reading import ChainResult
from reconciler.audit.stories import DeviceStory, EventStory, OperationStory, RequestStory, Row
from reconciler.audit.verify import Fault

MOMENT = datetime(2026, 3, 3, 10, 0, 0, 123456, tzinfo=UTC)

EVENT: Row = {
    "event_id": "ab" * 32,
    "kind": "callback",
    "fact": "success",
    "outcome": "applied",
    "recorded_at": MOMENT,
    "account": "1223334444-00001",
    "eid": "89049032000001000000128255027200",
    "action": "delete",
    "iccid_target": None,
    "request_id": "r-1",
    "flags": ["repaired_json"],
}

OPERATION: Row = {
    "operation_id": UUID(int=7),
    "account": "1223334444-00001",
    "request_id": "r-1",
    "eid": "89049032000001000000128255027200",
    "device": None,
    "iccid_target": "89148000002000008765",
    "action": "delete",
    "state": "warned",
    "final": False,
    "facts": ["interim", "submitted"],
    "first_seen_at": MOMENT,
    "settled_at": None,
    "polls": 0,
    "overdue": True,
    "abandoned": False,
}

PROFILE: Row = {
    "account": "1223334444-00001",
    "iccid": None,
    "bootstrap": True,
    "state": "unknown",
    "possible_states": ["disabled", "enabled"],
    "certainty": "inferred",
    "suspended": False,
    "since": MOMENT,
}


def printed(*renderables: RenderableType) -> str:
    stream = io.StringIO()
    show(stream, renderables)
    return stream.getvalue()


def printed_all(renderables: Iterable[RenderableType]) -> str:
    return printed(*renderables)


def test_a_request_shows_state_copies_attempts_and_sources() -> None:
    deliveries: tuple[Row, ...] = (
        {"attempt": 1, "attempts_max": 4, "source_ip": "63.55.64.1"},
        {"attempt": 3, "attempts_max": 4, "source_ip": "63.55.64.2"},
    )
    story = RequestStory("r-1", (OperationStory(OPERATION, (EventStory(EVENT, deliveries),)),), ())
    text = printed_all(request_view(story))
    assert "delete on EID 89049032000001000000128255027200: warned, overdue (not final)" in text
    assert "2026-03-03 10:00:00" in text
    assert "1, 3 of 4" in text
    assert "63.55.64.1, 63.55.64.2" in text
    assert "\x1b" not in text


def test_control_characters_from_outside_are_shown_escaped() -> None:
    event: Row = {**EVENT, "request_id": "r\x1b[2Jx\n", "eid": "[bold]8904"}
    text = printed(events_table([event]))
    assert "\x1b" not in text
    assert "r\\x1b[2Jx\\n" in text
    assert "[bold]8904" in text


def test_an_unknown_profile_shows_what_it_may_be() -> None:
    text = printed(profiles_table([PROFILE]))
    assert "unknown: disabled, enabled" in text
    assert "(bootstrap)" in text


def test_a_device_shows_profiles_operations_and_history() -> None:
    past: Row = {**PROFILE, "recorded_from": MOMENT, "recorded_until": None}
    text = printed_all(device_view(DeviceStory("8904", (PROFILE,), (OPERATION,), (past,))))
    assert "warned, overdue" in text
    assert "recorded from (UTC)" in text
    assert "now" in text


def test_verify_says_what_is_whole_and_names_what_is_broken() -> None:
    whole = ChainResult(0, 2, bytes(32), None)
    assert "Nothing was altered. Events: 2;" in printed_all(verify_view([whole]))
    broken = ChainResult(1, 4, bytes(32), Fault(1, 5, 17, "ab" * 32, "its body was altered"))
    text = printed_all(verify_view([whole, broken]))
    assert f"partition 1, chain position 5, event {'ab' * 32} at offset 17: its body was altered." in text
    assert "Nothing was altered" not in text
