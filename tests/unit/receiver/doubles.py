"""Stand-ins for what the lane speaks to, and for time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import wraps
from selectors import DefaultSelector, SelectorKey
from typing import ParamSpec

from receiver.lane import Batch, Mode, Place, Waiting
from receiver.spool.words import Reason, Row, SpoolUnavailableError, Verdict
from schemas.record import Record

Given = ParamSpec("Given")

EVENTS = "events"
PARTITIONS = 4


@dataclass
class FakeBroker:
    """Leaders: one node for all, unless `leaders` says so. Batches stay out until the test lands them."""

    up: bool = True
    count: int = PARTITIONS
    leaders: dict[int, int] = field(default_factory=dict)
    rounds: list[Sequence[Batch]] = field(default_factory=list)
    backs: dict[int, Callable[[Batch, bool], None]] = field(default_factory=dict)

    def is_up(self) -> bool:
        return self.up

    def partitions(self, topic: str) -> int:
        return self.count if topic == EVENTS else 0

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
    """A disk in memory, which takes a turn of the loop, or `holding` until told.

    `room` False: full. `trouble`: everything fails.
    """

    def __init__(self, room: bool = True) -> None:
        self.room = room
        self.trouble: Reason | None = None
        self.holding = False
        self.rows: dict[int, Row] = {}
        self.buried: dict[int, str] = {}
        self.dead: list[Record] = []
        self._next_id = 1
        self._held: list[tuple[asyncio.Future[list[Verdict]], Sequence[Waiting]]] = []

    @property
    def kept(self) -> list[Record]:
        return [row.record for row in self.rows.values()]

    @property
    def records(self) -> int:
        return len(self.rows)

    def can_store(self) -> bool:
        return self.room and self.trouble is None

    def append(self, entries: Sequence[Waiting]) -> asyncio.Future[list[Verdict]]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Verdict]] = loop.create_future()
        if self.trouble is not None:
            future.set_exception(SpoolUnavailableError(self.trouble))
            return future
        self._held.append((future, entries))
        if not self.holding:
            self.release()
        return future

    def release(self) -> None:
        self.holding = False
        held, self._held = self._held, []
        for future, entries in held:
            future.set_result([self._take(entry) for entry in entries])

    def _take(self, entry: Waiting) -> Verdict:
        if not self.room:
            return Verdict.FULL
        self.put(entry.record)
        return Verdict.STORED

    def put(self, record: Record) -> int:
        """As an earlier process, or `dead resend`, did."""
        id_ = self._next_id
        self._next_id += 1
        self.rows[id_] = Row(id_, record, True, datetime(2026, 1, 1, tzinfo=UTC))
        return id_

    def read(self, after_id: int = 0, *, limit: int, bytes_max: int) -> asyncio.Future[list[Row]]:
        del bytes_max
        future: asyncio.Future[list[Row]] = asyncio.get_running_loop().create_future()
        if self.trouble is not None:
            future.set_exception(SpoolUnavailableError(self.trouble))
        else:
            future.set_result([row for id_, row in self.rows.items() if id_ > after_id][:limit])
        return future

    async def remove(self, ids: Sequence[int]) -> int:
        if self.trouble is not None:
            raise SpoolUnavailableError(self.trouble)
        return sum(self.rows.pop(id_, None) is not None for id_ in ids)

    def bury(self, id_: int, reason: str) -> asyncio.Future[bool]:
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.buried[id_] = reason
        row = self.rows.pop(id_, None)
        self.dead += [] if row is None else [row.record]
        future.set_result(row is not None)
        return future


class Watched:
    def __init__(self) -> None:
        self.counts: dict[Place, int] = {}
        self.modes: list[Mode] = []
        self.aside: list[int] = []

    def stored(self, place: Place, count: int) -> None:
        self.counts[place] = self.counts.get(place, 0) + count

    def turned(self, mode: Mode, reason: str) -> None:
        self.modes.append(mode)

    def set_aside(self, id_: int, topic: str, reason: str) -> None:
        self.aside.append(id_)


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
