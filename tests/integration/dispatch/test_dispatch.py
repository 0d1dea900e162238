"""From the outbox to Kafka and back: the last word of each key is what stands, whatever was said before."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random

import pytest

from deploy.local.stack import Stack
from reconciler.dispatch.dispatch import Outbox, Waiting
from reconciler.dispatch.kafka import sender
from reconciler.dispatch.postgres import PostgresOutbox, outbox_session
from reconciler.faults import TryAgainError
from schemas.message import Message, message_record
from schemas.record import Record
from schemas.topics import Topics
from tests.integration.dispatch.leading import access_of, dispatching, line_of
from tests.integration.reconciler.desk import Desk
from tests.integration.reconciler.outage import way_to
from tests.integration.reconciler.said import EIDS, ICCIDS, Named, callback, random_records, request
from tests.support.database import Database
from tests.support.polling import eventually
from tests.support.told import (
    assert_all_told,
    assert_well_told,
    by,
    heard,
    newest,
    nothing_waits,
    waiting,
)


async def put(desk: Desk, seed: int, count: int) -> None:
    """Random events in batches of random sizes, over several partitions."""
    rng = Random(seed)
    consumed = [desk.consumed(record, rng.randrange(3)) for record in random_records(rng, count)]
    while consumed:
        size = rng.choice((1, 2, 7, 30))
        await desk.apply(desk.batch(consumed[:size]))
        consumed = consumed[size:]


@pytest.mark.parametrize("seed", range(4))
async def test_the_last_word_is_what_stands_and_versions_rise(
    seed: int, stack: Stack, database: Database, topics: Topics, desk: Desk
) -> None:
    async with dispatching(stack, database, topics) as leader:
        for part in range(3):
            await put(desk, 10 * seed + part, 50)
        await eventually(lambda: nothing_waits(database), within_s=30)
    await assert_all_told(stack.bootstrap, topics, database)
    for topic in (topics.operations, topics.state):
        records = await heard(stack.bootstrap, topic)
        assert leader.meter.messages[topic] == len(records)
        for told in by("key", records).values():
            assert newest(told) == told, "nothing failed, so nothing was told twice"


async def test_what_vanishes_gets_a_tombstone_that_names_it(
    stack: Stack, database: Database, topics: Topics, desk: Desk
) -> None:
    asked: Named = {"intent": "I", "eid": EIDS[0], "iccid": ICCIDS[0], "action": "enable"}
    known: Named = {**asked, "request": "R"}
    await desk.put(request("intended", **asked))
    await desk.put(request("submitted", **known))
    await desk.put(callback(request="R", eid=EIDS[0], iccid=ICCIDS[0], action="enable"))
    async with dispatching(stack, database, topics):
        await eventually(lambda: nothing_waits(database))
    told = by("about", await heard(stack.bootstrap, topics.operations))
    ((intended, tombstone),) = [records for records in told.values() if records[-1].value is None]
    assert intended.value is not None and intended.value["state"] == "intended"
    assert tombstone.key == tombstone.headers["ce_subject"] == EIDS[0]
    assert tombstone.headers["ce_type"] == "profile.operation.v1"
    await assert_all_told(stack.bootstrap, topics, database)


async def test_a_bootstrap_whose_iccid_is_learnt_moves_to_a_key_of_its_own(
    stack: Stack, database: Database, topics: Topics, desk: Desk
) -> None:
    x, b = ICCIDS[0], ICCIDS[1]
    await desk.put(request(request="R", eid=EIDS[0], iccid=x, action="enable"))
    await desk.put(callback(request="R", eid=EIDS[0], iccid=x, action="enable"))
    await desk.put(request(request="S", eid=EIDS[0], iccid=x, action="disable", at=9))
    await desk.put(callback(request="S", eid=EIDS[0], iccid=x, action="disable", reported=b, at=9))
    async with dispatching(stack, database, topics):
        await eventually(lambda: nothing_waits(database))
    last = {key: told[-1] for key, told in by("key", await heard(stack.bootstrap, topics.state)).items()}
    assert last[f"{EIDS[0]}/bootstrap"].value is None
    value = last[f"{EIDS[0]}/{b}"].value
    assert value is not None and (value["bootstrap"], value["state"]) == (True, "enabled")
    await assert_all_told(stack.bootstrap, topics, database)


def message(key: str, version: int) -> Message:
    return Message("state", key, version, "event", None, None, b'{"version":%d}' % version)


async def put_messages(database: Database, *messages: Message) -> None:
    async with database.connect() as connection:
        await connection.copy_records_to_table(
            "outbox", schema_name="ledger", columns=Message._fields, records=messages
        )


async def test_an_id_that_is_committed_after_a_greater_one_is_sent_too(
    stack: Stack, database: Database, topics: Topics
) -> None:
    async with dispatching(stack, database, topics), database.connect() as slow:
        async with slow.transaction():
            await slow.copy_records_to_table(
                "outbox", schema_name="ledger", columns=Message._fields, records=[message("slow", 1)]
            )
            await put_messages(database, message("fast", 1), message("fast", 2))
            await eventually(lambda: nothing_waits(database))
        await eventually(lambda: nothing_waits(database))
    told = by("key", await heard(stack.bootstrap, topics.state))
    assert [record.version for record in told["fast"]] == [1, 2]
    assert [record.version for record in told["slow"]] == [1]


async def test_one_leads_the_other_stands_by_and_takes_over(
    stack: Stack, database: Database, topics: Topics
) -> None:
    async with dispatching(stack, database, topics) as first:
        await eventually(lambda: first.leads)
        async with dispatching(stack, database, topics) as second:
            await put_messages(database, message("k", 1))
            await eventually(lambda: nothing_waits(database))
            assert (first.meter.messages.total(), second.leads) == (1, False)
            first.task.cancel()
            await put_messages(database, message("k", 2))
            await eventually(lambda: nothing_waits(database))
            assert second.meter.messages.total() == 1


async def test_a_producer_is_refused_as_soon_as_there_is_a_newer_one(stack: Stack, topics: Topics) -> None:
    old_records = [message_record(topics, message("k", version)) for version in (1, 2)]
    line = line_of(stack, topics)
    async with sender(line) as old:
        await old.send(old_records[:1])
        async with sender(line) as new:
            with pytest.raises(TryAgainError, match="another leader"):
                await old.send(old_records[1:])
            await new.send([message_record(topics, message("k", 3))])
    assert [record.version for record in await heard(stack.bootstrap, topics.state)] == [1, 3]


async def test_what_an_old_leader_began_is_never_seen(stack: Stack, topics: Topics) -> None:
    """It was cut off between sending and committing."""
    line = line_of(stack, topics)
    async with sender(line) as old:
        await old._producer.begin_transaction()
        await old._send([message_record(topics, message("k", 1))])
        async with sender(line) as new:
            await new.send([message_record(topics, message("k", 2))])
            assert [record.version for record in await heard(stack.bootstrap, topics.state)] == [2]
    everything = await heard(stack.bootstrap, topics.state, committed=False)
    assert [record.version for record in everything] == [1, 2]


@dataclass
class Trap:
    """Stops a leader between reading what waits and sending it, as a freeze would."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    pids: list[int] = field(default_factory=list)

    @asynccontextmanager
    async def outboxes(self, database: Database) -> AsyncIterator[Outbox]:
        async with outbox_session(access_of(database)) as outbox:
            self.pids.append(await outbox._connection.fetchval("select pg_backend_pid()"))
            yield TrappedOutbox(outbox, self)


