"""What other programs read from Kafka: keys, headers and members as published, ids that can be recomputed."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import datetime

import pytest

from tests.acceptance.product import FLEET, Product
from tests.simulator.content import text_of
from tests.support.kafka import TopicRecord, read_topic

COMMON = {
    "kind",
    "event_id",
    "account",
    "request_id",
    "eid",
    "imei",
    "mdn",
    "observed_at",
    "producer",
    "rules",
}
CALLBACK = {
    *("service", "iccid_echoed", "iccid_reported", "identifiers", "action", "signal", "status"),
    *("profile_status", "euicc_status", "euicc_status_code", "euicc_status_desc", "fault_code", "fault_text"),
    *("line", "attempt", "attempts_max", "source_ip", "body", "flags"),
}


@pytest.fixture
async def running(product: Product) -> Product:
    """A receiver alone: what is on the topic needs no reconciler."""
    await product.receiver()
    return product


async def only_record(product: Product, topic: str) -> TopicRecord:
    (record,) = await read_topic(product.bootstrap, topic)
    return record


async def test_an_event_is_published_as_documented(running: Product) -> None:
    journal = await running.play("success")
    record = await only_record(running, running.topics.events)
    assert record.value is not None
    event = json.loads(record.value)
    headers = {name: value.decode() for name, value in record.headers}
    assert event.keys() >= COMMON | CALLBACK
    assert event["event_id"] == headers["ce_id"] == journal.attempts[0].event_id
    assert record.key == event["eid"].encode() == (journal.truths[0].device or "").encode()
    assert (headers["ce_specversion"], headers["ce_type"]) == ("1.0", "profile.callback.v1")
    assert (headers["ce_subject"], headers["content-type"]) == (event["eid"], "application/json")
    assert (event["kind"], event["account"], event["signal"]) == ("callback", FLEET, "success")
    assert (event["attempt"], event["attempts_max"], event["source_ip"]) == (1, 4, "127.0.0.1")
    assert datetime.fromisoformat(event["observed_at"]) == datetime.fromisoformat(headers["ce_time"])
    kinds = [identifier["kind"] for identifier in event["identifiers"]]
    assert set(kinds) == {"eid", "iccid", "imei", "mdn"}


async def test_the_body_is_kept_as_received_without_its_secrets(running: Product) -> None:
    await running.play("spellings", "--seed", "1")
    for record in await read_topic(running.bootstrap, running.topics.events):
        assert record.value is not None
        body = json.loads(record.value)["body"]
        names = set(json.dumps(body).casefold().split('"'))
        assert not names & {
            "username",
            "password",
            "devicecredential",
            "callbackcount",
            "maxcallbackthreshold",
        }
        assert text_of(body, "requestId")


async def test_an_unreadable_body_is_published_scrubbed(running: Product) -> None:
    journal = await running.play("unreadable")
    record = await only_record(running, running.topics.quarantine)
    assert record.value is not None
    entry = json.loads(record.value)
    request_id = journal.attempts[0].request_id or ""
    assert record.key == request_id.encode()
    assert entry["reason"]
    assert entry["source"] == "127.0.0.1"
    kept = base64.b64decode(entry["bytes_base64"])
    assert request_id.encode() in kept
    assert await read_topic(running.bootstrap, running.topics.events) == []


async def test_copies_of_one_event_share_its_partition(product: Product) -> None:
    """Also those that went through different receivers: the key decides, as in the Java client."""
    await asyncio.gather(product.receiver(), product.receiver())
    await product.play("four-copies")
    records = await read_topic(product.bootstrap, product.topics.events)
    assert len(records) == 4
    assert len({(record.partition, record.key) for record in records}) == 1
    assert len({dict(record.headers)["ce_id"] for record in records}) == 1
