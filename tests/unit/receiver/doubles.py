"""Stand-ins for what the lane speaks to, and for time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import wraps
from selectors import DefaultSelector, SelectorKey
from typing import ParamSpec

from receiver.lane import Batch, Mode, Place, Waiting
from schemas.record import Record

Given = ParamSpec("Given")

EVENTS = "events"
PARTITIONS = 4


@dataclass
class FakeBroker:
    """Leaders: one node for all, unless `leaders` says so. Batches stay out until the test lands them."""

    up: bool = True
    leaders: dict[int, int] = field(default_factory=dict)
    rounds: list[Sequence[Batch]] = field(default_factory=list)
    backs: dict[int, Callable[[Batch, bool], None]] = field(default_factory=dict)

    def is_up(self) -> bool:
        return self.up

    def partitions(self, topic: str) -> int:
        return PARTITIONS if topic == EVENTS else 0

    def leader(self, topic: str, partition: int) -> int:
        return self.leaders.get(partition, 1)

    def send(self, batches: Sequence[Batch], back: Callable[[Batch, bool], None]) -> None:
        self.rounds.append(batches)
        for batch in batches:
            self.backs[id(batch)] = back

    def land(self, batch: Batch, acknowledged: bool = True) -> None:
        self.backs.pop(id(batch))(batch, acknowledged)

    def land_round(self, number: int = -1, acknowledged: bool = True) -> None:
        for batch in self.rounds[number]:
            self.land(batch, acknowledged)


class FakeSpool:
    """Takes everything at once, or nothing."""

    def __init__(self, room: bool = True) -> None:
        self.room = room
        self.kept: list[Record] = []

    def can_store(self) -> bool:
        return self.room

    def keep(self, waiting: Sequence[Waiting], back: Callable[[Sequence[Waiting], bool], None]) -> None:
        if self.room:
            self.kept.extend(each.record for each in waiting)
        back(waiting, self.room)


class Watched:
    def __init__(self) -> None:
        self.counts: dict[Place, int] = {}
        self.modes: list[Mode] = []

    def stored(self, place: Place, count: int) -> None:
        self.counts[place] = self.counts.get(place, 0) + count

    def turned(self, mode: Mode, reason: str) -> None:
        self.modes.append(mode)


class SkippingSelector(DefaultSelector):
    """Waits for nothing: where a loop would sleep, its clock goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        found = super().select(0)
        if not found:
            assert timeout is not None, "nothing would ever happen"
            self.skipped_s += timeout
        return found


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Time passes only while nothing happens, so a slow machine changes no result."""

    def __init__(self) -> None:
        self._skipping = SkippingSelector()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.skipped_s


def in_virtual_time(test: Callable[Given, Awaitable[None]]) -> Callable[Given, None]:
    @wraps(test)
    def run(*args: Given.args, **kwargs: Given.kwargs) -> None:
        async def main() -> None:
            await test(*args, **kwargs)

        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(main())

    del run.__wrapped__  # or pytest would see the coroutine function behind it
    return run


async def later(seconds: float) -> None:
    passed = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(seconds, passed.set_result, None)
    await passed
