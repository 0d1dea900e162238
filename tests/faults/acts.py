"""What each step of a schedule does to a scene. Whatever lasts is undone by the act itself.

Each act returns how much of it came about, 0 where nothing was there to be broken: what nobody can have felt
must not pass for something that was withstood.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

import asyncpg
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from tests.faults import disk, topic
from tests.faults.proxy import Passage, Trap
from tests.faults.refusal import refuse_strangers
from tests.faults.scene import WAYS, Scene
from tests.faults.schedule import Schedule, Step
from tests.faults.spoilt import spoilt

ON_TIME_S = 10.0
DELAY_S, SLOW_S = 0.15, 0.3
COMMIT = b"COMMIT"
NARROW_BYTES, WIDE_BYTES = 8_000, 1_048_588
"""A few records, but no batch, are within the narrow limit."""
JOIN_WITHIN_S = 20.0
TANGLED_S = 0.15
SPRUNG_WITHIN_S = 0.3
COUNTED_WITHIN_S = 2.0
"""PostgreSQL's sessions hand in their counts about once a second."""

NOT_POSSIBLE = (KafkaError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)

Act = Callable[[Scene, Step, random.Random], Awaitable[int]]


async def perform(scene: Scene, schedule: Schedule) -> None:
    """Everything in the schedule, in its time; the parts side by side."""
    began = asyncio.get_running_loop().time()
    async with asyncio.TaskGroup() as group:
        for steps in schedule.by_part().values():
            group.create_task(_perform(scene, schedule, steps, began))


async def _perform(scene: Scene, schedule: Schedule, steps: list[Step], began: float) -> None:
    for step in steps:
        await asyncio.sleep(began + step.at_s - asyncio.get_running_loop().time())
        rng = random.Random(f"{schedule.fault}/{schedule.seed}/{step}")
        scene.bites[kind(step)] += await ACTS[step.act](scene, step, rng)


def toothless(schedule: Schedule, bites: Mapping[str, int]) -> list[str]:
    """The kinds of steps of which nothing came about, whenever it was tried."""
    return sorted({kind(step) for step in schedule.steps if not bites.get(kind(step))})


def kind(step: Step) -> str:
    """All that happens to a way is one kind: of what was cut just now, the next step finds nothing."""
    return step.on if step.on in WAYS else step.act


# Programs, brokers and the database


async def kill(scene: Scene, step: Step, rng: random.Random) -> int:
    if step.on in scene.keepers:
        keeper = scene.keeper(step.on)
        ran = keeper.runs
        keeper.kill()
        await asyncio.sleep(step.for_s)
        keeper.release()
        return int(ran)
    part = scene.parts_of_the_stack()[step.on]
    await asyncio.to_thread(scene.stack.kill, part)
    await asyncio.sleep(step.for_s)
    await asyncio.to_thread(scene.stack.start, part)
    return 1


async def stop(scene: Scene, step: Step, rng: random.Random) -> int:
    """In order; a program that had begun must be gone in time."""
    if step.on in scene.keepers:
        keeper = scene.keeper(step.on)
        await keeper.ready()
        began = asyncio.get_running_loop().time()
        exit_code = await keeper.terminate()
        took = asyncio.get_running_loop().time() - began
        if exit_code != 0 or took > ON_TIME_S:
            scene.remarks.append(f"{step.on} ended with {exit_code} after {took:.1f} s when told to")
        await asyncio.sleep(step.for_s)
        keeper.release()
        return 1
    part = scene.parts_of_the_stack()[step.on]
    await asyncio.to_thread(scene.stack.stop, part)
    await asyncio.sleep(step.for_s)
    await asyncio.to_thread(scene.stack.start, part)
    return 1


async def freeze(scene: Scene, step: Step, rng: random.Random) -> int:
    if step.on in scene.keepers:
        keeper = scene.keeper(step.on)
        ran = keeper.runs
        keeper.freeze()
        try:
            await asyncio.sleep(step.for_s)
        finally:
            keeper.thaw()
        return int(ran)
    with scene.stack.frozen(scene.parts_of_the_stack()[step.on]):
        await asyncio.sleep(step.for_s)
    return 1


async def kill_leader(scene: Scene, step: Step, rng: random.Random) -> int:
    """Of a random partition of the events topic."""
    partition = rng.randrange(await topic.partitions(scene.stack.bootstrap, scene.topics.events))
    leader = await asyncio.to_thread(scene.stack.leader_of, scene.topics.events, partition)
    if leader <= 0:
        return 0
    return await kill(scene, Step(step.at_s, "kill", f"broker-{leader}", step.for_s), rng)


