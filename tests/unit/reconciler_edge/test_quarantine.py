"""What a row of the quarantine is worth today, without Kafka or database."""

from dataclasses import replace

import pytest

from reconciler.quarantine.quarantine import Quarantined, is_unproven, replayed
from schemas.event import CallbackEvent, request_event
from schemas.ids import AccountName, RequestId
from schemas.record import Record, decode_event, record_of
from schemas.topics import Topics
from tests.unit.core.tell import moment

TOPICS = Topics("t.")
EVENT = request_event(
    phase="announced",
    account=AccountName("a"),
    request_id=RequestId("R"),
    intent_id=None,
    eid=None,
    iccid=None,
    action="enable",
    observed_at=moment(0),
    producer="test",
)
ROW = Quarantined(
    quarantine_id=1,
    reason="unknown_kind",
    account=None,
    request_id=None,
    source_ip=None,
    observed_at=None,
    status="open",
    content=EVENT.to_json(),
    copies=1,
    error=None,
    digest=b"",
    topic=TOPICS.events,
    partition=0,
    offset=7,
    key=b"its own key",
    service=None,
    ce_type=None,
    recorded_at=moment(0),
    last_recorded_at=moment(0),
)
POSTED = replace(
    ROW,
    topic=TOPICS.quarantine,
    reason="not_json",
    account="a",
    observed_at=moment(3),
    content=b'{"requestId":"R","status":"Success"}',
)


def test_an_event_is_produced_byte_for_byte_under_its_own_key() -> None:
    record = replayed(ROW, TOPICS)
    assert isinstance(record, Record)
    assert (record.topic, record.key, record.value) == (TOPICS.events, b"its own key", ROW.content)
    assert record.headers == record_of(TOPICS, EVENT).headers
    keyless = replayed(replace(ROW, key=None), TOPICS)
    assert isinstance(keyless, Record)
    assert keyless.key == b"R"


def test_a_callback_becomes_an_event_of_the_time_it_was_observed_at() -> None:
    record = replayed(POSTED, TOPICS)
    assert isinstance(record, Record)
    event = decode_event(record.value, record.headers)
    assert isinstance(event, CallbackEvent)
    assert (event.observed_at, event.service) == (moment(3), "unknown")
    assert "replayed" in event.flags
    assert is_unproven(POSTED, TOPICS)
    assert not is_unproven(ROW, TOPICS)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (replace(POSTED, reason="unauthenticated"), "credentials"),
        (replace(POSTED, content=b""), "nothing of its content"),
        (replace(POSTED, account=None), "nobody knows whose"),
        (replace(POSTED, content=b"{"), "still cannot be read (not_json)"),
        (replace(ROW, content=b"{"), "still cannot be decoded (not_json"),
        (replace(ROW, ce_type="profile.request.v2"), "unknown_kind"),
        (replace(ROW, topic="other"), "PROFILE_TOPIC_PREFIX"),
        (replace(POSTED, observed_at=None), "still cannot be decoded (invalid"),
    ],
)
def test_what_cannot_be_replayed_says_why(row: Quarantined, says: str) -> None:
    found = replayed(row, TOPICS)
    assert isinstance(found, str)
    assert says in found


def test_its_text_is_scrubbed_once_more() -> None:
    assert replace(ROW, content=b'{"token": "canary"}').text() == '{"token": "***"}'
    assert replace(ROW, content=b"\x00\x01").text() is None
