"""The lane on a real broker that answers, freezes, dies and comes back."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.stack import Stack
from receiver.kafka import KafkaBroker, broker_faults, producer_maker
from receiver.lane import Lane, Place
from receiver.settings import ReceiverSettings
from schemas.record import Record, partition_of
from schemas.topics import Topics
from tests.support.kafka import PARTITIONS, delete_topics, read_topic
from tests.support.polling import eventually
from tests.unit.receiver.doubles import FakeSpool, Watched


class Connections:
    """What the broker reports."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def connected(self) -> None:
        self.said.append("connected")

    def not_connected(self, error: str) -> None:
        self.said.append(f"not connected: {error}")

    def lost(self, error: str) -> None:
        self.said.append(f"lost: {error}")


@dataclass
class Way:
    """A lane with its broker, and what they report."""

    lane: Lane
    connections: Connections
    watched: Watched
    topics: Topics

    async def store(self, number: int, *, topic: str = "", key: bytes = b"") -> Place:
        record = Record(
            topic or self.topics.events, key or b"key %d" % number, b"%d" % number, (("ce_id", b"x"),)
        )
        async with asyncio.timeout(10):
            return await self.lane.submit(record)

    async def until_refused(self, number: int) -> None:
        async def is_refused() -> bool:
            return await self.store(number) == "nowhere"

        await eventually(is_refused)

    async def until_stored(self, number: int) -> None:
        async def is_stored() -> bool:
            return await self.store(number) == "kafka"

        await eventually(is_stored, within_s=30)


def settings(bootstrap: str, prefix: str) -> ReceiverSettings:
    return ReceiverSettings.model_validate(
        {"kafka_bootstrap": bootstrap, "topic_prefix": prefix, "accounts_file": "/dev/null"}
    )


@asynccontextmanager
async def way(
    bootstrap: str, topics: Topics, *, no_progress_s: float = 30.0, second_topic: str = ""
) -> AsyncIterator[Way]:
    chosen = settings(bootstrap, topics.prefix)
    connections, watched = Connections(), Watched()
    broker = KafkaBroker(
        producer_maker(chosen),
        topics=(chosen.topics.events, second_topic or chosen.topics.quarantine),
        watcher=connections,
        no_progress_s=no_progress_s,
    )
    unforeseen: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: unforeseen.append(context))
    lane = Lane(broker, FakeSpool(room=False), watched, patience_s=0.5, bytes_max=1_000_000)
    running = asyncio.ensure_future(broker.run(lane.broker_changed))
    returning = asyncio.ensure_future(lane.run())
    try:
        yield Way(lane, connections, watched, chosen.topics)
    finally:
        await lane.stop(1.0)
        running.cancel()
        returning.cancel()
        async with asyncio.timeout(8):
            await asyncio.wait((running, returning))
        assert running.cancelled() and returning.cancelled(), "they end when told to, and not by an error"
        gc.collect()
        assert unforeseen == [], "each would be an alarm that means nothing"


async def test_records_stand_in_the_partition_of_their_key_in_the_order_they_came(
    stack: Stack, topics: Topics
) -> None:
    async with way(stack.bootstrap, topics) as to:
        await eventually(to.lane.can_store)
        keys = [b"device %d" % (number % 7) for number in range(300)]
        stored = await asyncio.gather(*(to.store(number, key=key) for number, key in enumerate(keys)))
        assert set(stored) == {"kafka"}
    records = await read_topic(stack.bootstrap, to.topics.events)
    assert sorted(int(record.value or b"") for record in records) == list(range(300))
    assert all(record.headers == (("ce_id", b"x"),) for record in records)
    assert all(record.partition == partition_of(record.key or b"", PARTITIONS) for record in records)
    for key in set(keys):
        numbers = [int(record.value or b"") for record in records if record.key == key]
        assert numbers == sorted(numbers)


async def test_a_frozen_broker_costs_the_patience_and_then_nothing(stack: Stack, topics: Topics) -> None:
    async with way(stack.bootstrap, topics) as to:
        await to.until_stored(0)
        loop = asyncio.get_running_loop()
        with stack.frozen("kafka"):
            await to.until_refused(1)  # a signal takes a moment to reach every thread
            began = loop.time()
            assert await to.store(2) == "nowhere"
            assert loop.time() - began < 0.2
            assert not to.lane.can_store()
        await to.until_stored(3)
        assert to.watched.modes[-2:] == ["away", "direct"]
    values = [record.value for record in await read_topic(stack.bootstrap, to.topics.events)]
    assert b"2" not in values, "never sent"


async def test_a_broker_that_died_and_came_back_is_used_again(stack: Stack, topics: Topics) -> None:
    async with way(stack.bootstrap, topics) as to:
        await to.until_stored(0)
        try:
            await asyncio.to_thread(stack.kill, "kafka")
            assert await to.store(1) == "nowhere"
        finally:
            await asyncio.to_thread(stack.start, "kafka")
        await to.until_stored(2)


async def test_a_broker_that_stays_away_costs_the_producer_and_is_found_when_it_returns(
    stack: Stack, topics: Topics
) -> None:
    async with way(stack.bootstrap, topics, no_progress_s=1.0) as to:
        await to.until_stored(0)
        try:
            await asyncio.to_thread(stack.kill, "kafka")
            assert await to.store(1) == "nowhere"
            await eventually(lambda: "lost: no progress" in to.connections.said)
            await eventually(lambda: to.connections.said[-1].startswith("not connected"))
        finally:
            await asyncio.to_thread(stack.start, "kafka")
        await to.until_stored(2)


@pytest.mark.parametrize("partitions", [PARTITIONS, 1])
async def test_a_topic_made_anew_breaks_the_producer_which_is_replaced(
    stack: Stack, topics: Topics, partitions: int
) -> None:
    """The broker knows none of the sequence numbers any more and refuses all that follow."""
    async with way(stack.bootstrap, topics, no_progress_s=2.0) as to:
        for number in range(3):
            await to.until_stored(number)
        await delete_topics(stack.bootstrap, [to.topics.events])
        await eventually(lambda: make_anew(stack.bootstrap, topics, partitions))
        for number in range(7, 17):
            await to.until_stored(number)
        assert "connected" in to.connections.said


async def make_anew(bootstrap: str, topics: Topics, partitions: int) -> bool:
    """A deleted topic's name is free a moment later."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        made = await admin.create_topics([NewTopic(topics.events, partitions, 1)])
        return all(error[1] == 0 for error in made.topic_errors)
    finally:
        await admin.close()


async def test_without_a_broker_it_answers_at_once(topics: Topics) -> None:
    async with way("127.0.0.1:9", topics) as to:
        assert await to.store(1) == "nowhere"
        await eventually(lambda: to.connections.said)
        assert not to.lane.can_store()


async def test_one_topic_that_is_missing_does_not_stop_the_other(stack: Stack, topics: Topics) -> None:
    async with way(stack.bootstrap, topics, second_topic="never.made") as to:
        await to.until_stored(1)
        assert await to.store(2, topic="never.made") == "nowhere"
        assert await to.store(3) == "kafka"


async def test_what_keeps_kafka_from_storing_is_told_with_its_remedy(stack: Stack, topics: Topics) -> None:
    assert await broker_faults(settings(stack.bootstrap, topics.prefix)) == []
    (away,) = await broker_faults(settings("127.0.0.1:9", topics.prefix))
    assert away.startswith("PROFILE_KAFKA_BOOTSTRAP: no broker answers at 127.0.0.1:9")
    assert len(await broker_faults(settings(stack.bootstrap, "nowhere."))) == 2
