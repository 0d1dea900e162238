"""The consumer: a member of a group for its partitions, with the offsets of the database.

aiokafka's own idea of the position is never believed. Partitions are paused the moment they are assigned,
before anything is awaited (the listener does not hold back fetching), and go on only from where `place` puts
them. A consumer that the watch (`reconciler.kafka.watch`) holds for dead is replaced by a new one in the next
`fetch` or `place`, where nothing else uses it.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from time import monotonic, time
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.structs import TopicPartition

from reconciler.core.batch import Place, Position, TopicId
from reconciler.decode import Decode, KafkaRecord
from reconciler.faults import BrokenError, TryAgainError
from reconciler.kafka.progress import NOTHING, Fetched, Lag, Progress, read_from
from reconciler.kafka.topics import LOST, Cluster
from reconciler.kafka.watch import Meter, watch
from reconciler.kafka.watchdog import Look, Stage
from schemas.logline import Log

SESSION_TIMEOUT_S: Final = 10.0
"""After this long without a heartbeat somebody else gets the partitions. PostgreSQL must have ended our
transaction before, see `reconciler.postgres.ledger.Address`."""

POLL_S: Final = 0.1
"""How long nothing is waited for at most; an assignment is noticed no sooner."""
POSITION_WITHIN_S: Final = 0.5
OFFSETS_TOLD_EVERY_S: Final = 1.0
METADATA_AGE_MS: Final = 10_000
"""How late at most a topic that was made anew under us is noticed, or a partition that was added."""
START_TIMEOUT_S: Final = 20.0
STOP_TIMEOUT_S: Final = 10.0
REQUEST_TIMEOUT_MS: Final = 15_000
"""Above the time for which a broker may keep a request: of these, joining a group takes longest."""
FETCH_TIMEOUT_S: Final = 5.0
"""Far above POLL_S: a consumer that does not even come back is dead."""


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
    """`reconciler.loop.Source` for the loop, `reconciler.kafka.watch.Watched` for the watch beside it."""

    def __init__(self, membership: Membership, decode: Decode) -> None:
        self._membership = membership
        self._consumer = _consumer(membership)
        self._cluster = _cluster(membership)
        self._placed_on: Mapping[str, TopicId] = {}
        self._left: set[asyncio.Task[None]] = set()
        self._is_member = False
        self._is_worn_out = False
        self._condemned: BrokenError | None = None
        self._asked = False
        self._is_asking = False
        self._astray: frozenset[TopicPartition] = frozenset()
        self._progress = Progress(decode)
        self._told_at = 0.0
        self._telling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connects, and asks to join the group; raises `BrokenError` without brokers or without topics."""
        ConsumerRebalanceListener.register(_Listener)  # its own class has no types to inherit
        try:
            await self._join()
        except BrokenError:
            await self.stop()
            raise
        except LOST as error:
            await self.stop()
            raise BrokenError(
                f"Kafka at {self._membership.bootstrap} does not answer ({type(error).__name__}). Nothing "
                "was read or written. Check that the brokers run and that PROFILE_KAFKA_BOOTSTRAP and the "
                "security settings PROFILE_KAFKA_… fit them."
            ) from error

    async def _join(self) -> None:
        """Subscribing comes after connecting, or aiokafka would wait here for partitions: as long as the
        session of a member that was killed has not ended, there are none.
        """
        await asyncio.wait_for(self._consumer.start(), START_TIMEOUT_S)
        missing = sorted(set(self._membership.topics) - await self._consumer.topics())
        if missing:
            raise BrokenError(
                f"Kafka at {self._membership.bootstrap} has no topic {' and no topic '.join(missing)}. "
                "Nothing was read or written. Make the topics with `profile-reconciler topics create`, or "
                "correct PROFILE_TOPIC_PREFIX."
            )
        listener = _Listener(self, self._consumer)
        self._consumer.subscribe(topics=list(self._membership.topics), listener=listener)

    async def stop(self) -> None:
        """Leaves the group; gives up after a while when the brokers do not answer."""
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
        self._leave_behind()
        await self._cluster.close()
        _, late = await asyncio.wait(self._left, timeout=STOP_TIMEOUT_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    # From the consumer

    def revoked(self, consumer: AIOKafkaConsumer) -> None:
        """Nothing to save: what is not committed yet will be fenced."""
        if consumer is self._consumer:
            self._is_member = False

    def assigned(self, consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]) -> None:
        """Must not await: nothing is fetched until the first await, and no longer."""
        if consumer is self._consumer:
            self._is_member = True
            self._lose_way(partitions)

    def _lose_way(self, partitions: Collection[TopicPartition]) -> None:
        self._consumer.pause(*partitions)
        self._astray = frozenset(partitions)
        self._progress.clear()

    # For the watch

    async def watch(self, meter: Meter, log: Log) -> None:
        """For ever, beside the loop."""
        await watch(self, _cluster(self._membership), meter, log)

    @property
    def placed_on(self) -> Mapping[str, TopicId]:
        return self._placed_on

    async def look(self, ends: Mapping[Place, int]) -> Look:
        """What it has been doing since the look before."""
        asked, self._asked = self._asked, self._is_asking
        stage: Stage = "joining" if not self._is_member else "placing" if self._astray else "reading"
        return Look(asked, stage, await self._positions(), ends)

    async def _positions(self) -> Mapping[Place, int]:
        """Where the consumer itself reads on: markers of transactions move it too. All are asked at once, as
        each that has no position yet is waited for.
        """
        found: dict[Place, int] = {}
        consumer = self._consumer

        async def find(partition: TopicPartition) -> None:
            with suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(POSITION_WITHIN_S):
                    found[_place(partition)] = await consumer.position(partition)

        await asyncio.gather(*map(find, consumer.assignment()))
        return found

    def wear_out(self) -> None:
        """The consumer is replaced as soon as nothing uses it."""
        self._is_worn_out = True

    def condemn(self, error: BrokenError) -> None:
        """The loop gets this error with its next wish."""
        self._condemned = error

    @asynccontextmanager
    async def _attended(self) -> AsyncIterator[bool]:
        """Around all that is asked of the consumer; false where there is none to ask yet."""
        if self._condemned is not None:
            raise self._condemned
        self._asked = self._is_asking = True
        try:
            yield not self._is_worn_out or await self._replace()
        finally:
            self._is_asking = False

    async def _replace(self) -> bool:
        self._leave_behind()
        self._consumer = _consumer(self._membership)
        self._is_member, self._astray = False, frozenset()
        self._progress.clear()
        try:
            await self._join()
        except (*LOST, BrokenError):  # a broker that just started may not know the topics yet
            return False
        self._is_worn_out = False
        return True

    def _leave_behind(self) -> None:
        """Ends the consumer beside all else: who does not answer it may keep it waiting."""
        task = asyncio.create_task(_stopped(self._consumer))
        self._left.add(task)
        task.add_done_callback(self._left.discard)

    # For the loop

    def is_astray(self) -> bool:
        return bool(self._astray)

    def astray(self) -> Collection[Place]:
        return [_place(partition) for partition in sorted(self._astray)]

    def rewind(self) -> None:
        self._lose_way(self._consumer.assignment())

    def partitions(self) -> Collection[Place]:
        """Every partition of our topics, as far as known; not only those that are ours."""
        known = {topic: self._consumer.partitions_for_topic(topic) or () for topic in self._membership.topics}
        return sorted({*self.astray(), *(Place(topic, each) for topic in known for each in known[topic])})

    async def topic_ids(self) -> Mapping[str, TopicId]:
        async with self._attended():
            found = await self._cluster.topic_ids()
        self._placed_on = {**found, **self._placed_on}
        return found

    async def place(self, positions: Mapping[Place, Position]) -> None:
        async with self._attended() as there:
            if not there:
                raise TryAgainError("Kafka does not answer, and the consumer is made anew")
            await self._place(positions)

    async def _place(self, positions: Mapping[Place, Position]) -> None:
        partitions = {_partition(place): place for place in positions}
        try:
            first, end = await asyncio.gather(
                self._consumer.beginning_offsets(list(partitions)),
                self._consumer.end_offsets(list(partitions)),
            )
            if self._astray != partitions.keys():
                return  # assigned anew meanwhile: there will be another call
            for partition, place in partitions.items():
                offset = read_from(place, positions[place], first[partition], end[partition])
                self._consumer.seek(partition, offset)
                self._progress.place(place, positions[place], offset)
            self._consumer.resume(*partitions)
        except LOST as error:
            raise TryAgainError(f"Kafka does not answer ({type(error).__name__})") from error
        self._astray = frozenset()

    async def fetch(self) -> Fetched:
        if self._astray:
            return NOTHING
        async with self._attended() as there:
            found = await self._read() if there else await asyncio.sleep(POLL_S, {})
        if self._astray:
            return NOTHING
        return self._progress.taken({_place(partition): read for partition, read in found.items()})

    async def _read(self) -> Mapping[TopicPartition, Sequence[KafkaRecord]]:
        try:
            async with asyncio.timeout(FETCH_TIMEOUT_S):
                return dict(await self._consumer.getmany(timeout_ms=int(POLL_S * 1000)))
        except TimeoutError:
            self.wear_out()
        except NoOffsetForPartitionError:
            pass  # asked for before we said where to read on
        except OffsetOutOfRangeError:
            self.rewind()  # `place` will find out why
        except KafkaError as error:
            if type(error) is KafkaError:  # how aiokafka tells that a task of its own ended, and why
                self.wear_out()
                return {}
            raise BrokenError(
                f"Kafka refuses to be read ({type(error).__name__}: {error}). What was applied is kept. "
                "Check the topics with `profile-reconciler topics check`, and the rights of this client."
            ) from error
        return {}

    def applied(self, ends: Mapping[Place, int]) -> None:
        everywhere = self._progress.applied(ends)
        idle = self._is_member and (self._telling is None or self._telling.done())
        if idle and monotonic() - self._told_at >= OFFSETS_TOLD_EVERY_S:
            self._told_at = monotonic()
            self._telling = asyncio.create_task(self._tell(everywhere))

    async def _tell(self, offsets: Mapping[Place, int]) -> None:
        """Kafka's own offsets are for those who watch the lag: where it fails, the next one will do."""
        with suppress(KafkaError, TimeoutError):
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


class _Listener:
    """Hears of one consumer's partitions; of a consumer that was replaced, nothing is heard any more."""

    def __init__(self, source: KafkaSource, consumer: AIOKafkaConsumer) -> None:
        self._source = source
        self._consumer = consumer

    def on_partitions_revoked(self, _: Collection[TopicPartition]) -> None:
        self._source.revoked(self._consumer)

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._source.assigned(self._consumer, assigned)


async def _stopped(consumer: AIOKafkaConsumer) -> None:
    with suppress(KafkaError):
        await consumer.stop()


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
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        session_timeout_ms=session_ms,
        heartbeat_interval_ms=session_ms // 10,
        metadata_max_age_ms=METADATA_AGE_MS,
        **membership.security,
    )


def _cluster(membership: Membership) -> Cluster:
    return Cluster(membership.bootstrap, membership.security, membership.topics)


def _place(partition: TopicPartition) -> Place:
    return Place(partition.topic, partition.partition)


def _partition(place: Place) -> TopicPartition:
    return TopicPartition(place.topic, place.partition)
