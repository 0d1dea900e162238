"""Reading whole topics, and making topics that only one test knows."""

import asyncio
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.apart import apart
from deploy.local.topics import make_topics
from schemas.topics import TOPIC_SPECS, Topics

READ_WITHIN_S = 30.0
"""For the next records to come."""
PARTITIONS = 3


@dataclass(frozen=True, slots=True)
class TopicRecord:
    """`timestamp_ms` as the broker keeps it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp_ms: int


async def read_topic(bootstrap: str, topic: str) -> list[TopicRecord]:
    """All records of the topic as it stands now, by partition and offset."""
    consumer = AIOKafkaConsumer(  # without a group it takes all partitions of its topic
        topic,
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    try:
        await consumer.start()
        async with asyncio.timeout(READ_WITHIN_S) as patience:
            records = await _read_all(consumer, patience)
            return sorted(records, key=lambda record: (record.partition, record.offset))
    finally:
        await consumer.stop()


async def _read_all(consumer: AIOKafkaConsumer, patience: asyncio.Timeout) -> list[TopicRecord]:
    partitions = sorted(consumer.assignment())
    if not partitions:
        raise LookupError(f"there is no topic {consumer.subscription()}")
    ends = await consumer.end_offsets(partitions)
    records: list[TopicRecord] = []
    while [p for p in partitions if await consumer.position(p) < ends[p]]:
        for partition, batch in (await consumer.getmany(timeout_ms=200)).items():
            patience.reschedule(asyncio.get_running_loop().time() + READ_WITHIN_S)
            records += [
                TopicRecord(
                    topic=partition.topic,
                    partition=partition.partition,
                    offset=record.offset,
                    key=record.key,
                    value=record.value,
                    headers=tuple(record.headers),
                    timestamp_ms=record.timestamp,
                )
                for record in batch
                if record.offset < ends[partition]
            ]
    return records


@contextmanager
def topics_of_a_test(bootstrap: str) -> Iterator[Topics]:
    """With a prefix of their own; they exist within the block."""
    topics = Topics(f"t{uuid.uuid4().hex[:10]}.")
    make_topics(bootstrap, prefix=topics.prefix, partitions=PARTITIONS)
    try:
        yield topics
    finally:
        apart(delete_topics(bootstrap, [topics.prefix + spec.name for spec in TOPIC_SPECS]))


async def delete_topics(bootstrap: str, names: Sequence[str]) -> None:
    """Topics that are gone already are no error."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_topics(list(names))
    finally:
        await admin.close()