async def add(scene: Scene, step: Step, rng: random.Random) -> int:
    await scene.add(step.on)
    return 1


async def remove(scene: Scene, step: Step, rng: random.Random) -> int:
    await scene.remove(step.on)
    return 1


# Ways


def _on_way(act: Callable[[Passage], None]) -> Act:
    """What came about: the connections that it concerned."""

    async def on_way(scene: Scene, step: Step, rng: random.Random) -> int:
        concerned = sum(passage.connections for passage in scene.ways[step.on])
        for passage in scene.ways[step.on]:
            act(passage)
        if step.for_s:
            try:
                await asyncio.sleep(step.for_s)
            finally:
                for passage in scene.ways[step.on]:
                    await passage.heal()
        return concerned

    return on_way


def _trap(*, passes: bool) -> Act:
    """For the next commit; one that nobody walks into stays where it is."""

    async def set_trap(scene: Scene, step: Step, rng: random.Random) -> int:
        ways = scene.ways[step.on]
        before = sum(passage.trapped for passage in ways)
        for passage in ways:
            passage.set_trap(Trap(COMMIT, passes=passes))
        await asyncio.sleep(SPRUNG_WITHIN_S)
        return sum(passage.trapped for passage in ways) - before

    return set_trap


def _delay(passage: Passage) -> None:
    passage.delay_s = DELAY_S


def _slow(passage: Passage) -> None:
    passage.delay_s = SLOW_S


# The database's own troubles


async def lock(scene: Scene, step: Step, rng: random.Random) -> int:
    """Somebody's forgotten transaction holds the tables that every batch writes; how many wait for it."""
    async with scene.database.connect() as connection, connection.transaction():
        await connection.execute("lock table ledger.request, ledger.evidence in exclusive mode")
        await asyncio.sleep(step.for_s)
        waiting: int = await connection.fetchval(WAITING)
        return waiting


async def tangle(scene: Scene, step: Step, rng: random.Random) -> int:
    """Somebody locks the rows that batches lock, in another order, again and again: deadlocks, counted."""
    end = asyncio.get_running_loop().time() + step.for_s
    async with scene.database.connect() as connection:
        while asyncio.get_running_loop().time() < end:
            with suppress(asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError):
                async with connection.transaction():
                    await connection.execute(LOCK_DEVICES)
                    await asyncio.sleep(TANGLED_S)  # for a batch to lock its requests, and want a device
                    await connection.execute(LOCK_REQUESTS)
            await asyncio.sleep(TANGLED_S)
        await asyncio.sleep(COUNTED_WITHIN_S)
        deadlocks: int = await connection.fetchval(DEADLOCKS)
        return deadlocks


LOCK_DEVICES = "select from ledger.device order by eid desc for update"
LOCK_REQUESTS = "select from ledger.request order by id desc for update"


WAITING = """
    select count(*) from pg_locks
    where not granted and database = (select oid from pg_database where datname = current_database())
"""
DEADLOCKS = "select deadlocks from pg_stat_database where datname = current_database()"


async def refuse(scene: Scene, step: Step, rng: random.Random) -> int:
    """Of spoilt records also those are of no use now that are events."""
    await refuse_strangers(scene.database)
    scene.refuses_strangers = True
    return 1


async def end_sessions(scene: Scene, step: Step, rng: random.Random) -> int:
    """An administrator ends every session of the product."""
    async with scene.database.connect() as connection:
        ended = await connection.fetch(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and usename = 'profile_writer'"
        )
    return len(ended)


# Spools


async def fill(scene: Scene, step: Step, rng: random.Random) -> int:
    """Somebody else takes all the room that the spool's disk has."""
    spool = scene.spool(step.on)
    await asyncio.to_thread(disk.fill, spool)
    try:
        await asyncio.sleep(step.for_s)
    finally:
        disk.empty(spool)
    return 1


async def read_only(scene: Scene, step: Step, rng: random.Random) -> int:
    """From a restart of the receiver on, for a while, the spool's disk takes nothing."""
    keeper, spool = scene.keeper(step.on), scene.spool(step.on)
    keeper.kill()
    await asyncio.to_thread(disk.set_writable, spool, writable=False)
    keeper.release()
    try:
        await asyncio.sleep(step.for_s)
    finally:
        disk.set_writable(spool, writable=True)
    return 1


