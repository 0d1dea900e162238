"""Kafka for the dispatch: a transactional producer that is thrown away after any error.

Making one with the id of another has Kafka refuse that other for ever, and abort what it had begun. What is
sent at once is one transaction: consumers who read committed see all of it or nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import ProducerClosed, ProducerFenced, UnknownTopicOrPartitionError

from reconciler.dispatch.dispatch import STEP_WITHIN_S
from reconciler.faults import TryAgainError
from reconciler.kafka.topics import LOST
from schemas.record import Record, partition_of

TRANSACTION_TIMEOUT_MS: Final = 15_000
"""After this Kafka aborts what a dead leader has begun, where no other leader has done so before."""
REQUEST_TIMEOUT_MS: Final = 60_000
"""Longer than we wait: a batch that expires inside the producer leaves a gap in its numbers."""
MAX_BATCH_BYTES: Final = 131_072
STOP_WITHIN_S: Final = 2.0

FAILURES: Final = (*LOST, AssertionError)
"""By its assertions aiokafka says that a transaction cannot go on after what happened to it."""


@dataclass(frozen=True, slots=True)
class Line:
    """`security` are aiokafka's arguments for TLS and SASL; `topics` must exist."""

    bootstrap: str
    transactional_id: str
    topics: Sequence[str]
    security: Mapping[str, object]


class TransactionalSender:
    """`reconciler.dispatch.dispatch.Sender`; borrows the producer."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    async def send(self, records: Sequence[Record]) -> None:
        try:
            async with asyncio.timeout(STEP_WITHIN_S):
                await self._producer.begin_transaction()
                await self._send(records)
                await self._producer.commit_transaction()
        except FAILURES as error:
            raise TryAgainError(_words(error)) from error

    async def _send(self, records: Sequence[Record]) -> None:
        """Batch after batch within a partition: only so is the order kept. Each is waited for, as a commit
        alone would not tell of one that failed."""
        known = {topic: await self._partitions(topic) for topic in {record.topic for record in records}}
        parts: dict[tuple[str, int], list[Record]] = {}
        for record in records:
            place = record.topic, partition_of(record.key, known[record.topic])
            parts.setdefault(place, []).append(record)
        await asyncio.gather(*(self._send_to(*place, part) for place, part in parts.items()))

    async def _partitions(self, topic: str) -> int:
        return len(await self._producer.partitions_for(topic))

    async def _send_to(self, topic: str, partition: int, records: Sequence[Record]) -> None:
        sent = 0
        while sent < len(records):
            batch = self._producer.create_batch()
            for record in records[sent:]:
                added = batch.append(
                    timestamp=None, key=record.key, value=record.value, headers=list(record.headers)
                )
                if added is None:
                    break
                sent += 1
            batch.close()
            await (await self._producer.send_batch(batch, topic, partition=partition))


@asynccontextmanager
async def sender(line: Line) -> AsyncIterator[TransactionalSender]:
    """For the length of the block; from now on all with the same transactional id are refused."""
    producer = AIOKafkaProducer(
        bootstrap_servers=line.bootstrap,
        client_id="profile-reconciler-dispatch",
        transactional_id=line.transactional_id,
        transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
        acks="all",
        compression_type="zstd",
        max_batch_size=MAX_BATCH_BYTES,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        **line.security,
    )
    try:
        await _started(producer, line)
        yield TransactionalSender(producer)
    finally:
        await _discarded(producer)


async def _started(producer: AIOKafkaProducer, line: Line) -> None:
    topic: str | None = None
    try:
        async with asyncio.timeout(STEP_WITHIN_S):
            await producer.start()
            for topic in line.topics:
                await producer.partitions_for(topic)
    except FAILURES as error:
        if topic is not None and isinstance(error, TimeoutError | UnknownTopicOrPartitionError):
            raise TryAgainError(f"Kafka has no topic {topic}: `profile-reconciler topics create`") from error
        raise TryAgainError(_words(error)) from error


def _words(error: Exception) -> str:
    if isinstance(error, ProducerFenced):
        return "another leader has begun to send"
    return f"Kafka does not take what waits ({type(error).__name__})"


async def _discarded(producer: AIOKafkaProducer) -> None:
    """Never waits for ever: `stop` alone would, for what the broker does not take."""
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await producer.stop()
    except FAILURES:
        await _forced(producer)
    _forget(producer)


async def _forced(producer: AIOKafkaProducer) -> None:
    producer._message_accumulator.fail_all(ProducerClosed())
    sending = producer._sender.sender_task
    while sending is not None and not sending.done():
        sending.cancel()  # each time it gives up waiting for one more of its requests
        await asyncio.wait((sending,), timeout=0.1)
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await producer.client.close()
    except FAILURES:
        return


def _forget(producer: AIOKafkaProducer) -> None:
    """Looks at what has failed for nobody any more, or asyncio would report it as errors that nobody saw."""
    kept = producer._message_accumulator
    batches = [*chain.from_iterable(kept._batches.values()), *kept._pending_batches]
    futures = [future for batch in batches for future in (batch.future, batch._drain_waiter)]
    for future in (*futures, producer._txn_manager.wait_for_transaction_end()):
        if future is not None and future.done() and not future.cancelled():
            future.exception()
