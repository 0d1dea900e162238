"""The consumer's keeper, without a Kafka: what it asks its consumer, and how."""

import asyncio

from aiokafka.structs import TopicPartition

from reconciler.decode import decoder
from reconciler.kafka.source import KafkaSource, Membership
from schemas.topics import Topics

PARTITIONS = frozenset(TopicPartition("events", number) for number in range(24))


class Waiting:
    """Knows no position before it is asked for all of them: as one that waits to be placed, to its end."""

    def __init__(self) -> None:
        self._asked = 0
        self._all_asked = asyncio.Event()

    def assignment(self) -> frozenset[TopicPartition]:
        return PARTITIONS

    async def position(self, partition: TopicPartition) -> int:
        self._asked += 1
        if self._asked == len(PARTITIONS):
            self._all_asked.set()
        await self._all_asked.wait()
        return int(partition.partition)


async def test_a_look_waits_for_all_positions_at_once() -> None:
    """One after the other they would take longer than a dead consumer may."""
    source = KafkaSource(Membership("127.0.0.1:1", "group", ["events"], {}), decoder(Topics()))
    own, source._consumer = source._consumer, Waiting()
    await own.stop()
    look = await source.look({})
    assert sorted(look.positions.values()) == list(range(24))