def _harm(harm: Callable[[Path, random.Random], int]) -> Act:
    """To the files of a spool, while its receiver is dead."""

    async def act(scene: Scene, step: Step, rng: random.Random) -> int:
        keeper = scene.keeper(step.on)
        keeper.kill()
        harmed = harm(scene.spool(step.on), rng)
        keeper.release()
        return harmed

    return act


# The group and the topic


async def rebalance(scene: Scene, step: Step, rng: random.Random) -> int:
    """A stranger, who wants another topic, joins the group and leaves it: all are assigned anew, twice."""
    stranger = AIOKafkaConsumer(
        scene.topics.anchors,
        bootstrap_servers=scene.stack.bootstrap,
        group_id=scene.group,
        enable_auto_commit=False,
    )
    joined = 0
    with suppress(KafkaError, TimeoutError):
        async with asyncio.timeout(JOIN_WITHIN_S):
            await stranger.start()
        joined = len(stranger.assignment())
    await stranger.stop()
    return joined


def _configured(name: str, value: int, usual: int) -> Act:
    """Somebody sets something of the events topic, and for a while it stays so."""

    async def configured(scene: Scene, step: Step, rng: random.Random) -> int:
        bootstrap, events = scene.stack.bootstrap, scene.topics.events
        await topic.configure(bootstrap, events, name, value)
        try:
            await asyncio.sleep(step.for_s)
        finally:
            await topic.configure(bootstrap, events, name, usual)
        return 1

    return configured


async def repeat(scene: Scene, step: Step, rng: random.Random) -> int:
    """Records that are on the topic come once more, in another order."""
    known = await topic.read(scene.stack.bootstrap, scene.topics.events)
    again = rng.sample(known, min(len(known), 100))
    await topic.write_again(scene.stack.bootstrap, again)
    return len(again)


async def repeat_otherwise(scene: Scene, step: Step, rng: random.Random) -> int:
    """The same, as seen hours and days earlier and later, as another attempt."""
    known = await topic.read(scene.stack.bootstrap, scene.topics.events)
    copies = [topic.seen_otherwise(record, rng) for record in known if topic.is_callback(record)]
    again = rng.sample(copies, min(len(copies), 200))
    await topic.write_again(scene.stack.bootstrap, again)
    return len(again)


async def spoil_singly(scene: Scene, step: Step, rng: random.Random) -> int:
    """Of each kind one, far from the others."""
    bad = spoilt(rng)
    for one in bad:
        await topic.write_spoilt(scene.stack.bootstrap, scene.topics.events, [one])
        await asyncio.sleep(step.for_s / len(bad))
    return len(bad)


async def spoil(scene: Scene, step: Step, rng: random.Random) -> int:
    """Records that nobody should have written."""
    bad = spoilt(rng)
    await topic.write_spoilt(scene.stack.bootstrap, scene.topics.events, bad)
    return len(bad)


def _where_possible(act: Act) -> Act:
    """A stranger's act, which another fault may prevent: the stranger gives up."""

    async def tried(scene: Scene, step: Step, rng: random.Random) -> int:
        try:
            return await act(scene, step, rng)
        except NOT_POSSIBLE:
            return 0

    return tried


ACTS: Mapping[str, Act] = {
    "kill": kill,
    "stop": stop,
    "freeze": freeze,
    "kill_leader": kill_leader,
    "add": add,
    "remove": remove,
    "delay": _on_way(_delay),
    "slow": _on_way(_slow),
    "hold": _on_way(Passage.hold),
    "refuse": _on_way(Passage.refuse),
    "cut": _on_way(Passage.cut),
    "half_close_there": _on_way(lambda passage: passage.half_close("there")),
    "half_close_back": _on_way(lambda passage: passage.half_close("back")),
    "cut_before_commit": _trap(passes=False),
    "cut_after_commit": _trap(passes=True),
    "fill": fill,
    "read_only": read_only,
    "tear": _harm(disk.tear),
    "flip": _harm(disk.flip),
    "refuse_strangers": refuse,
    "lock": _where_possible(lock),
    "tangle": _where_possible(tangle),
    "end_sessions": _where_possible(end_sessions),
    "rebalance": rebalance,
    "narrow": _configured("max.message.bytes", NARROW_BYTES, WIDE_BYTES),
    "want_all_replicas": _configured("min.insync.replicas", 3, 2),
    "repeat": _where_possible(repeat),
    "repeat_otherwise": _where_possible(repeat_otherwise),
    "spoil": _where_possible(spoil),
    "spoil_singly": _where_possible(spoil_singly),
}
