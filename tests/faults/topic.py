"""Reading and writing the topics of a scene, past the product."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.faults.spoilt import Spoilt
from tests.support.kafka import TopicRecord, read_topic

WRITE_WITHIN_S = 60.0
WRITTEN_EACH_S = 0.001
DAYS_S = 3 * 24 * 3600.0
read = read_topic


@asynccontextmanager
async def _producer(bootstrap: str) -> AsyncIterator[AIOKafkaProducer]:
    """Its own context manager forgets to end what could not start."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_request_size=1_048_576)
    try:
        await producer.start()
        yield producer
    finally:
        await producer.stop()


async def partitions(bootstrap: str, topic: str) -> int:
    async with _producer(bootstrap) as producer:
        return len(await producer.partitions_for(topic))


async def write_again(bootstrap: str, records: Sequence[TopicRecord], *, onto: str | None = None) -> None:
    """The same records once more, where they were; or on another topic, in the order given."""
    within_s = WRITE_WITHIN_S + WRITTEN_EACH_S * len(records)
    async with asyncio.timeout(within_s), _producer(bootstrap) as producer:
        waiting = [
            await producer.send(
                onto or record.topic,
                record.value,
                key=record.key,
                partition=record.partition,
                headers=list(record.headers),
            )
            for record in records
        ]
        await asyncio.gather(*waiting)


def is_callback(record: TopicRecord) -> bool:
    return ("ce_type", b"profile.callback.v1") in record.headers


def seen_otherwise(record: TopicRecord, rng: random.Random) -> TopicRecord:
    """A copy of a callback that somebody saw at another time, within days, as one of four attempts."""
    event = json.loads(record.value or b"{}")
    seen_at = datetime.fromisoformat(event["observed_at"]) + timedelta(seconds=rng.uniform(-DAYS_S, DAYS_S))
    event["observed_at"] = seen_at.isoformat()
    event["attempt"] = rng.randrange(1, 5)
    body = event.pop("body")
    value = json.dumps({**event, "body": body}, ensure_ascii=False, separators=(",", ":")).encode()
    headers = tuple((name, _seen_at(seen_at) if name == "ce_time" else was) for name, was in record.headers)
    return replace(record, value=value, headers=headers)


def _seen_at(moment: datetime) -> bytes:
    return moment.isoformat().encode()


async def configure(bootstrap: str, topic: str, name: str, value: int) -> None:
    """From now on; whatever else was set for the topic is as the brokers have it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {name: str(value)})])
    finally:
        await admin.close()


async def write_spoilt(bootstrap: str, topic: str, records: Sequence[Spoilt]) -> None:
    async with asyncio.timeout(WRITE_WITHIN_S), _producer(bootstrap) as producer:
        for record in records:
            await producer.send_and_wait(topic, record.value, key=record.key, headers=list(record.headers))


async def end_offsets(bootstrap: str, topics: Sequence[str]) -> dict[tuple[str, int], int]:
    """Topic and partition to end offset, empty partitions left out."""
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        ends = await consumer.end_offsets(sorted(consumer.assignment()))
    finally:
        await consumer.stop()
    return {(place.topic, place.partition): end for place, end in ends.items() if end}
