"""Kafka for the lane: a producer that is kept alive, and rounds of batches through it.

aiokafka retries a batch for ever while the broker is away, never looks at its bootstrap addresses again, and
after an error that it does not retry its idempotent producer is of no use: it goes on with the next sequence
number, and the broker refuses all that follows on that partition. So a producer is thrown away after any
error of a batch, and when nothing has come back for a while. What was in flight is then called back as not
acknowledged; it may have arrived all the same.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    CorruptRecordException,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    ProducerClosed,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownError,
    UnsupportedForMessageFormatError,
)
from aiokafka.helpers import create_ssl_context
from aiokafka.structs import TopicPartition

from receiver.lane import Batch
from schemas.settings import Shared

MAX_BATCH_BYTES = 131_072
MAX_REQUEST_BYTES = 1_048_576
REQUEST_TIMEOUT_MS = 120_000
"""Longer than we wait for progress: a batch that expires inside the producer leaves a gap in its numbers."""
METADATA_MAX_AGE_MS = 60_000

NO_PROGRESS_S = 30.0
CONNECT_WITHIN_S = 10.0
TOPIC_WITHIN_S = 2.0
STOP_WITHIN_S = 2.0
BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)
CLOSED_TOPIC_S = 30.0
"""How long nothing is sent to a topic that refuses us: each refusal costs the others a producer."""
CLOSES_TOPIC = (TopicAuthorizationFailedError, InvalidTopicError)
REFUSES_RECORD = (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    CorruptRecordException,
    InvalidTimestampError,
    PolicyViolationError,
    UnsupportedForMessageFormatError,
    UnknownError,  # what aiokafka makes of "invalid record", which it does not know
)

Back = Callable[[Batch, bool], None]


class Watcher(Protocol):
    """Who logs what becomes of the connection. `error` is the name of an error class, or a topic's."""

    def connected(self) -> None: ...

    def not_connected(self, error: str) -> None: ...

    def lost(self, error: str) -> None: ...


@dataclass(slots=True, eq=False)
class _Flight:
    batch: Batch
    back: Back
    since: float


class KafkaBroker:
    """The lane's Broker. `run` keeps a producer; without it nothing ever is up."""

    def __init__(
        self,
        make_producer: Callable[[], AIOKafkaProducer],
        *,
        topics: Sequence[str],
        watcher: Watcher,
        no_progress_s: float = NO_PROGRESS_S,
    ) -> None:
        """`topics` are the ones records will be sent to, the first is the one without which nothing works."""
        self._make_producer = make_producer
        self._topics = topics
        self._watcher = watcher
        self._no_progress_s = no_progress_s
        self._loop = asyncio.get_running_loop()
        self._producer: AIOKafkaProducer | None = None
        self._broken: asyncio.Future[str] | None = None
        self._flights: set[_Flight] = set()
        self._closed_topics: dict[str, float] = {}

    # For the lane

    def is_up(self) -> bool:
        return self._producer is not None

    def partitions(self, topic: str) -> int:
        if self._producer is None or self._closed_topics.get(topic, 0.0) > self._loop.time():
            return 0
        known = self._producer.client.cluster.partitions_for_topic(topic)
        return len(known) if known else 0

    def leader(self, topic: str, partition: int) -> int:
        if self._producer is None:
            return -1
        leader = self._producer.client.cluster.leader_for_partition(TopicPartition(topic, partition))
        return -1 if leader is None else int(leader)

    def send(self, batches: Sequence[Batch], back: Back) -> None:
        """An error is told by `back`, too, and never at once."""
        now = self._loop.time()
        for batch in batches:
            flight = _Flight(batch, back, now)
            self._flights.add(flight)
            try:
                delivered = _queued(self._producer, batch)
            except KafkaError as error:
                delivered = self._loop.create_future()
                delivered.set_exception(error)
            delivered.add_done_callback(partial(self._landed, flight))

    def _landed(self, flight: _Flight, done: asyncio.Future[object]) -> None:
        error = done.exception()
        if error is None:
            self._land(flight, "")
        else:
            self._failed(flight, error)

    def _failed(self, flight: _Flight, error: BaseException) -> None:
        if isinstance(error, CLOSES_TOPIC):
            self._closed_topics[flight.batch.topic] = self._loop.time() + CLOSED_TOPIC_S
        if isinstance(error, REFUSES_RECORD):
            flight.batch.refusal = type(error).__name__
        self._land(flight, type(error).__name__)

    def _land(self, flight: _Flight, error: str) -> None:
        """Once per flight: one that was given up lands on nobody."""
        if flight not in self._flights:
            return
        self._flights.remove(flight)
        if error and self._broken is not None and not self._broken.done():
            self._broken.set_result(error)
        flight.back(flight.batch, not error)

    # Keeping a producer

    async def run(self, changed: Callable[[], None]) -> None:
        """Until cancelled. `changed` is called when Kafka came or went."""
        while True:
            producer = await self._connect()
            self._broken = self._loop.create_future()
            self._producer = producer
            self._watcher.connected()
            changed()
            try:
                self._watcher.lost(await self._trouble())
            finally:
                self._producer = None
                self._give_up_flights()
                await discard(producer)
                changed()

    async def _connect(self) -> AIOKafkaProducer:
        tried = 0
        while True:
            producer = self._make_producer()
            try:
                async with asyncio.timeout(CONNECT_WITHIN_S):
                    await producer.start()
                    _let_it_fail_quietly(producer)
                    unknown = await unknown_topics(producer, self._topics)
                if self._topics[0] not in unknown:
                    return producer
                self._watcher.not_connected(f"no topic {self._topics[0]}")
            except (KafkaError, OSError, TimeoutError) as error:
                self._watcher.not_connected(type(error).__name__)
            except asyncio.CancelledError:
                await discard(producer)
                raise
            await discard(producer)
            await asyncio.sleep(BACKOFF_S[min(tried, len(BACKOFF_S) - 1)])
            tried += 1

    async def _trouble(self) -> str:
        """What is wrong with the producer, once something is."""
        assert self._broken is not None
        while True:
            done, _ = await asyncio.wait((self._broken,), timeout=1.0)
            if done:
                return self._broken.result()
            oldest = min((flight.since for flight in self._flights), default=self._loop.time())
            if self._loop.time() - oldest > self._no_progress_s:
                return "no progress"

    def _give_up_flights(self) -> None:
        for flight in list(self._flights):
            self._land(flight, "given up")


