"""The Kafka adapter of commands that produce a few records: each is acknowledged by all, or an error."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiokafka import AIOKafkaProducer

from reconciler.kafka.admin import ClusterError, cluster_words
from reconciler.kafka.topics import LOST
from schemas.record import Record

SEND_WITHIN_S = 15.0
STOP_WITHIN_S = 5.0


class Sent(NamedTuple):
    topic: str
    partition: int
    offset: int


Send = Callable[[Record], Awaitable[Sent]]
"""Raises `ClusterError` where Kafka does not take the record; it may then be there all the same."""


@asynccontextmanager
async def sender(bootstrap: str, options: Mapping[str, object]) -> AsyncIterator[Send]:
    """For the length of the block; `options` are aiokafka's security arguments."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, compression_type="zstd", **options
    )

    async def send(record: Record) -> Sent:
        try:
            sending = producer.send_and_wait(
                record.topic, record.value, key=record.key, headers=list(record.headers)
            )
            sent = await asyncio.wait_for(sending, SEND_WITHIN_S)
        except LOST as error:
            raise ClusterError(cluster_words(bootstrap, error)) from error
        return Sent(sent.topic, sent.partition, sent.offset)

    starting = asyncio.ensure_future(producer.start())
    try:
        try:
            await asyncio.wait_for(asyncio.shield(starting), SEND_WITHIN_S)
        except LOST as error:
            raise ClusterError(cluster_words(bootstrap, error)) from error
        yield send
    finally:
        await _stopped(producer, starting)


async def _stopped(producer: AIOKafkaProducer, starting: "asyncio.Future[None]") -> None:
    """Everything was acknowledged or given up before: a producer that cannot say goodbye is let go.

    One that is cut off while it starts leaves its connection open; it is given time to get through.
    """
    await asyncio.wait({starting}, timeout=STOP_WITHIN_S)
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    try:
        await asyncio.wait_for(producer.stop(), STOP_WITHIN_S)
    except LOST:
        return
