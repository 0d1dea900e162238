"""`profile-reconciler run` tells others: killed, frozen, two of them, and what a consumer makes of it."""

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from deploy.examples import consume_operations
from deploy.local.stack import Stack
from reconciler.dispatch.metrics import OutboxStanding
from reconciler.dispatch.outbox_standing import read_outbox
from schemas.message import Message
from schemas.record import Record
from schemas.topics import Topics
from tests.integration.dispatch.leading import access_of
from tests.integration.reconciler.consuming import applied, produce
from tests.integration.reconciler.said import EIDS, ICCIDS, callback, request
from tests.support.database import Database
from tests.support.polling import eventually
from tests.support.program import Program, Programs
from tests.support.told import (
    Heard,
    assert_all_told,
    assert_well_told,
    by,
    heard,
    newest,
    nothing_waits,
    waiting,
)

KEYS = 20
OFF = {"RECONCILER_DISPATCH": "off"}


async def reconciler(programs: Programs, port: int, **env: str) -> Program:
    listen = f"127.0.0.1:{port}"
    return await programs.start(
        "profile-reconciler",
        "run",
        env={"RECONCILER_OPS_LISTEN": listen, **env},
        ready=f"http://{listen}/readyz",
    )


def asked_and_answered(topics: Topics, numbers: range) -> list[Record]:
    """One request a number, each for the next of the EIDs and ICCIDs."""
    records = []
    for number in numbers:
        eid, iccid, name = EIDS[number % 4], ICCIDS[number % 5], f"R{number}"
        records.append(request(request=name, eid=eid, iccid=iccid, action="enable", at=number, topics=topics))
        records.append(
            callback(request=name, eid=eid, iccid=iccid, action="enable", at=number, topics=topics)
        )
    return records


async def put(database: Database, versions: range) -> list[Message]:
    """Straight into the outbox, some keys by turns."""
    messages = [
        Message("state", f"key {number % KEYS}", number, "event", None, None, b'{"n":%d}' % number)
        for number in versions
    ]
    async with database.connect() as connection:
        await connection.copy_records_to_table(
            "outbox", schema_name="ledger", columns=Message._fields, records=messages
        )
    return messages


def assert_everything_in_order(records: Sequence[Heard], sent: Sequence[Message]) -> None:
    """Who leaves out repeats hears all versions of each key, rising."""
    assert_well_told(records)
    told = by("key", records)
    for key in {message.key for message in sent}:
        versions = [message.version for message in sent if message.key == key]
        assert [record.version for record in newest(told[key])] == versions


async def test_a_callback_comes_in_and_what_it_means_goes_out(
    stack: Stack, database: Database, topics: Topics, programs: Programs, unused_tcp_port: int
) -> None:
    running = await reconciler(programs, unused_tcp_port)
    await produce(stack.bootstrap, asked_and_answered(topics, range(12)))
    await applied(database, topics.events, 24)
    await eventually(lambda: nothing_waits(database))
    await assert_all_told(stack.bootstrap, topics, database)
    finals = [record for record in await heard(stack.bootstrap, topics.operations) if record.value]
    assert {record.value["state"] for record in finals if record.value} >= {"succeeded"}
    assert {record.headers["ce_source"] for record in finals} == {"/profile-ledger"}
    assert await running.stop() == 0


async def test_a_leader_killed_in_the_middle_loses_nothing_and_mixes_nothing_up(
    stack: Stack,
    database: Database,
    topics: Topics,
    programs: Programs,
    unused_tcp_port_factory: Callable[[], int],
) -> None:
    sent = await put(database, range(1, 30_001))
    killed = await reconciler(programs, unused_tcp_port_factory())

    async def in_the_middle() -> bool:
        return await waiting(database) < len(sent)

    await eventually(in_the_middle, within_s=30)
    killed.kill()
    assert await waiting(database) > 0, "it was faster than we"
    await reconciler(programs, unused_tcp_port_factory())
    await eventually(lambda: nothing_waits(database), within_s=60)
    assert_everything_in_order(await heard(stack.bootstrap, topics.state), sent)