def _let_it_fail_quietly(producer: AIOKafkaProducer) -> None:
    """aiokafka tells a transaction of its sender's end, and stumbles where there never was one."""
    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiter.add_done_callback(asyncio.Future.exception)
    producer._txn_manager._transaction_waiter = waiter


async def unknown_topics(producer: AIOKafkaProducer, topics: Sequence[str]) -> list[str]:
    """Asking makes the producer keep their metadata from now on, also of one that comes later."""
    known = await asyncio.gather(*(_is_known(producer, topic) for topic in topics))
    return [topic for topic, is_known in zip(topics, known, strict=True) if not is_known]


async def _is_known(producer: AIOKafkaProducer, topic: str) -> bool:
    try:
        async with asyncio.timeout(TOPIC_WITHIN_S):
            await producer.partitions_for(topic)
    except (TimeoutError, KafkaError):
        return False
    return True


def _queued(producer: AIOKafkaProducer | None, batch: Batch) -> asyncio.Future[object]:
    """Done when all replicas have it. Raises KafkaError for a batch that will not travel.

    It goes straight to where the producer's task takes batches from: `send_batch` would look for the topic
    and for room first, and the lane has done both (it knows the leader, and has one batch a partition on its
    way). A task, and two futures more for each batch, cost an eighth of all that sending costs.
    """
    if producer is None or producer._message_accumulator._closed:
        raise ProducerClosed
    accumulator = producer._message_accumulator
    if accumulator._exception is not None:
        raise ProducerClosed(accumulator._exception)
    where = TopicPartition(batch.topic, batch.partition)
    delivered: asyncio.Future[object] = accumulator._append_batch(_filled(producer, batch), where).future
    return delivered


def _filled(producer: AIOKafkaProducer, batch: Batch) -> object:
    """Raises MessageSizeTooLargeError where the producer has less room than the lane thinks."""
    builder = producer.create_batch()
    for waiting in batch.waiting:
        record = waiting.record
        added = builder.append(
            timestamp=None, key=record.key, value=record.value, headers=list(record.headers)
        )
        if added is None:
            raise MessageSizeTooLargeError
    builder.close()
    return builder


async def discard(producer: AIOKafkaProducer) -> None:
    """Never waits for ever: `stop` alone would, for batches that the broker does not take."""
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await producer.stop()
            return
    except (KafkaError, OSError, TimeoutError):
        _fail_what_is_left(producer)
    sender = producer._sender.sender_task
    while sender is not None and not sender.done():
        sender.cancel()  # each time it gives up waiting for one more of its requests
        await asyncio.wait((sender,), timeout=0.1)
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await producer.client.close()
    except (KafkaError, OSError, TimeoutError):
        return


def _fail_what_is_left(producer: AIOKafkaProducer) -> None:
    """So that no task waits for it. Alone, aiokafka stumbles over batches that were to be sent once more."""
    accumulator = producer._message_accumulator
    for batches in accumulator._batches.values():
        for batch in batches:
            accumulator._pending_batches.add(batch)
            batch._drain_waiter.cancel()
    accumulator.fail_all(ProducerClosed())


def producer_maker(settings: Shared) -> Callable[[], AIOKafkaProducer]:
    """Makes the lane's producer, in the running loop. Uncompressed: on small batches that costs least."""
    tls = None
    if settings.kafka_uses_tls:
        tls = create_ssl_context(
            cafile=settings.kafka_ssl_cafile,
            certfile=settings.kafka_ssl_certfile,
            keyfile=settings.kafka_ssl_keyfile,
        )
    password = settings.kafka_sasl_password

    def make() -> AIOKafkaProducer:
        return AIOKafkaProducer(
            bootstrap_servers=settings.kafka_bootstrap_servers,
            client_id="profile-receiver",
            acks="all",
            enable_idempotence=True,
            compression_type=None,
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=MAX_REQUEST_BYTES,
            linger_ms=0,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
            security_protocol=settings.kafka_security_protocol,
            ssl_context=tls,
            sasl_mechanism=settings.kafka_sasl_mechanism,
            sasl_plain_username=settings.kafka_sasl_username,
            sasl_plain_password=password.get_secret_value() if password else None,
        )

    return make


async def broker_faults(settings: Shared) -> list[str]:
    """What keeps records from being stored in Kafka, as `NAME: what; remedy`."""
    producer = producer_maker(settings)()
    where = ", ".join(settings.kafka_bootstrap_servers)
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            await producer.start()
            missing = await unknown_topics(producer, (settings.topics.events, settings.topics.quarantine))
    except (KafkaError, OSError, TimeoutError) as error:
        return [
            f"PROFILE_KAFKA_BOOTSTRAP: no broker answers at {where} ({type(error).__name__}); "
            "start it, or correct the address"
        ]
    finally:
        await discard(producer)
    return [
        f"PROFILE_TOPIC_PREFIX: there is no topic {topic}; run profile-reconciler topics create"
        for topic in missing
    ]
