"""The consumer: a member of a group for its partitions, with the offsets of the database.

aiokafka's own idea of the position is never believed. Partitions are paused the moment they are assigned,
before anything is awaited (the listener does not hold back fetching), and go on only from where `place` puts
them.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, time
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import (
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from aiokafka.structs import TopicPartition

from reconciler.batch import Place, Position
from reconciler.decode import Decode
from reconciler.faults import BrokenError, TryAgainError
from reconciler.progress import NOTHING, Fetched, Lag, Progress, read_from

SESSION_TIMEOUT_S: Final = 10.0
"""After this long without a heartbeat somebody else gets the partitions. PostgreSQL must have ended our
transaction before, see `reconciler.postgres.Address`."""

POLL_S: Final = 0.5
OFFSETS_TOLD_EVERY_S: Final = 1.0
METADATA_AGE_MS: Final = 10_000
"""How late at most a topic that was made anew under us is noticed, or a partition that was added."""
START_TIMEOUT_S: Final = 20.0
STOP_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Membership:
    """`security` are aiokafka's arguments for TLS and SASL."""

    bootstrap: str
    group: str
    topics: Sequence[str]
    security: Mapping[str, object]
    batch_records_max: int = 1000
    session_timeout_s: float = SESSION_TIMEOUT_S


class KafkaSource:
    """`reconciler.loop.Source`, and the rebalance listener of its own consumer."""

    def __init__(self, membership: Membership, decode: Decode) -> None:
        self._membership = membership
        self._consumer = _consumer(membership)
        self._astray: frozenset[TopicPartition] = frozenset()
        self._progress = Progress(decode)
        self._told_at = 0.0
        self._telling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connects, and asks to join the group; raises `BrokenError` without brokers or without topics.

        Subscribing comes after connecting, or aiokafka would wait here for partitions: as long as the session
        of a member that was killed has not ended, there are none.
        """
        ConsumerRebalanceListener.register(type(self))  # its own class has no types to inherit
        try:
            await asyncio.wait_for(self._consumer.start(), START_TIMEOUT_S)
            missing = sorted(set(self._membership.topics) - await self._consumer.topics())
        except (KafkaError, OSError, TimeoutError) as error:
            await self.stop()
            raise BrokenError(
                f"Kafka at {self._membership.bootstrap} does not answer ({type(error).__name__}). Nothing "
                "was read or written. Check that the brokers run and that PROFILE_KAFKA_BOOTSTRAP and the "
                "security settings PROFILE_KAFKA_… fit them."
            ) from error
        if missing:
            await self.stop()
            raise BrokenError(
                f"Kafka at {self._membership.bootstrap} has no topic {' and no topic '.join(missing)}. "
                "Nothing was read or written. Make the topics with `profile-reconciler topics create`, or "
                "correct PROFILE_TOPIC_PREFIX."
            )
        self._consumer.subscribe(topics=list(self._membership.topics), listener=self)

    async def stop(self) -> None:
        """Leaves the group; gives up after a while when the brokers do not answer."""
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
        with suppress(KafkaError, TimeoutError):
            await asyncio.wait_for(self._consumer.stop(), STOP_TIMEOUT_S)

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Nothing to save: what is not committed yet will be fenced."""

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Must not await: nothing is fetched until the first await, and no longer."""
        self._lose_way(assigned)

    def _lose_way(self, partitions: Collection[TopicPartition]) -> None:
        self._consumer.pause(*partitions)
        self._astray = frozenset(partitions)
        self._progress.clear()

    def is_astray(self) -> bool:
        return bool(self._astray)

    def astray(self) -> Collection[Place]:
        return [_place(partition) for partition in sorted(self._astray)]

    def rewind(self) -> None:
        self._lose_way(self._consumer.assignment())

    async def place(self, positions: Mapping[Place, Position]) -> None:
        partitions = {_partition(place): place for place in positions}
        try:
            first = await self._consumer.beginning_offsets(list(partitions))
            end = await self._consumer.end_offsets(list(partitions))
            if self._astray != partitions.keys():
                return  # assigned anew meanwhile: there will be another call
            for partition, place in partitions.items():
                offset = read_from(place, positions[place], first[partition], end[partition])
                self._consumer.seek(partition, offset)
                self._progress.place(place, positions[place], offset)
            self._consumer.resume(*partitions)
        except (KafkaError, IllegalStateError) as error:
            raise TryAgainError(f"Kafka does not answer ({type(error).__name__})") from error
        self._astray = frozenset()

    async def fetch(self) -> Fetched:
        if self._astray:
            return NOTHING
        try:
            found = await self._consumer.getmany(timeout_ms=int(POLL_S * 1000))
        except NoOffsetForPartitionError:
            return NOTHING  # asked for before we said where to read on
        except OffsetOutOfRangeError:
            self.rewind()  # `place` will find out why
            return NOTHING
        except KafkaError as error:
            raise BrokenError(
                f"Kafka refuses to be read ({type(error).__name__}: {error}). What was applied is kept. "
                "Check the topics with `profile-reconciler topics check`, and the rights of this client."
            ) from error
        if self._astray:
            return NOTHING
        return self._progress.taken({_place(partition): read for partition, read in found.items()})

    def applied(self, ends: Mapping[Place, int]) -> None:
        everywhere = self._progress.applied(ends)
        idle = self._telling is None or self._telling.done()
        if idle and monotonic() - self._told_at >= OFFSETS_TOLD_EVERY_S:
            self._told_at = monotonic()
            self._telling = asyncio.create_task(self._tell(everywhere))

    async def _tell(self, offsets: Mapping[Place, int]) -> None:
        """Kafka's own offsets are for those who watch the lag: where it fails, the next one will do."""
        with suppress(KafkaError, IllegalStateError, TimeoutError):
            told = {_partition(place): offset for place, offset in offsets.items()}
            await asyncio.wait_for(self._consumer.commit(told), STOP_TIMEOUT_S)

    def lag(self) -> Lag:
        return self._progress.lag(self._highwater, time())

    def _highwater(self, place: Place) -> int | None:
        """aiokafka insists that the partition is assigned, which ends before the listener hears of it."""
        partition = _partition(place)
        if partition not in self._consumer.assignment():
            return None
        highwater: int | None = self._consumer.highwater(partition)
        return highwater


def _consumer(membership: Membership) -> AIOKafkaConsumer:
    session_ms = int(membership.session_timeout_s * 1000)
    return AIOKafkaConsumer(
        bootstrap_servers=membership.bootstrap,
        group_id=membership.group,
        client_id="profile-reconciler",
        auto_offset_reset="none",
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_poll_records=membership.batch_records_max,
        session_timeout_ms=session_ms,
        heartbeat_interval_ms=session_ms // 10,
        metadata_max_age_ms=METADATA_AGE_MS,
        **membership.security,
    )


def _place(partition: TopicPartition) -> Place:
    return Place(partition.topic, partition.partition)


def _partition(place: Place) -> TopicPartition:
    return TopicPartition(place.topic, place.partition)
