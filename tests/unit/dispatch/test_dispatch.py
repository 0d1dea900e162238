"""The loop that tells others, against a world in memory: what comes before what, and what an error costs."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO

import pytest

from reconciler.dispatch import dispatch
from reconciler.dispatch.dispatch import Dispatch
from schemas.logline import Log
from schemas.topics import Topics
from tests.support.polling import eventually
from tests.unit.dispatch.world import World, message


class Meter:
    def __init__(self) -> None:
        self.messages: Counter[str] = Counter()

    def dispatched(self, topic: str, messages: int) -> None:
        self.messages[topic] += messages


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IDLE_S", "STAND_BY_S", "BACKOFF_FIRST_S", "BACKOFF_MAX_S"):
        monkeypatch.setattr(dispatch, name, 0.001)


@asynccontextmanager
async def running(world: World, meter: Meter | None = None) -> AsyncIterator[StringIO]:
    log = StringIO()
    work = Dispatch(world.outboxes, world.senders, Topics(), meter or Meter(), Log("t", stream=log))
    task = asyncio.create_task(work.run())
    try:
        yield log
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def versions(world: World) -> list[int]:
    return [int(dict(record.headers)["ce_version"]) for record in world.log]


async def test_it_refuses_the_one_before_first_then_reads_and_deletes_what_was_committed() -> None:
    world, meter = World(), Meter()
    world.put(message("a", 1), message("b", 2))
    async with running(world, meter):
        await eventually(lambda: not world.rows)
    expected = ["connect", "lead", "produce", "read", "send", "commit", "delete"]
    assert world.steps[: len(expected)] == expected
    assert meter.messages == {"profile.state.v1": 2}


@pytest.mark.parametrize("broken", ["connect", "lead", "produce", "read", "send", "commit", "delete"])
async def test_after_any_error_it_begins_anew_and_loses_nothing(broken: str) -> None:
    world = World(breaks={broken: 3})
    world.put(message("a", 1), message("a", 2))
    async with running(world) as log:
        await eventually(lambda: not world.rows)
    assert sorted({*versions(world)}) == [1, 2]
    assert versions(world)[-2:] == [1, 2]
    assert log.getvalue().count("dispatch_waiting") == 3
    assert f"{broken} failed" in log.getvalue()
    assert world.steps.count("connect") == 4
    assert all(session.ended for session in world.sessions)


async def test_rows_go_in_the_order_of_their_ids_and_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "ROWS_MAX", 3)
    world = World()
    world.put(*(message("a", number) for number in range(10)))
    async with running(world):
        await eventually(lambda: not world.rows)
    assert versions(world) == list(range(10))
    assert world.steps.count("send") == 4


async def test_a_row_with_a_lower_id_that_comes_late_is_sent() -> None:
    world = World()
    world.rows[7] = message("a", 1)
    async with running(world):
        await eventually(lambda: not world.rows)
        world.rows[5] = message("b", 1)
        await eventually(lambda: not world.rows)
    assert [record.key for record in world.log] == [b"a", b"b"]


async def test_who_has_no_lock_makes_no_producer_and_reads_nothing() -> None:
    world = World(leader="somebody else")
    world.put(message("a", 1))
    async with running(world):
        await eventually(lambda: world.steps.count("lead") > 3)
        assert set(world.steps) == {"connect", "lead"}
        world.leader = None
        await eventually(lambda: not world.rows)


async def test_a_leader_who_lost_its_session_gives_up_its_producer_too() -> None:
    world = World()
    async with running(world):
        await eventually(lambda: "read" in world.steps)
        world.sessions[0].end()
        world.put(message("a", 1))
        await eventually(lambda: not world.rows)
    assert world.epoch == 2


async def test_the_pauses_grow_up_to_a_bound_and_begin_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "BACKOFF_FIRST_S", 1.0)
    monkeypatch.setattr(dispatch, "BACKOFF_MAX_S", 5.0)
    pauses = dispatch._pauses()
    assert [next(pauses) for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]
