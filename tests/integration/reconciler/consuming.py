"""A loop on real parts inside the test: what it counts and logs, and how to start and stop it."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import StringIO

from aiokafka import AIOKafkaProducer

from deploy.local.stack import Stack
from reconciler.decode import decoder
from reconciler.kafka.source import KafkaSource, Membership
from reconciler.loop import Loop
from reconciler.postgres.ledger import Postgres
from schemas.logline import Log
from schemas.record import Record
from schemas.topics import Topics
from tests.integration.reconciler.conftest import address
from tests.support.database import Database
from tests.support.kafka import PARTITIONS
from tests.support.polling import eventually


@dataclass(slots=True)
class Meter:
    events: dict[tuple[str, str], int] = field(default_factory=dict)
    fences: int = 0
    replaced: int = 0
    added: int = 0
    lag_records: int = 0

    def batch_applied(
        self, seconds: float, events: Mapping[tuple[str, str], int], end_to_end_s: Iterable[float]
    ) -> None:
        for key, count in events.items():
            self.events[key] = self.events.get(key, 0) + count

    def fenced(self) -> None:
        self.fences += 1

    def consumer_replaced(self) -> None:
        self.replaced += 1

    def partitions_added(self, count: int) -> None:
        self.added += count

    def lag(self, records: int, seconds: float) -> None:
        self.lag_records = records

    def total(self) -> int:
        return sum(self.events.values())


@dataclass(frozen=True, slots=True)
class Running:
    loop: Loop
    source: KafkaSource
    task: "asyncio.Task[None]"
    watching: "asyncio.Task[None]"
    meter: Meter
    log: StringIO


@asynccontextmanager
async def running(
    stack: Stack, database: Database, topics: Topics, *, bootstrap: str | None = None
) -> AsyncIterator[Running]:
    """A reconciler's loop, with its watch, for the length of the block. An error of the loop is raised at the
    end. `bootstrap` is another way to the same brokers.
    """
    decode, meter, log = decoder(topics), Meter(), StringIO()
    names = (topics.events, topics.quarantine)
    membership = Membership(bootstrap or stack.bootstrap, f"{topics.prefix}group", names, {})
    source = KafkaSource(membership, decode)
    postgres = Postgres(address(database))
    await source.start()
    loop = Loop(source, postgres, decode, meter, Log("test", stream=log))
    task = asyncio.create_task(loop.run())
    watching = asyncio.create_task(source.watch(meter, Log("test", stream=log)))
    try:
        yield Running(loop, source, task, watching, meter, log)
    finally:
        loop.stop()
        try:
            await task
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await source.stop()
            await postgres.close()


async def produce(bootstrap: str, records: Iterable[Record], partition: int | None = None) -> None:
    """By the partition of the key, or all to one."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        for record in records:
            await producer.send(
                record.topic,
                record.value,
                key=record.key,
                headers=list(record.headers),
                partition=partition,
            )
        await producer.flush()
    finally:
        await producer.stop()


async def stored_offsets(database: Database, topic: str) -> int:
    """The sum over the partitions: how many records of the topic were applied."""
    async with database.connect() as connection:
        statement = (
            "select coalesce(sum(next_offset), 0)::bigint from ledger.consumer_offset where topic = $1"
        )
        total: int = await connection.fetchval(statement, topic)
        return total


async def applied(database: Database, topic: str, count: int) -> None:
    async def reached() -> bool:
        return await stored_offsets(database, topic) >= count

    await eventually(reached, within_s=30)


__all__ = ["PARTITIONS", "Meter", "Running", "applied", "produce", "running", "stored_offsets"]
