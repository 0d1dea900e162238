"""Three brokers, as in earnest: what survives the loss of one, and the way around through a proxy."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from deploy.local.faults import MisuseError
from deploy.local.ports import HOST, free_ports
from deploy.local.stack import Stack
from deploy.local.topics import partitions_of
from reconciler.topics import check_topics
from schemas.topics import Topics
from tests.faults.proxy import passages
from tests.support.kafka import read_topic
from tests.support.polling import eventually

TOPIC = "profile.requests.v1"


@pytest.fixture(scope="module")
def three() -> Iterator[Stack]:
    home = Path(tempfile.mkdtemp(prefix="profile-stack-three-"))
    stack = Stack(home, brokers=3, detours={"AROUND": free_ports(3)})
    try:
        stack.up()
        yield stack
    finally:
        stack.down(erase=True)
        shutil.rmtree(home, ignore_errors=True)


async def whole(stack: Stack) -> None:
    """Until every partition has all its copies in step again."""

    def in_step() -> bool:
        return all(part.in_sync == 3 for part in partitions_of(stack.bootstrap, TOPIC))

    await eventually(lambda: asyncio.to_thread(in_step), within_s=60)


async def test_the_topics_keep_every_promise(three: Stack) -> None:
    assert await check_topics(three.bootstrap, Topics()) == []
    assert [report.name for report in three.status()] == ["postgres", "kafka", "kafka-2", "kafka-3"]
    assert all(report.condition == "running" for report in three.status())


async def test_the_loss_of_a_leader_costs_no_acknowledged_record(three: Stack) -> None:
    leader = await asyncio.to_thread(three.leader_of, TOPIC, 0)
    async with AIOKafkaProducer(bootstrap_servers=three.bootstrap, acks="all") as producer:
        await producer.send_and_wait(TOPIC, b"before", partition=0)
        await asyncio.to_thread(three.kill, leader)
        await asyncio.wait_for(producer.send_and_wait(TOPIC, b"meanwhile", partition=0), 30)
        assert await asyncio.to_thread(three.leader_of, TOPIC, 0) != leader
    await asyncio.to_thread(three.start, leader)
    await whole(three)
    values = [record.value for record in await read_topic(three.bootstrap, TOPIC) if record.partition == 0]
    assert values[-2:] == [b"before", b"meanwhile"]


async def test_two_lost_brokers_keep_the_third_from_acknowledging(three: Stack) -> None:
    lost = [
        number for number in three.brokers if number != await asyncio.to_thread(three.leader_of, TOPIC, 1)
    ]
    async with AIOKafkaProducer(bootstrap_servers=three.bootstrap, acks="all") as producer:
        await producer.send_and_wait(TOPIC, b"before", partition=1)
        for number in lost:
            three.freeze(number)
        try:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(producer.send_and_wait(TOPIC, b"not yet", partition=1), 1)
        finally:
            for number in lost:
                three.thaw(number)
    await whole(three)


async def test_who_comes_by_a_detour_is_led_through_it_to_every_broker(three: Stack) -> None:
    detour = three.detour("AROUND")
    async with passages(detour.advertised, detour.own) as ways:
        bootstrap = f"{HOST}:{detour.advertised[0]}"
        async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
            for partition in await producer.partitions_for(TOPIC):
                await producer.send_and_wait(TOPIC, b"around", partition=partition)
        used = {number for number, way in zip(three.brokers, ways, strict=True) if way.carried}
    assert used >= {part.leader for part in partitions_of(three.bootstrap, TOPIC)}


def test_the_number_of_brokers_stays(three: Stack) -> None:
    with pytest.raises(MisuseError, match="was made with 3"):
        Stack(three.home.folder, brokers=1).up()
    assert Stack(three.home.folder).brokers == (1, 2, 3)
