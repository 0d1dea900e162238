"""The receiver's disk queue: on disk when `append` is done, and read again in order.

A spool is one folder, one process, and one thread with one SQLite file. Its methods belong to the event
loop's thread, return at once and give futures. A future that holds `SpoolUnavailableError` promises
nothing: what was asked for did mostly not happen. The spool mends itself; ask again.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from time import time_ns
from typing import Final, TypeVar

from receiver.spool.frame import seal
from receiver.spool.keeper import Keeper
from receiver.spool.store import Change
from receiver.spool.words import (
    DamagedRows,
    DeadRow,
    Reason,
    Recovered,
    Report,
    Row,
    Salvaged,
    SpoolRefusedError,
    SpoolUnavailableError,
    Stats,
    Storable,
    TailRescued,
    Unavailable,
    Verdict,
)
from receiver.spool.writer import AnyCommand, Order, Question, Writer

__all__ = [
    "DamagedRows",
    "DeadRow",
    "Reason",
    "Recovered",
    "Report",
    "Row",
    "Salvaged",
    "Spool",
    "SpoolRefusedError",
    "SpoolUnavailableError",
    "Stats",
    "Storable",
    "TailRescued",
    "Unavailable",
    "Verdict",
    "open_spool",
]

QUEUED_BYTES_MAX: Final = 64 * 1024 * 1024
REMOVED_ROW_BYTES: Final = 2_048
"""What it costs the log to remove a row, roughly."""

STALL_S: Final = 2.0
"""Longer than any checkpoint of a healthy disk, shorter than a sender's patience."""
REASON_CHARS_MAX: Final = 200

T = TypeVar("T")


async def open_spool(
    folder: Path, bytes_max: int, report: Callable[[Report], None], *, vfs: str | None = None
) -> "Spool":
    """Ready for use, with what waited before; or, on a disk in trouble, mending itself.

    `report` is called in the loop with what should be logged. `vfs` names another of SQLite's file layers.
    Raises SpoolRefusedError when the folder is another process's, on a network file system, or none.
    """
    loop = asyncio.get_running_loop()

    def tell(what: Report) -> None:
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(report, what)

    spool = Spool(Keeper(folder, bytes_max, tell, vfs), report)
    await spool.begin()
    return spool


