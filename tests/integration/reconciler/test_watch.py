"""The watch beside a consumer on a real Kafka: what it must notice, and what it must leave alone."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.client import AIOKafkaClient, ConnectionGroup

from deploy.local.stack import Stack
from reconciler.core.batch import Place
from reconciler.faults import BrokenError, RecreatedError, TryAgainError
from reconciler.kafka import source as kafka
from reconciler.kafka import watch as kafka_watch
from reconciler.kafka import watchdog
from reconciler.kafka.source import KafkaSource
from reconciler.kafka.topics import METADATA_KEY
from reconciler.kafka.watchdog import Look
from reconciler.postgres.ledger import Postgres
from schemas.topics import Topics
from tests.integration.reconciler.consuming import Running, applied, produce, running, stored_offsets
from tests.integration.reconciler.outage import way_to
from tests.integration.reconciler.said import EIDS, callback
from tests.integration.reconciler.test_consume import remade, under
from tests.support.database import Database
from tests.support.kafka import PARTITIONS, delete_topics
from tests.support.polling import eventually

OFFSETS_KEY = 2
LOOKS = 45
"""So many are far more than the patience of these tests."""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_watch, "EVERY_S", 0.1)
    monkeypatch.setattr(watchdog, "STUCK_AFTER_S", 3.0)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Look]:
    """All of them, as they come."""
    seen: list[Look] = []
    look = KafkaSource.look

    async def look_and_tell(source: KafkaSource, ends: Mapping[Place, int]) -> Look:
        seen.append(await look(source, ends))
        return seen[-1]

    monkeypatch.setattr(KafkaSource, "look", look_and_tell)
    return seen


async def some_applied(stack: Stack, database: Database, topics: Topics, count: int, upto: int) -> None:
    records = under(topics, [callback(request=f"R{upto}-{n}", eid=EIDS[0]) for n in range(count)])
    await produce(stack.bootstrap, records, partition=0)
    await applied(database, topics.events, upto)


async def kill_the_fetcher(reconciler: Running) -> None:
    """The task ends without a word, and nobody is told: heartbeats go on, and nothing comes any more."""
    fetcher = reconciler.source._consumer._fetcher
    fetcher._fetch_task.cancel()
    await eventually(lambda: not fetcher._in_flight)


async def test_a_consumer_whose_fetcher_died_is_replaced_and_nothing_is_lost_or_doubled(
    stack: Stack, database: Database, topics: Topics
) -> None:
    async with running(stack, database, topics) as reconciler:
        await some_applied(stack, database, topics, 5, upto=5)
        await kill_the_fetcher(reconciler)
        await some_applied(stack, database, topics, 5, upto=10)
        assert reconciler.meter.replaced == 1
        assert reconciler.log.getvalue().count('"consumer_replaced"') == 1
        assert f"{topics.events} partition 0 has records" in reconciler.log.getvalue()
        await some_applied(stack, database, topics, 5, upto=15)
        assert reconciler.meter.total() == 15
        assert reconciler.meter.fences == 0


async def test_it_is_replaced_as_often_as_it_dies(stack: Stack, database: Database, topics: Topics) -> None:
    async with running(stack, database, topics) as reconciler:
        for time in (1, 2):
            await some_applied(stack, database, topics, 2, upto=4 * time - 2)
            await kill_the_fetcher(reconciler)
            await some_applied(stack, database, topics, 2, upto=4 * time)
            assert reconciler.meter.replaced == time


async def test_a_consumer_whose_coordinator_ended_in_an_error_is_replaced(
    stack: Stack, database: Database, topics: Topics
) -> None:
    """As when a connection closes just while the coordinator writes to it."""

    async def closed() -> None:
        raise RuntimeError("the handler is closed")

    async with running(stack, database, topics) as reconciler:
        await some_applied(stack, database, topics, 5, upto=5)
        coordinator = reconciler.source._consumer._coordinator
        coordinator.ensure_coordinator_known = closed
        coordinator.request_rejoin()
        await some_applied(stack, database, topics, 5, upto=10)
        assert reconciler.source._consumer._coordinator is not coordinator
        assert reconciler.meter.total() == 10


async def test_a_broker_that_does_not_know_the_topics_yet_is_asked_again_by_the_new_consumer(
    stack: Stack, database: Database, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that has just started."""
    known = AIOKafkaConsumer.topics
    unknown: list[AIOKafkaConsumer] = []

    async def topics_later(consumer: AIOKafkaConsumer) -> set[str]:
        if len(unknown) < 2:
            unknown.append(consumer)
            return set()
        found: set[str] = await known(consumer)
        return found

    async with running(stack, database, topics) as reconciler:
        await some_applied(stack, database, topics, 5, upto=5)
        monkeypatch.setattr(AIOKafkaConsumer, "topics", topics_later)
        await kill_the_fetcher(reconciler)
        await some_applied(stack, database, topics, 5, upto=10)
        assert len(unknown) == 2
        assert reconciler.meter.total() == 10


