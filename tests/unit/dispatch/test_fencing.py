"""Leaders that freeze at any step, lose their lock and wake again: a model of what they may do to the log.

Each leader is a run of the real loop whose steps are let through one by one, in an order that a random number
draws. Now and then the one that leads is frozen where it stands, and its session ended, as PostgreSQL does.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from random import Random

import pytest

from reconciler.dispatch import dispatch
from reconciler.dispatch.dispatch import Dispatch
from schemas.logline import Log
from schemas.topics import Topics
from tests.unit.dispatch.test_dispatch import Meter
from tests.unit.dispatch.world import FakeOutbox, World, message

LEADERS = 3
KEYS = "abc"
TURNS = 1000
WAKING_TURNS = 600
"""At the end whoever was frozen wakes, and nothing new happens."""


class Gated(World):
    """Every step waits until it is let through."""

    def __init__(self, rng: Random) -> None:
        super().__init__()
        self.rng = rng
        self.turn = 0
        self.gates: dict[asyncio.Task[object] | None, asyncio.Event] = {}
        self.frozen: dict[asyncio.Task[object] | None, int] = {}

    async def step(self, name: str) -> None:
        gate = self.gates[asyncio.current_task()] = asyncio.Event()
        await gate.wait()
        await super().step(name)

    async def let_one_through(self) -> None:
        self.turn += 1
        awake = [task for task in self.gates if self.frozen.get(task, 0) <= self.turn]
        if awake:
            self.gates.pop(self.rng.choice(awake)).set()
        for _ in range(5):  # so that whoever was let through reaches the next gate
            await asyncio.sleep(0)

    def freeze_the_leader(self) -> None:
        if isinstance(self.leader, FakeOutbox):
            self.frozen[self.leader.task] = self.turn + self.rng.randrange(200)
            self.leader.end()


@asynccontextmanager
async def leaders(world: World) -> AsyncIterator[None]:
    def work() -> Dispatch:
        return Dispatch(world.outboxes, world.senders, Topics(), Meter(), Log("t", stream=StringIO()))

    tasks = [asyncio.create_task(work().run()) for _ in range(LEADERS)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("seed", range(60))
async def test_whoever_freezes_when_the_log_ends_on_the_newest_and_nothing_is_lost(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("IDLE_S", "STAND_BY_S", "BACKOFF_FIRST_S", "BACKOFF_MAX_S"):
        monkeypatch.setattr(dispatch, name, 0)
    monkeypatch.setattr(dispatch, "ROWS_MAX", 3)
    rng = Random(seed)
    world = Gated(rng)
    newest = dict.fromkeys(KEYS, 0)
    async with leaders(world):
        for _ in range(TURNS):
            await world.let_one_through()
            if rng.random() < 0.06:
                key = rng.choice(KEYS)
                newest[key] += 1
                world.put(message(key, newest[key]))
            if rng.random() < 0.03:
                world.freeze_the_leader()
        for _ in range(WAKING_TURNS):
            await world.let_one_through()
    assert not world.rows
    for key, last in newest.items():
        told = [int(dict(record.headers)["ce_version"]) for record in world.log if record.key == key.encode()]
        assert sorted(set(told)) == list(range(1, last + 1))
        assert not told or told[-1] == last
