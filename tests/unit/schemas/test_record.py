"""Kafka records: written as promised, read with suspicion."""

import json
from base64 import b64decode
from typing import Any

import pytest

from schemas.ids import RequestId
from schemas.partition import murmur2, partition_of
from schemas.record import (
    TOPIC_SPECS,
    QuarantineEntry,
    Record,
    Topics,
    Undecodable,
    callback_record,
    decode_event,
    decode_quarantine,
    event_record,
    quarantine_record,
    record_of,
)
from tests.unit.schemas.samples import ACCOUNT, AS_PRINTED, EID, NOW, body, understood
from tests.unit.schemas.test_event import a_decision, a_poll, a_request, read

TOPICS = Topics("t-")


def recorded(value: object) -> Record:
    return callback_record(
        TOPICS,
        understood(value),
        account=ACCOUNT,
        service="DeviceProfileService",
        source_ip="3.87.163.45",
        observed_at=NOW,
        producer="profile-receiver/0.1.0",
    )


def value_of(record: Record) -> bytes:
    assert record.value is not None
    return record.value


def test_a_callback_goes_to_the_events_by_its_eid_with_cloudevents_headers() -> None:
    record = recorded(body())
    event = json.loads(value_of(record))
    assert (record.topic, record.key) == ("t-profile.events.v1", EID.encode())
    assert dict(record.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": event["event_id"].encode(),
        "ce_source": b"/profile-ledger",
        "ce_type": b"profile.callback.v1",
        "ce_subject": EID.encode(),
        "ce_time": b"2026-11-24T06:30:15.000042Z",
        "content-type": b"application/json",
    }


def test_without_an_eid_the_request_id_is_the_key_and_there_is_no_subject() -> None:
    record = recorded(body(deviceIds=None))
    assert record.key == b"595f5c44-c31c-4552-8670-020a1545a84d"
    assert "ce_subject" not in dict(record.headers)


def test_with_neither_the_event_id_is_the_key() -> None:
    record = recorded({})
    assert record.key == dict(record.headers)["ce_id"]


@pytest.mark.parametrize("event", [a_request(), a_poll(), a_decision()], ids=lambda event: event.kind)
def test_every_kind_of_event_has_its_record(event: Any) -> None:
    record = record_of(TOPICS, event)
    assert dict(record.headers)["ce_type"] == f"profile.{event.kind}.v1".encode()
    assert decode_event(record.value, record.headers) == event
    assert record == event_record(
        TOPICS,
        event.event_id,
        event.to_json(),
        key=record.key,
        ce_type=event.ce_type,
        subject=event.eid,
        time=NOW,
    )


@pytest.mark.parametrize(
    "value", [AS_PRINTED, body(), {}, {"n": 1e16, "m": 2**70, "k": [{"kind": 1.5}, {"kind": "a"}]}]
)
def test_a_record_reads_back(value: object) -> None:
    record = recorded(value)
    event = decode_event(record.value, record.headers)
    assert not isinstance(event, Undecodable)
    assert event.to_json() == record.value


def changed(**changes: Any) -> bytes:
    event = json.loads(value_of(recorded(body())))
    whole = {**event, **changes}
    return json.dumps({name: value for name, value in whole.items() if value is not ...}).encode()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty"),
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"\xff", "not_json"),
        (b'{"kind":"\\ud800"}', "not_json"),
        (b"[]", "not_object"),
        (b"{}", "unknown_kind"),
        (changed(kind="telepathy"), "unknown_kind"),
        (changed(kind=["callback"]), "unknown_kind"),
        (changed(kind=...), "unknown_kind"),
        (changed(account="other"), "wrong_id"),
        (changed(body={}), "wrong_id"),
        (changed(event_id="0" * 64), "wrong_id"),
        (changed(event_id="0"), "invalid"),
        (changed(event_id=...), "invalid"),
        (changed(body=...), "invalid"),
        (changed(body=None), "invalid"),
        (changed(observed_at="yesterday"), "invalid"),
        (changed(observed_at="2026-11-24T06:30:15"), "invalid"),
        (changed(signal="maybe"), "invalid"),
        (changed(attempt="1"), "invalid"),
        (changed(eid="a\x00"), "invalid"),
        (changed(flags=None), "invalid"),
        (
            changed(line={"state": "a\x00", "service_plan": None, "ip_address": None, "smsr_oid": None}),
            "invalid",
        ),
        (changed(body={"Password": "x"}), "unscrubbed"),
        (changed(body={"x": [{"callbackCount": 1}]}), "unscrubbed"),
        (changed(body=json.loads("[" * 150 + "]" * 150)), "invalid"),
        (changed(body={"x": json.loads("[" * 150 + "]" * 150)}), "unscrubbed"),
        (
            value_of(recorded(body())).replace(b'"status":"Success"}}', b'"status":1.5,"status":2.5}}'),
            "not_json",
        ),
    ],
)
def test_what_is_no_event_of_ours_is_told_from_one(value: bytes | None, reason: str) -> None:
    decoded = decode_event(value)
    assert isinstance(decoded, Undecodable)
    assert decoded.reason == reason