@dataclass
class TrappedOutbox:
    outbox: PostgresOutbox
    trap: Trap

    async def lead(self) -> bool:
        return await self.outbox.lead()

    async def waiting(self, rows_max: int) -> Sequence[Waiting]:
        rows = await self.outbox.waiting(rows_max)
        if rows:
            self.trap.reached.set()
            await self.trap.released.wait()
        return rows

    async def sent(self, ids: Sequence[int]) -> None:
        await self.outbox.sent(ids)


async def test_a_leader_that_wakes_with_old_rows_in_hand_cannot_send_them(
    stack: Stack, database: Database, topics: Topics
) -> None:
    trap = Trap()
    await put_messages(database, message("k", 1))
    async with dispatching(stack, database, topics, lambda: trap.outboxes(database)) as frozen:
        await trap.reached.wait()
        async with dispatching(stack, database, topics) as second, database.connect() as connection:
            await connection.execute("select pg_terminate_backend($1)", trap.pids[0])
            await eventually(lambda: second.leads)
            await put_messages(database, message("k", 2))
            await eventually(lambda: nothing_waits(database))
            trap.released.set()
            await eventually(lambda: "another leader" in frozen.log.getvalue())
    told = await heard(stack.bootstrap, topics.state)
    assert [record.version for record in told] == [1, 2]
    everything = await heard(stack.bootstrap, topics.state, committed=False)
    assert everything == told