class Spool:
    """`ended` is done when the thread has ended: with an error, if it was one that nobody expected."""

    def __init__(self, keeper: Keeper, report: Callable[[Report], None]) -> None:
        """Use `open_spool`."""
        self._keeper = keeper
        self._report = report
        self._writer = Writer(keeper, self._settle, self._end)
        self._loop = asyncio.get_running_loop()
        self._unsettled: deque[tuple[float, AnyCommand]] = deque()
        self._queued_bytes = 0
        self._is_stalled = False
        self._stall_watch: asyncio.TimerHandle | None = None
        self.ended: asyncio.Future[None] = self._loop.create_future()

    async def begin(self) -> None:
        """Raises SpoolRefusedError. A large salvage, or a disk that hangs, goes on after it."""
        self._writer.start()
        with suppress(SpoolUnavailableError):
            await self._ask(lambda _: None)

    async def close(self, patience_s: float = 10.0) -> None:
        """When everything asked for before is done, or after the patience: a disk may hang for ever."""
        self._writer.stop()
        await asyncio.wait((self.ended,), timeout=patience_s)

    @property
    def records(self) -> int:
        """What waits. What another process sent back from the dead is noticed within a second."""
        return self._keeper.totals.records

    @property
    def size_bytes(self) -> int:
        """Of what waits."""
        return self._keeper.totals.bytes

    @property
    def dead(self) -> int:
        return self._keeper.totals.dead

    @property
    def trouble(self) -> Reason | None:
        """Why appends fail; None when they do not."""
        if self.ended.done():
            return "closed"
        return "stalled" if self._is_stalled else self._keeper.trouble

    def can_store(self) -> bool:
        """False in trouble, and when full."""
        return self.trouble is None and not self._keeper.is_full()

    # What waits

    def append(self, entries: Sequence[Storable]) -> "asyncio.Future[list[Verdict]]":
        """A verdict for each entry, when what is stored is on disk. What does not fit is refused singly.

        What is appended later stands behind it, also where this is too much for one transaction.
        """
        now_us = time_ns() // 1000
        frames = [seal(entry.record, proven=entry.proven, enqueued_us=now_us) for entry in entries]
        proven = [entry.proven for entry in entries]
        if len(frames) == 1 or sum(map(len, frames)) <= self._keeper.group_bytes_max:
            return self._append(frames, proven)
        parts = _parts([len(frame) for frame in frames], self._keeper.group_bytes_max)
        appended = [self._append(frames[part], proven[part]) for part in parts]
        return self._loop.create_task(_all_of(appended))

    def read(
        self, after_id: int = 0, *, limit: int = 500, bytes_max: int = 1024 * 1024
    ) -> "asyncio.Future[list[Row]]":
        """Waiting behind `after_id`, in order, at least one row if there is one. Sees all that is settled."""
        return self._ask(lambda keeper: keeper.read(after_id, limit, bytes_max))

    async def remove(self, ids: Sequence[int]) -> int:
        """Kafka has them. How many there were."""
        parts = _parts([REMOVED_ROW_BYTES] * len(ids), self._keeper.group_bytes_max)
        removed = [self._remove(ids[part]) for part in parts]
        return sum(await asyncio.gather(*removed))

    def bury(self, id_: int, reason: str) -> "asyncio.Future[bool]":
        """Kafka will never take it: to the dead. `reason` holds nothing of the record. False: no such row."""
        now_us = time_ns() // 1000
        return self._order(
            lambda change: change.bury(id_, reason[:REASON_CHARS_MAX], now_us), REMOVED_ROW_BYTES
        )

    def stats(self) -> "asyncio.Future[Stats]":
        return self._ask(lambda keeper: keeper.store().stats())

    # The dead

    def dead_list(self, after_id: int = 0, *, limit: int = 100) -> "asyncio.Future[list[DeadRow]]":
        return self._ask(lambda keeper: keeper.store().dead_rows(after_id, limit))

    def dead_show(self, id_: int) -> "asyncio.Future[DeadRow | None]":
        return self._ask(lambda keeper: keeper.store().dead_row(id_))

    def dead_resend(self, ids: Sequence[int]) -> "asyncio.Future[int]":
        """To the end of what waits; how many. Unknown ids and damaged rows stay what they are."""
        return self._order(lambda change: change.resend(ids), REMOVED_ROW_BYTES * len(ids))

    def dead_drop(self, ids: Sequence[int]) -> "asyncio.Future[int]":
        """For ever; how many."""
        return self._order(lambda change: change.drop(ids), REMOVED_ROW_BYTES * len(ids))

    def _remove(self, ids: Sequence[int]) -> "asyncio.Future[int]":
        return self._order(lambda change: change.remove(ids), REMOVED_ROW_BYTES * len(ids))

    def _append(self, frames: list[bytes], proven: list[bool]) -> "asyncio.Future[list[Verdict]]":
        weight_bytes = sum(map(len, frames))
        return self._order(lambda change: change.append(frames, proven), weight_bytes, adds=True)

    def _ask(self, run: Callable[[Keeper], T]) -> "asyncio.Future[T]":
        future: asyncio.Future[T] = self._loop.create_future()
        question: Question[T] = Question(run, future)
        return self._put(question, future)

    def _order(
        self, run: Callable[[Change], T], weight_bytes: int, *, adds: bool = False
    ) -> "asyncio.Future[T]":
        future: asyncio.Future[T] = self._loop.create_future()
        order: Order[T] = Order(run, future, weight_bytes=weight_bytes, adds=adds)
        return self._put(order, future)

    def _put(self, command: AnyCommand, future: "asyncio.Future[T]") -> "asyncio.Future[T]":
        if self.ended.done():
            future.set_exception(SpoolUnavailableError("closed"))
        elif self._is_stalled:
            future.set_exception(SpoolUnavailableError("stalled"))
        elif self._queued_bytes + command.weight_bytes > QUEUED_BYTES_MAX:
            future.set_exception(SpoolUnavailableError("overloaded"))
        else:
            self._queued_bytes += command.weight_bytes
            self._unsettled.append((self._loop.time(), command))
            self._writer.put(command)
            if self._stall_watch is None:
                self._stall_watch = self._loop.call_later(STALL_S, self._look_at_the_oldest)
        return future

    def _settle(self, commands: Iterable[AnyCommand]) -> None:
        """In the order in which they were put."""
        for command in commands:
            self._unsettled.popleft()
            self._queued_bytes -= command.weight_bytes
            command.settle()
        if self._is_stalled:
            self._is_stalled = False
            self._report(Recovered(self.records))

    def _look_at_the_oldest(self) -> None:
        """Nobody waits for ever on a disk that hangs."""
        self._stall_watch = None
        if not self._unsettled:
            return
        due = self._unsettled[0][0] + STALL_S
        if self._loop.time() < due:
            self._stall_watch = self._loop.call_at(due, self._look_at_the_oldest)
            return
        self._is_stalled = True
        self._report(Unavailable("stalled"))
        for _, command in self._unsettled:
            command.give_up(SpoolUnavailableError("stalled"))

    def _end(self, error: BaseException | None) -> None:
        if self._stall_watch is not None:
            self._stall_watch.cancel()
        refusal = error if isinstance(error, SpoolRefusedError) else None
        for command in self._writer.unsettled():
            command.fail(refusal or SpoolUnavailableError("closed"))
            command.settle()
        if error is None or refusal is not None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error)


async def _all_of(appended: Sequence["asyncio.Future[list[Verdict]]"]) -> list[Verdict]:
    return [verdict for verdicts in await asyncio.gather(*appended) for verdict in verdicts]


def _parts(weights: Sequence[int], weight_max: int) -> Iterator[slice]:
    """Each as heavy as the last one at most, or one entry."""
    start, weight = 0, 0
    for index, each in enumerate(weights):
        if weight + each > weight_max and index > start:
            yield slice(start, index)
            start, weight = index, 0
        weight += each
    if start < len(weights):
        yield slice(start, len(weights))