def test_a_later_version_of_a_kind_is_not_taken_for_this_one() -> None:
    headers = [("ce_type", b"profile.callback.v2")]
    decoded = decode_event(value_of(recorded(body())), headers)
    assert isinstance(decoded, Undecodable)
    assert decoded.reason == "unknown_kind"


def test_nul_in_the_body_and_its_look_alikes_are_fine() -> None:
    record = recorded(body(status="\\u0000", note="a\x00b\\u0000"))
    event = read(value_of(record))
    assert event.to_json() == record.value


def test_members_nobody_knows_are_left_alone() -> None:
    assert read(changed(novelty={"a": 1})) == read(changed())


def test_a_reason_never_says_what_the_record_said() -> None:
    for value in (changed(signal="canary"), changed(eid=["canary"]), b'{"canary', changed(kind="canary")):
        assert "canary" not in repr(decode_event(value))


def quarantined(**changes: Any) -> Record:
    arguments: dict[str, Any] = {
        "reason": "not_json",
        "account": ACCOUNT,
        "service": "DeviceProfileService",
        "request_id": RequestId("r-1"),
        "source_ip": "3.87.163.45",
        "observed_at": NOW,
        "producer": "profile-receiver/0.1.0",
        "kept": b'{"a":"***"',
        "length": 12,
        **changes,
    }
    return quarantine_record(TOPICS, **arguments)


def test_an_unusable_record_goes_to_the_quarantine_and_reads_back() -> None:
    record = quarantined()
    assert (record.topic, record.key) == ("t-profile.quarantine.v1", b"r-1")
    entry = decode_quarantine(record.value)
    assert isinstance(entry, QuarantineEntry)
    assert entry.kept() == b'{"a":"***"'
    assert (entry.reason, entry.account, entry.source, entry.length) == (
        "not_json",
        ACCOUNT,
        "3.87.163.45",
        12,
    )
    assert b64decode(json.loads(value_of(record))["bytes_base64"]) == entry.kept()
    assert entry.to_json() == record.value


def test_without_a_request_id_the_digest_is_the_key() -> None:
    record = quarantined(request_id=None)
    assert record.key.decode() == json.loads(value_of(record))["digest"]


def test_equal_bytes_have_one_digest_and_withheld_ones_are_told_apart_by_id_and_length() -> None:
    def digest(**changes: Any) -> str:
        return str(json.loads(value_of(quarantined(**changes)))["digest"])

    assert digest() == digest(source_ip=None, length=99)
    assert digest() != digest(kept=b"other")
    withheld = {digest(kept=b""), digest(kept=b"", length=13), digest(kept=b"", request_id=None)}
    assert len(withheld) == 3


def test_a_quarantine_entry_of_foreign_make_is_refused() -> None:
    whole = json.loads(value_of(quarantined()))
    for spoiled in (
        b"x",
        b"[]",
        json.dumps({**whole, "bytes_base64": "!"}).encode(),
        json.dumps({**whole, "digest": 1}).encode(),
    ):
        assert isinstance(decode_quarantine(spoiled), Undecodable)
    assert isinstance(decode_quarantine(None), Undecodable)


@pytest.mark.parametrize(
    ("key", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_is_the_java_clients(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed % 2**32
    assert partition_of(key, 12) == (signed & 0x7FFFFFFF) % 12


def test_the_topics_have_the_settings_that_the_promises_need() -> None:
    specs = {spec.name: spec for spec in TOPIC_SPECS}
    assert set(specs) == {
        f"profile.{name}.v1"
        for name in ("events", "requests", "quarantine", "operations", "state", "anchors")
    }
    for spec in TOPIC_SPECS:
        assert (spec.partitions, spec.replication) == (12, 3)
        assert spec.config()["min.insync.replicas"] == "2"
        assert spec.config()["unclean.leader.election.enable"] == "false"
        assert spec.config()["retention.bytes"] == "-1"
    day = 24 * 60 * 60 * 1000
    kept = {name.split(".")[1]: (spec.cleanup_policy, spec.retention_ms) for name, spec in specs.items()}
    assert kept == {
        "events": ("delete", 30 * day),
        "requests": ("delete", 30 * day),
        "quarantine": ("delete", 90 * day),
        "operations": ("delete", 30 * day),
        "state": ("compact", -1),
        "anchors": ("delete", -1),
    }


def test_every_topic_has_the_prefix() -> None:
    topics = Topics("x.")
    names = (
        topics.events,
        topics.requests,
        topics.quarantine,
        topics.operations,
        topics.state,
        topics.anchors,
    )
    assert sorted(names) == sorted(f"x.{spec.name}" for spec in TOPIC_SPECS)
