"""The loop on a real Kafka: where it starts, what it notices about topics, members that come and go."""

import asyncio
from dataclasses import replace
from random import Random

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from deploy.local.stack import Stack
from deploy.local.topics import make_topics
from reconciler.faults import GapError, RecreatedError
from schemas.record import Record
from schemas.topics import Topics
from tests.integration.reconciler.consuming import applied, produce, running
from tests.integration.reconciler.outage import way_to
from tests.integration.reconciler.rows import rows_of
from tests.integration.reconciler.said import EIDS, callback, random_records, request
from tests.support.database import Database
from tests.support.kafka import PARTITIONS, delete_topics
from tests.support.polling import eventually


def under(topics: Topics, records: list[Record]) -> list[Record]:
    """The same records on this test's topic."""
    return [Record(topics.events, record.key, record.value, record.headers) for record in records]


async def test_what_is_produced_is_applied_and_a_restart_goes_on_behind_it(
    stack: Stack, database: Database, topics: Topics
) -> None:
    first, second = under(topics, random_records(Random(1), 40)), under(topics, random_records(Random(2), 40))
    await produce(stack.bootstrap, first)
    async with running(stack, database, topics) as reconciler:
        await applied(database, topics.events, len(first))
        assert reconciler.meter.total() == len(first)
    await produce(stack.bootstrap, second)
    async with running(stack, database, topics) as reconciler:
        await applied(database, topics.events, len(first) + len(second))
        assert reconciler.meter.total() == len(second)
        assert reconciler.loop.waiting_for() is None
        assert reconciler.meter.fences == 0
    assert len((await rows_of(database))["delivery"]) == len(first) + len(second)


async def test_a_new_member_takes_over_partitions_and_nothing_is_applied_twice(
    stack: Stack, database: Database, topics: Topics
) -> None:
    records = under(topics, [callback(request=f"R{n}", eid=EIDS[n % 4], action="enable") for n in range(600)])
    async with running(stack, database, topics) as one:
        await produce(stack.bootstrap, records[:200])
        await applied(database, topics.events, 100)
        async with running(stack, database, topics) as other:
            await produce(stack.bootstrap, records[200:400])
            await eventually(lambda: other.loop.waiting_for() is None and not other.source.is_astray())
            await produce(stack.bootstrap, records[400:])
            await applied(database, topics.events, 600)
        total = one.meter.total() + other.meter.total()
    assert total == 600
    assert len((await rows_of(database))["delivery"]) == 600


async def test_a_topic_made_anew_is_noticed_and_nothing_is_written(
    stack: Stack, database: Database, topics: Topics
) -> None:
    """Also when it has more records than were applied."""
    await produce(stack.bootstrap, under(topics, [callback(request="R1", eid=EIDS[0])] * 3), partition=0)
    async with running(stack, database, topics):
        await applied(database, topics.events, 3)
    before = await rows_of(database)
    await remade(stack, topics)
    await produce(stack.bootstrap, under(topics, [callback(request="R2", eid=EIDS[1])] * 5), partition=0)
    with pytest.raises(RecreatedError, match="offsets reset"):
        async with running(stack, database, topics) as reconciler:
            await asyncio.wait({reconciler.task})
    assert await rows_of(database) == before


async def test_an_emptied_topic_is_noticed(stack: Stack, database: Database, topics: Topics) -> None:
    await produce(stack.bootstrap, under(topics, [callback(request="R1", eid=EIDS[0])] * 3), partition=0)
    async with running(stack, database, topics):
        await applied(database, topics.events, 3)
    await remade(stack, topics)
    with pytest.raises(RecreatedError, match="another topic of the same name"):
        async with running(stack, database, topics) as reconciler:
            await asyncio.wait({reconciler.task})


async def test_records_removed_before_they_were_applied_are_noticed(
    stack: Stack, database: Database, topics: Topics
) -> None:
    await produce(stack.bootstrap, under(topics, [callback(request="R1", eid=EIDS[0])] * 3), partition=0)
    async with running(stack, database, topics):
        await applied(database, topics.events, 3)
    await produce(stack.bootstrap, under(topics, [request(request="R1", eid=EIDS[0])] * 3), partition=0)
    await removed(stack, topics, before=5)
    with pytest.raises(GapError, match=r"records 3 to 4 .* accept-gap"):
        async with running(stack, database, topics) as reconciler:
            await asyncio.wait({reconciler.task})


async def test_records_removed_after_they_were_applied_are_not_missed(
    stack: Stack, database: Database, topics: Topics
) -> None:
    await produce(stack.bootstrap, under(topics, [callback(request="R1", eid=EIDS[0])] * 3), partition=0)
    async with running(stack, database, topics):
        await applied(database, topics.events, 3)
    await removed(stack, topics, before=3)
    await produce(stack.bootstrap, under(topics, [callback(request="R2", eid=EIDS[0])]), partition=0)
    async with running(stack, database, topics):
        await applied(database, topics.events, 4)


async def test_while_the_database_is_away_nothing_is_lost_and_then_it_catches_up(
    stack: Stack, database: Database, topics: Topics
) -> None:
    records = under(topics, random_records(Random(3), 60))
    async with way_to(database.address) as way:
        behind = replace(database, address=f"127.0.0.1:{way.own_port}")
        async with running(stack, behind, topics) as reconciler:
            await produce(stack.bootstrap, records[:20])
            await applied(database, topics.events, 20)
            await way.cut()
            await produce(stack.bootstrap, records[20:40])
            await eventually(lambda: "PostgreSQL" in (reconciler.loop.waiting_for() or ""))
            await way.open()
            await produce(stack.bootstrap, records[40:])
            await applied(database, topics.events, 60)
            assert reconciler.loop.waiting_for() is None
    assert len((await rows_of(database))["delivery"]) == 60


async def test_one_event_that_the_database_refuses_does_not_stop_the_others(
    stack: Stack, database: Database, topics: Topics
) -> None:
    async with database.connect() as connection:
        await connection.execute("alter table ledger.event drop constraint event_kind_known")
        await connection.execute(
            "alter table ledger.event add constraint event_kind_known check (request_id not like 'poison%')"
        )
    names = [f"{'poison' if number in (7, 31) else 'R'}{number}" for number in range(40)]
    records = under(topics, [callback(request=name, eid=EIDS[0]) for name in names])
    await produce(stack.bootstrap, records, partition=0)
    async with running(stack, database, topics) as reconciler:
        await applied(database, topics.events, 40)
        assert reconciler.log.getvalue().count("event_refused") == 2
    async with database.connect() as connection:
        kept = await connection.fetch("select request_id, error from ledger.quarantine order by 1")
        assert [tuple(row) for row in kept] == [
            ("poison31", "23514 event_kind_known"),
            ("poison7", "23514 event_kind_known"),
        ]
        assert await connection.fetchval("select count(*) from ledger.event") == 38


async def remade(stack: Stack, topics: Topics) -> None:
    await delete_topics(stack.bootstrap, [topics.events])
    await asyncio.to_thread(make_topics, stack.bootstrap, prefix=topics.prefix, partitions=PARTITIONS)


async def removed(stack: Stack, topics: Topics, before: int) -> None:
    """As retention does it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topics.events, 0): RecordsToDelete(before_offset=before)})
    finally:
        await admin.close()
