"""The relay's side of Kafka: a consumer group of its own, whose offsets Kafka keeps."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from reconciler.kafka.admin import ClusterError, cluster_words
from reconciler.kafka.topics import LOST
from reconciler.relay.relay import Request

START_WITHIN_S: Final = 20.0
STOP_WITHIN_S: Final = 5.0
FETCH_MS: Final = 500
FETCH_WITHIN_S: Final = 30.0
COMMIT_WITHIN_S: Final = 15.0
RECORDS_MAX: Final = 200
LOOK_EVERY_S: Final = 10.0
"""How often a consumer that gets nothing is compared with Kafka: what it misses twice, it will not get."""
LOOK_WITHIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Line:
    """Which topic, as which group; `security` are aiokafka's arguments."""

    bootstrap: str
    group: str
    topic: str
    security: Mapping[str, object]


class RequestSource:
    """Borrowed from `request_source`."""

    def __init__(self, consumer: AIOKafkaConsumer, bootstrap: str) -> None:
        self._consumer = consumer
        self._bootstrap = bootstrap
        self._look_at = monotonic() + LOOK_EVERY_S
        self._missed: Mapping[TopicPartition, int] = {}

    async def fetch(self) -> Sequence[Request]:
        try:
            async with asyncio.timeout(FETCH_WITHIN_S):
                found = await self._consumer.getmany(timeout_ms=FETCH_MS)
        except LOST as error:
            raise ClusterError(cluster_words(self._bootstrap, error)) from error
        if not found and monotonic() >= self._look_at:
            await self._look()
        return [
            Request(record.partition, record.offset, record.value, tuple(record.headers), record.timestamp)
            for records in found.values()
            for record in records
        ]

    async def _look(self) -> None:
        """A consumer that gets nothing of what is there, for two looks, is dead, however alive it seems."""
        before, self._missed = self._missed, {}
        with suppress(*LOST):  # where Kafka answers nobody, it is not the consumer
            async with asyncio.timeout(LOOK_WITHIN_S):
                self._missed = await self._not_fetched()
        self._look_at = monotonic() + LOOK_EVERY_S
        if stuck := before.items() & self._missed.items():
            (place, offset), *_ = sorted(stuck)
            raise ClusterError(
                f"{place.topic} partition {place.partition} has records from {offset} on that do not come, "
                "though Kafka answers. Nothing is lost; the consumer is made anew."
            )

    async def _not_fetched(self) -> Mapping[TopicPartition, int]:
        """Where it reads on, of the partitions that have more."""
        ends = await self._consumer.end_offsets(sorted(self._consumer.assignment()))
        reads_on = {place: await self._consumer.position(place) for place in ends}
        return {place: offset for place, offset in reads_on.items() if offset < ends[place]}

    async def commit(self) -> None:
        """The consumer's own position: all that `fetch` gave."""
        try:
            await asyncio.wait_for(self._consumer.commit(), COMMIT_WITHIN_S)
        except LOST as error:
            raise ClusterError(cluster_words(self._bootstrap, error)) from error


@asynccontextmanager
async def request_source(line: Line) -> AsyncIterator[RequestSource]:
    """For the length of the block; begins with the oldest record that nobody has taken over."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=line.bootstrap,
        group_id=line.group,
        client_id="profile-reconciler-relay",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_poll_records=RECORDS_MAX,
        **line.security,
    )
    try:
        try:
            await asyncio.wait_for(_subscribed(consumer, line), START_WITHIN_S)
        except LOST as error:
            raise ClusterError(cluster_words(line.bootstrap, error)) from error
        yield RequestSource(consumer, line.bootstrap)
    finally:
        with suppress(*LOST):
            await asyncio.wait_for(consumer.stop(), STOP_WITHIN_S)


async def _subscribed(consumer: AIOKafkaConsumer, line: Line) -> None:
    await consumer.start()
    if line.topic not in await consumer.topics():
        raise ClusterError(
            f"Kafka at {line.bootstrap} has no topic {line.topic}, so nothing is taken from it. Make it with "
            "`profile-reconciler topics create`, or set RECONCILER_REQUESTS=off."
        )
    consumer.subscribe(topics=[line.topic])