async def test_a_leader_that_does_not_ask_loses_its_lock(
    stack: Stack, database: Database, topics: Topics
) -> None:
    async with outbox_session(access_of(database), lease_s=0.3) as frozen:
        assert await frozen.lead()
        async with outbox_session(access_of(database)) as other:
            await eventually(other.lead)
        with pytest.raises(TryAgainError):
            await frozen.waiting(1)


async def test_while_kafka_is_away_nothing_is_lost(
    stack: Stack, database: Database, topics: Topics, desk: Desk
) -> None:
    async with dispatching(stack, database, topics) as leader:
        await put(desk, 77, 30)
        await eventually(lambda: leader.leads)
        stack.kill("kafka")
        try:
            await put(desk, 78, 60)
            await eventually(lambda: "dispatch_waiting" in leader.log.getvalue(), within_s=30)
            assert await waiting(database) > 0
        finally:
            stack.start("kafka")
        await eventually(lambda: nothing_waits(database), within_s=60)
    await assert_all_told(stack.bootstrap, topics, database)


async def test_while_the_database_is_away_nothing_is_lost(
    stack: Stack, database: Database, topics: Topics
) -> None:
    """Cut in the middle of sending, again and again."""
    sent = [message(f"key {number % 7}", number) for number in range(1, 6001)]
    await put_messages(database, *sent)
    async with way_to(database.address) as way:
        behind = Database(database.name, f"127.0.0.1:{way.own_port}")
        through = partial(outbox_session, access_of(behind))
        async with dispatching(stack, database, topics, through) as leader:
            for cut in range(1, 4):
                await eventually(lambda: leader.meter.messages.total() > 0)
                leader.meter.messages.clear()
                await way.cut()
                await eventually(partial(leader.has_waited, cut))
                await way.open()
            await eventually(lambda: nothing_waits(database), within_s=30)
    told = await heard(stack.bootstrap, topics.state)
    assert_well_told(told)
    for key, records in by("key", told).items():
        expected = [row.version for row in sent if row.key == key]
        assert [record.version for record in newest(records)] == expected


async def test_without_its_topics_it_says_which_and_waits(stack: Stack, database: Database) -> None:
    nowhere = Topics("nowhere.")
    await put_messages(database, message("k", 1))
    async with dispatching(stack, database, nowhere) as leader:
        await eventually(lambda: "nowhere.profile.operations.v1" in leader.log.getvalue(), within_s=30)
    assert await waiting(database) == 1


async def test_a_large_outbox_goes_in_several_transactions_in_order(
    stack: Stack, database: Database, topics: Topics
) -> None:
    sent = [message(f"key {number % 7}", number) for number in range(1, 2001)]
    await put_messages(database, *sent)
    async with dispatching(stack, database, topics):
        await eventually(lambda: nothing_waits(database), within_s=30)
    told = await heard(stack.bootstrap, topics.state)
    assert_well_told(told)
    for key, records in by("key", told).items():
        assert [record.version for record in records] == [row.version for row in sent if row.key == key]


def test_a_record_is_made_of_a_message_alone() -> None:
    """So sending it again gives the same bytes."""
    one, again = (message_record(Topics(), message("k", 7)) for _ in range(2))
    assert isinstance(one, Record)
    assert one == again
