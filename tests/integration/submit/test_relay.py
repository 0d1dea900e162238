"""Announcements of others on a real Kafka: taken over once, or set aside with a reason, never in the way."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO

import pytest
from aiokafka import AIOKafkaConsumer
from prometheus_client import CollectorRegistry

from deploy.local.stack import Stack
from reconciler.relay import kafka, wiring
from reconciler.relay.metrics import RelayMetrics
from reconciler.relay.wiring import keep_relaying
from reconciler.settings import ReconcilerSettings
from schemas.logline import Log
from schemas.record import Record
from schemas.topics import Topics
from tests.integration.reconciler.consuming import produce
from tests.support.kafka import TopicRecord, read_topic
from tests.support.polling import eventually

SAID = {"account": "A", "request_id": "R", "eid": "8904", "iccid": "8914", "action": "enable"}


def settings(stack: Stack, topics: Topics) -> ReconcilerSettings:
    return ReconcilerSettings.model_validate(
        {
            "PROFILE_KAFKA_BOOTSTRAP": stack.bootstrap,
            "PROFILE_TOPIC_PREFIX": topics.prefix,
            "RECONCILER_GROUP": f"{topics.prefix}relay",
        }
    )


@asynccontextmanager
async def relaying(stack: Stack, topics: Topics) -> AsyncIterator[StringIO]:
    heard = StringIO()
    task = asyncio.create_task(
        keep_relaying(settings(stack, topics), RelayMetrics(CollectorRegistry()), Log("test", stream=heard))
    )
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def announced(topics: Topics, value: bytes | None) -> Record:
    return Record(topics.requests, b"8904", value, ())


async def read(stack: Stack, topic: str, count: int) -> list[TopicRecord]:
    async def enough() -> list[TopicRecord] | None:
        found = await read_topic(stack.bootstrap, topic)
        return found if len(found) >= count else None

    found = await eventually(enough, within_s=30)
    assert found is not None
    return found


async def test_good_ones_go_over_and_bad_ones_aside(stack: Stack, topics: Topics) -> None:
    good = [json.dumps({**SAID, "request_id": f"R{number}"}).encode() for number in range(3)]
    values = [good[0], b"{", None, good[1], json.dumps({**SAID, "phase": "submitted"}).encode(), good[2]]
    await produce(stack.bootstrap, [announced(topics, value) for value in values])
    async with relaying(stack, topics):
        events = [json.loads(one.value or b"") for one in await read(stack, topics.events, 3)]
        aside = [json.loads(one.value or b"") for one in await read(stack, topics.quarantine, 3)]
    assert {event["request_id"] for event in events} == {"R0", "R1", "R2"}
    assert {event["phase"] for event in events} == {"announced"}
    assert Counter(one["reason"] for one in aside) == {
        "request_not_json": 1,
        "request_empty": 1,
        "request_unknown_kind": 1,
    }


async def test_begun_anew_it_goes_on_where_it_was(stack: Stack, topics: Topics) -> None:
    await produce(stack.bootstrap, [announced(topics, json.dumps(SAID).encode())])
    async with relaying(stack, topics) as heard:
        await eventually(lambda: "requests_relayed" in heard.getvalue(), within_s=30)
        await read(stack, topics.events, 1)
    await produce(stack.bootstrap, [announced(topics, json.dumps({**SAID, "request_id": "S"}).encode())])
    async with relaying(stack, topics):
        events = await read(stack, topics.events, 2)
    assert len({json.loads(event.value or b"")["event_id"] for event in events}) == 2


async def test_a_consumer_that_gets_nothing_of_what_is_there_is_made_anew(
    stack: Stack, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its fetcher ends without a word: heartbeats go on, the partitions stay, nothing comes."""
    monkeypatch.setattr(kafka, "LOOK_EVERY_S", 1.0)
    monkeypatch.setattr(wiring, "PAUSE_FIRST_S", 0.1)
    consumers: list[AIOKafkaConsumer] = []

    def kept(**settings: object) -> AIOKafkaConsumer:
        consumers.append(AIOKafkaConsumer(**settings))
        return consumers[-1]

    monkeypatch.setattr(kafka, "AIOKafkaConsumer", kept)
    async with relaying(stack, topics) as heard:
        await produce(stack.bootstrap, [announced(topics, json.dumps(SAID).encode())])
        await read(stack, topics.events, 1)
        consumers[0]._fetcher._fetch_task.cancel()
        await eventually(lambda: not consumers[0]._fetcher._in_flight)
        more = json.dumps({**SAID, "request_id": "S"}).encode()
        await produce(stack.bootstrap, [announced(topics, more)])
        await read(stack, topics.events, 2)
    assert heard.getvalue().count("do not come") == 1
    assert len(consumers) == 2


async def test_a_quiet_topic_is_no_reason_to_begin_anew(
    stack: Stack, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka, "LOOK_EVERY_S", 0.0)
    looks: list[object] = []
    look = kafka.RequestSource._look

    async def look_and_count(source: kafka.RequestSource) -> None:
        await look(source)
        looks.append(source)

    monkeypatch.setattr(kafka.RequestSource, "_look", look_and_count)
    async with relaying(stack, topics) as heard:
        await produce(stack.bootstrap, [announced(topics, json.dumps(SAID).encode())])
        await read(stack, topics.events, 1)
        enough = len(looks) + 6
        await eventually(lambda: len(looks) >= enough, within_s=30)
    assert "requests_stopped" not in heard.getvalue()
