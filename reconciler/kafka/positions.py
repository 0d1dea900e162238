"""The Kafka adapter of `offsets reset` and `accept-gap`: what each partition of a topic holds now.

A consumer without a group: it disturbs nobody, and commits nothing.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from time import monotonic
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from reconciler.core.batch import Place, TopicId
from reconciler.decode import Decode
from reconciler.faults import TryAgainError
from reconciler.kafka.admin import ClusterError, cluster_admin, cluster_words
from reconciler.kafka.topics import Cluster

READ_WITHIN_S = 15.0
POLL_MS = 250


class Held(NamedTuple):
    """The oldest offset, the one that the next record gets, and the record asked for, if it is there.

    `topic_id` is None where the brokers know of no ids.
    """

    first: int
    end: int
    identity: str | None
    topic_id: TopicId | None


async def held(
    bootstrap: str,
    options: Mapping[str, object],
    decode: Decode,
    topic: str,
    asked: Mapping[int, int],
) -> dict[int, Held]:
    """By partition of the topic, none where there is no topic.

    `asked` are the offsets, by partition, whose records' identities are wanted.
    """
    async with cluster_admin(bootstrap, options) as admin:
        known = await admin.topics([topic])
    if topic not in known:
        return {}
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
        **options,
    )
    try:
        await asyncio.wait_for(consumer.start(), READ_WITHIN_S)
        places = [TopicPartition(topic, part.partition) for part in known[topic].partitions]
        reading = _Reading(consumer, decode, places, await _topic_id(bootstrap, options, topic))
        return await reading.held(asked)
    except (KafkaError, OSError, TimeoutError, TryAgainError) as error:
        raise ClusterError(cluster_words(bootstrap, error)) from error
    finally:
        await consumer.stop()


async def _topic_id(bootstrap: str, options: Mapping[str, object], topic: str) -> TopicId | None:
    cluster = Cluster(bootstrap, options, [topic])
    try:
        return (await cluster.topic_ids()).get(topic)
    finally:
        await cluster.close()


class _Reading:
    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        decode: Decode,
        places: Sequence[TopicPartition],
        topic_id: TopicId | None,
    ) -> None:
        self._consumer = consumer
        self._decode = decode
        self._places = places
        self._topic_id = topic_id

    async def held(self, asked: Mapping[int, int]) -> dict[int, Held]:
        """Paused until it is known where to read: nothing may be fetched from anywhere else."""
        self._consumer.assign(self._places)
        self._consumer.pause(*self._places)
        first = await self._consumer.beginning_offsets(self._places)
        end = await self._consumer.end_offsets(self._places)
        wanted = {
            place: asked[place.partition]
            for place in self._places
            if place.partition in asked and first[place] <= asked[place.partition] < end[place]
        }
        identities = await self._identities(wanted)
        return {
            place.partition: Held(first[place], end[place], identities.get(Place(*place)), self._topic_id)
            for place in self._places
        }

    async def _identities(self, wanted: Mapping[TopicPartition, int]) -> dict[Place, str]:
        """Of the record that reading from each offset gives first, where that is the one at this offset."""
        if not wanted:
            return {}
        for place, offset in wanted.items():
            self._consumer.seek(place, offset)
            self._consumer.resume(place)
        found: dict[Place, str] = {}
        missing, until = set(wanted), monotonic() + READ_WITHIN_S
        while missing and monotonic() < until:
            read = await self._consumer.getmany(*missing, timeout_ms=POLL_MS, max_records=len(missing))
            for place, records in read.items():
                if records and records[0].offset == wanted[place]:
                    found[Place(*place)] = self._decode(records[0]).identity
            missing -= _answered(read)
        if missing:
            raise TimeoutError("a partition does not give its records")
        return found


def _answered(read: Mapping[TopicPartition, Collection[object]]) -> set[TopicPartition]:
    return {place for place, records in read.items() if records}