async def test_a_leader_frozen_in_the_middle_is_replaced_and_does_no_harm_when_it_wakes(
    stack: Stack,
    database: Database,
    topics: Topics,
    programs: Programs,
    unused_tcp_port_factory: Callable[[], int],
) -> None:
    sent = await put(database, range(1, 30_001))
    frozen = await reconciler(programs, unused_tcp_port_factory())

    async def in_the_middle() -> bool:
        return await waiting(database) < len(sent)

    await eventually(in_the_middle, within_s=30)
    frozen.signal(signal.SIGSTOP)
    try:
        assert await waiting(database) > 0, "it was faster than we"
        second = await reconciler(programs, unused_tcp_port_factory())
        await eventually(lambda: "dispatch_leading" in second.stderr(), within_s=40)
        sent += await put(database, range(30_001, 30_101))
        await eventually(lambda: nothing_waits(database), within_s=60)
    finally:
        frozen.signal(signal.SIGCONT)
    await eventually(lambda: "dispatch_waiting" in frozen.stderr(), within_s=30)
    sent += await put(database, range(30_101, 30_201))
    await eventually(lambda: nothing_waits(database), within_s=30)
    assert_everything_in_order(await heard(stack.bootstrap, topics.state), sent)
    assert_everything_in_order(await heard(stack.bootstrap, topics.state, committed=False), sent)
    assert await frozen.stop() == 0


async def test_two_reconcilers_write_and_one_of_them_tells(
    stack: Stack,
    database: Database,
    topics: Topics,
    programs: Programs,
    unused_tcp_port_factory: Callable[[], int],
) -> None:
    both = [await reconciler(programs, unused_tcp_port_factory()) for _ in range(2)]
    await produce(stack.bootstrap, asked_and_answered(topics, range(200)))
    await applied(database, topics.events, 400)
    await eventually(lambda: nothing_waits(database), within_s=30)
    await assert_all_told(stack.bootstrap, topics, database)
    assert sum("dispatch_leading" in each.stderr() for each in both) == 1
    for each in both:
        assert await each.stop() == 0
        assert "never retrieved" not in each.stderr()


async def test_what_waits_is_counted_with_its_age(database: Database) -> None:
    access = access_of(database)
    assert await read_outbox(access) == OutboxStanding(0, 0.0)
    second_ago = time.time_ns() // 1000 - 1_000_000
    await put(database, range(second_ago, second_ago + 3))
    rows, oldest_s = await read_outbox(access)
    assert rows == 3
    assert oldest_s >= 1


async def test_switched_off_it_writes_and_leaves_the_telling_to_others(
    stack: Stack,
    database: Database,
    topics: Topics,
    programs: Programs,
    unused_tcp_port_factory: Callable[[], int],
) -> None:
    silent = await reconciler(programs, unused_tcp_port_factory(), **OFF)
    await produce(stack.bootstrap, asked_and_answered(topics, range(4)))
    await applied(database, topics.events, 8)
    assert await waiting(database) > 0
    assert "dispatch_off" in silent.stderr()
    await reconciler(programs, unused_tcp_port_factory())
    await eventually(lambda: nothing_waits(database))
    await assert_all_told(stack.bootstrap, topics, database)


async def test_the_example_follows_the_operations(
    stack: Stack,
    database: Database,
    topics: Topics,
    programs: Programs,
    unused_tcp_port: int,
    tmp_path: Path,
) -> None:
    await reconciler(programs, unused_tcp_port)
    intent = request("intended", intent="I", eid=EIDS[0], iccid=ICCIDS[0], action="enable", topics=topics)
    await produce(stack.bootstrap, [intent])
    await applied(database, topics.events, 1)
    await eventually(lambda: nothing_waits(database))
    known = request(
        "submitted", intent="I", request="R", eid=EIDS[0], iccid=ICCIDS[0], action="enable", topics=topics
    )
    await produce(stack.bootstrap, [known, *asked_and_answered(topics, range(1, 4))])
    await applied(database, topics.events, 8)
    printed = tmp_path / "example.out"
    with printed.open("wb") as out:
        example = await asyncio.create_subprocess_exec(
            *(sys.executable, consume_operations.__file__, stack.bootstrap, topics.operations),
            stdout=out,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            await eventually(lambda: printed.read_text().count("succeeded") == 3, within_s=30)
            await eventually(lambda: printed.read_text().count("is no more") == 1)
        finally:
            example.terminate()
            _, said = await example.communicate()
    assert b"Traceback" not in said or b"CancelledError" in said
    assert len(printed.read_text().splitlines()) == 4


@pytest.mark.parametrize("path", [Path(consume_operations.__file__)])
def test_the_example_stays_short(path: Path) -> None:
    """Its code, that is: what is no docstring, comment or blank line of layout."""
    assert len(path.read_text().split('"""', 2)[2].splitlines()) <= 45