async def test_a_connection_that_closes_just_before_it_is_written_to_ends_neither_the_watch_nor_the_loop(
    stack: Stack, database: Database, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uvloop says so by a RuntimeError: to the watch as it looks, to the loop as it is placed."""
    closed: Counter[int] = Counter()
    ask = AIOKafkaClient.send

    async def close_then_ask(
        client: AIOKafkaClient, node: int, request: object, *, group: int = ConnectionGroup.DEFAULT
    ) -> object:
        kind: int = getattr(request, "API_KEY", 0)
        if kind in (METADATA_KEY, OFFSETS_KEY) and closed[kind] < 2:
            closed[kind] += 1
            raise RuntimeError(
                "unable to perform operation on <TCPTransport closed=True>; the handler is closed"
            )
        return await ask(client, node, request, group=group)

    monkeypatch.setattr(AIOKafkaClient, "send", close_then_ask)
    async with running(stack, database, topics) as reconciler:
        await some_applied(stack, database, topics, 5, upto=5)
        await eventually(lambda: closed == {METADATA_KEY: 2, OFFSETS_KEY: 2})
        await some_applied(stack, database, topics, 5, upto=10)
        assert not reconciler.watching.done()


async def test_an_idle_topic_and_a_database_that_is_away_are_left_alone(
    stack: Stack, database: Database, topics: Topics, looks: list[Look]
) -> None:
    async def some_looks(count: int = LOOKS) -> None:
        enough = len(looks) + count
        await eventually(lambda: len(looks) >= enough, within_s=30)

    async with way_to(database.address) as way:
        behind = replace(database, address=f"127.0.0.1:{way.own_port}")
        async with running(stack, behind, topics) as reconciler:
            await some_applied(stack, database, topics, 5, upto=5)
            await some_looks()
            await way.cut()
            for number in range(3):  # one batch is at work, one is fetched ahead, one waits in Kafka
                await produce(stack.bootstrap, under(topics, [callback(request=f"S{number}", eid=EIDS[0])]))
                await some_looks(LOOKS // 3)
            await some_looks()
            assert any(
                position < look.ends.get(place, 0)
                for look in looks
                for place, position in look.positions.items()
            )
            await way.open()
            await applied(database, topics.events, 8)
            assert reconciler.meter.replaced == 0


async def test_partitions_added_under_a_reconciler_are_told_and_read_from_their_first_record(
    stack: Stack, database: Database, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka, "METADATA_AGE_MS", 500)
    async with running(stack, database, topics) as reconciler:
        await some_applied(stack, database, topics, 3, upto=3)
        assert reconciler.loop.remarks() == ()
        await more_partitions(stack, topics.events, PARTITIONS + 2)
        records = under(topics, [callback(request=f"new-{n}", eid=EIDS[0]) for n in range(4)])
        await produce(stack.bootstrap, records, partition=PARTITIONS + 1)
        await applied(database, topics.events, 7)
        added = [f"{topics.events}/{PARTITIONS}", f"{topics.events}/{PARTITIONS + 1}"]
        assert all(place in reconciler.loop.remarks()[0] for place in added)
        assert reconciler.log.getvalue().count('"partition_added"') == 2
        assert reconciler.meter.added == 2
    async with running(stack, database, topics) as again:
        await some_applied(stack, database, topics, 1, upto=8)
        assert (again.meter.added, again.meter.total()) == (0, 1)


async def test_partitions_added_while_nobody_read_are_told_too(
    stack: Stack, database: Database, topics: Topics
) -> None:
    async with running(stack, database, topics) as reconciler:
        await some_applied(stack, database, topics, 3, upto=3)
        assert reconciler.meter.added == 0
    await more_partitions(stack, topics.events, PARTITIONS + 1)
    await produce(
        stack.bootstrap, under(topics, [callback(request="new", eid=EIDS[0])]), partition=PARTITIONS
    )
    async with running(stack, database, topics) as reconciler:
        await applied(database, topics.events, 4)
        assert reconciler.meter.added == 1


async def test_partitions_added_are_told_also_where_nobody_knows_whether_that_was_kept(
    stack: Stack, database: Database, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks just behind the commit: the second try finds them known."""
    async with running(stack, database, topics):
        await some_applied(stack, database, topics, 3, upto=3)
    await more_partitions(stack, topics.events, PARTITIONS + 1)
    know = Postgres.know
    broken: list[int] = []

    async def know_then_break(ledger: Postgres, places: Collection[Place]) -> None:
        await know(ledger, places)
        if not broken:
            broken.append(len(places))
            raise TryAgainError("PostgreSQL does not answer")

    monkeypatch.setattr(Postgres, "know", know_then_break)
    async with running(stack, database, topics) as reconciler:
        await some_applied(stack, database, topics, 1, upto=4)
        assert broken
        assert reconciler.meter.added == 1
        assert reconciler.log.getvalue().count('"partition_added"') == 1
        assert reconciler.loop.remarks() != ()


async def more_partitions(stack: Stack, topic: str, count: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap)
    await admin.start()
    try:
        await admin.create_partitions({topic: NewPartitions(count)})
    finally:
        await admin.close()


async def test_a_topic_made_anew_under_a_reconciler_is_known_by_its_id(
    stack: Stack, database: Database, topics: Topics, looks: list[Look]
) -> None:
    """Also where nothing was applied yet and no record could tell."""
    with pytest.raises(RecreatedError, match="another topic of the same name"):
        async with running(stack, database, topics) as reconciler:
            await eventually(lambda: any(look.stage == "reading" for look in looks), within_s=30)
            await remade(stack, topics)
            await asyncio.wait({reconciler.task}, timeout=30)
    assert '"topic_lost"' in reconciler.log.getvalue()


async def test_a_topic_made_anew_before_the_first_look_is_noticed_by_that_look(
    stack: Stack, database: Database, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the group shares out its partitions while the topic is missing; nothing of it is applied."""
    monkeypatch.setattr(kafka_watch, "EVERY_S", 3.0)
    with pytest.raises(RecreatedError, match="another topic of the same name"):
        async with running(stack, database, topics) as reconciler:
            await some_applied(stack, database, topics, 3, upto=3)
            await remade(stack, topics)
            records = under(topics, [callback(request="new", eid=EIDS[0])] * 6)
            await produce(stack.bootstrap, records, partition=0)
            await asyncio.wait({reconciler.task}, timeout=30)
    assert '"topic_lost"' in reconciler.log.getvalue()
    assert await stored_offsets(database, topics.events) == 3


async def test_a_topic_deleted_under_a_reconciler_ends_it_with_the_remedy(
    stack: Stack, database: Database, topics: Topics
) -> None:
    with pytest.raises(BrokenError, match=r"was deleted .* offsets reset"):
        async with running(stack, database, topics) as reconciler:
            await some_applied(stack, database, topics, 3, upto=3)
            await delete_topics(stack.bootstrap, [topics.events])
            await asyncio.wait({reconciler.task}, timeout=30)
