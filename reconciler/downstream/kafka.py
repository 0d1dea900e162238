"""The consumer: every partition of `profile.operations.v1`, read from where the job ledger stands."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.structs import TopicPartition

from reconciler.faults import BrokenError
from reconciler.kafka.topics import LOST
from schemas.logline import Log

BATCH_RECORDS_MAX: Final = 500
POLL_MS: Final = 500
START_WITHIN_S: Final = 20.0
STOP_WITHIN_S: Final = 10.0
METADATA_AGE_MS: Final = 10_000


class Read(NamedTuple):
    """A record: `partition`, `offset` and its value."""

    partition: int
    offset: int
    value: bytes | None


class OperationsSource:
    """No group: one program works at a time, and its ledger knows the offsets."""

    def __init__(self, consumer: AIOKafkaConsumer, topic: str, log: Log) -> None:
        self._consumer = consumer
        self._topic = topic
        self._log = log

    async def begin(self, stored: Mapping[int, int]) -> dict[int, int]:
        """Where each partition is read from.

        A program that never ran before begins at the end: what settled before is nobody's errand. A partition
        that was added since begins at its first record.
        """
        partitions = self._partitions()
        try:
            ends = await self._consumer.end_offsets(partitions)
        except LOST as error:
            raise BrokenError(
                f"Kafka does not say where {self._topic} ends ({type(error).__name__}). Nothing was sent. "
                "Start again when the brokers answer."
            ) from error
        starts = {
            place.partition: stored.get(place.partition, 0 if stored else ends[place]) for place in partitions
        }
        beyond = [place.partition for place in partitions if starts[place.partition] > ends[place]]
        if beyond:
            raise BrokenError(
                f"{self._topic} ends before the offsets that were worked off (partition {beyond[0]}): it was "
                "made anew. Nothing was sent. When that was meant, run `profile-downstream forget-offsets`, "
                "and it begins at the end."
            )
        for place in partitions:
            self._consumer.seek(place, starts[place.partition])
        return starts

    def _partitions(self) -> list[TopicPartition]:
        partitions = sorted(self._consumer.assignment())
        if not partitions:
            raise BrokenError(
                f"There is no topic {self._topic}. Nothing was sent. Make it with `profile-reconciler topics "
                "create`, or correct PROFILE_TOPIC_PREFIX."
            )
        return partitions

    def has_grown(self, known: int) -> bool:
        """Whether the topic has more partitions than we read."""
        return len(self._consumer.partitions_for_topic(self._topic) or ()) > known

    async def fetch(self) -> Sequence[Read]:
        """What there is, in order within a partition; nothing after a while without records."""
        try:
            found = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_RECORDS_MAX)
        except NoOffsetForPartitionError:
            return ()  # the topic has grown, or was asked for before we said where to read on
        except OffsetOutOfRangeError as error:
            await self._go_on_at_the_first(error)
            return ()
        except LOST as error:
            await self._wait(error)
            return ()
        return [
            Read(place.partition, record.offset, record.value)
            for place, records in found.items()
            for record in records
        ]

    async def _wait(self, error: Exception) -> None:
        self._log.emit("waiting", level="warning", reason=f"Kafka: {type(error).__name__}")
        await asyncio.sleep(POLL_MS / 1000)

    async def _go_on_at_the_first(self, error: OffsetOutOfRangeError) -> None:
        """Kafka has removed what we did not read in time: said loudly, and nothing is deleted for it."""
        places = list(error.args[0])
        try:
            first = await self._consumer.beginning_offsets(places)
        except LOST as away:
            await self._wait(away)  # the next fetch is told the same
            return
        for place in places:
            self._log.emit(
                "records_missed",
                level="error",
                topic=self._topic,
                partition=place.partition,
                offset=first[place],
            )
            self._consumer.seek(place, first[place])


@asynccontextmanager
async def operations_source(
    bootstrap: str, topic: str, security: Mapping[str, object], log: Log
) -> AsyncIterator[OperationsSource]:
    """For the length of the block. Raises BrokenError where no broker answers."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        client_id="profile-downstream",
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
        metadata_max_age_ms=METADATA_AGE_MS,
        **security,
    )
    try:
        await asyncio.wait_for(consumer.start(), START_WITHIN_S)
    except LOST as error:
        await _stopped(consumer)
        raise BrokenError(
            f"Kafka at {bootstrap} does not answer ({type(error).__name__}). Nothing was read or sent. Check "
            "that the brokers run and that PROFILE_KAFKA_BOOTSTRAP fits them."
        ) from error
    try:
        yield OperationsSource(consumer, topic, log)
    finally:
        await _stopped(consumer)


async def _stopped(consumer: AIOKafkaConsumer) -> None:
    with suppress(*LOST):
        await asyncio.wait_for(consumer.stop(), STOP_WITHIN_S)
