"""From the spool to Kafka, in order, and what Kafka will never take to the dead.

A sweep goes through the spool once, a page at a time: the page's records travel in the lane's rounds, and a
row is removed when all replicas have its record. A partition that does not take them in time, or is not
known, is held back for the rest of the sweep, so that its order stays and the others go on.

Which record of a batch Kafka refuses is not told. So the rows of a refused batch are sent one by one in the
next sweep, and a row that was refused alone several times is buried.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from receiver.rounds import NO_PARTITION, Batch, Queue, Rounds, Spooled, Where
from receiver.spool.words import Row

PAGE_ROWS = 1000
PAGE_BYTES = 2 * 1024 * 1024
PAGE_WITHIN_S = 2.0
"""Then whoever has not taken its part is held back."""
REFUSALS_MAX = 3


class Rows(Protocol):
    """The spool, as the drain needs it. Each may raise SpoolUnavailableError."""

    def read(self, after_id: int = 0, *, limit: int, bytes_max: int) -> "asyncio.Future[list[Row]]": ...

    async def remove(self, ids: Sequence[int]) -> int: ...

    def bury(self, id_: int, reason: str) -> "asyncio.Future[bool]": ...


class Watcher(Protocol):
    def set_aside(self, id_: int, topic: str, reason: str) -> None:
        """An alarm: a person must look at it."""


class Drain:
    """One for the life of a lane, which tells it what becomes of its batches."""

    def __init__(self, rows: Rows, rounds: Rounds, watcher: Watcher) -> None:
        self._rows = rows
        self._rounds = rounds
        self._watcher = watcher
        self._loop = asyncio.get_running_loop()
        self._after_id = 0
        self._travelling: set[int] = set()
        self._delivered: set[int] = set()
        self._suspect_until: dict[Where, int] = {}
        self._refusals: Counter[int] = Counter()
        self._condemned: dict[int, Batch] = {}
        self._page_over: asyncio.Future[None] | None = None
        self._is_interrupted = False
        self.held: set[Where] = set()
        """Where records were held back in this sweep."""
        self.is_near_the_end = False
        """After a page that was not full."""

    async def begin(self) -> None:
        """A new sweep. Raises SpoolUnavailableError, as `go_on` does; it may then be asked again."""
        self._after_id = 0
        self._is_interrupted = False
        self.held = {batch.where for batch in self._rounds.in_flight()}
        await self._clear()

    def may_go_on(self) -> bool:
        """False when Kafka went away since the beginning, or takes nothing."""
        queues = list(self._rounds.every_queue())
        is_stuck = bool(queues) and all(queue.where in self.held for queue in queues)
        return not self._is_interrupted and not is_stuck

    async def go_on(self) -> int:
        """The next page: how many rows it had; 0 at the end, for now."""
        rows = await self._rows.read(self._after_id, limit=PAGE_ROWS, bytes_max=PAGE_BYTES)
        size_bytes = sum(len(row.record.value or b"") for row in rows)
        self.is_near_the_end = len(rows) < PAGE_ROWS and size_bytes < PAGE_BYTES // 2
        if rows and not self._is_interrupted:
            self._after_id = rows[-1].id
            for row in rows:
                if row.id not in self._delivered:
                    self._send(row)
            self._rounds.plan()
            await self._page_back()
            await self._clear()
        return len(rows)

    def came_back(self, batch: Batch, acknowledged: bool) -> None:
        """A batch of rows, be it of a page long over."""
        ids = [item.id for item in batch.waiting if isinstance(item, Spooled)]
        self._travelling.difference_update(ids)
        if acknowledged:
            self._delivered.update(ids)
        else:
            if batch.refusal:
                self._suspect(batch, ids)
            self._hold_back(self._rounds.queue_at(batch.where))
        self._look_whether_over()

    def interrupt(self) -> None:
        """Kafka is away: nothing travels any more but what is in flight; a new sweep must begin."""
        self._is_interrupted = True
        for queue in self._rounds.every_queue():
            self._stop_sending(queue)
        self._travelling.clear()
        self._look_whether_over()

    def _send(self, row: Row) -> None:
        queue = self._rounds.queue_of(row.record)
        nowhere = Where(row.record.topic, NO_PARTITION)
        where = nowhere if queue is None else queue.where
        if queue is None or queue.in_flight is not None or nowhere in self.held or where in self.held:
            self.held.add(where)
            return
        alone = row.id <= self._suspect_until.get(where, 0)
        self._travelling.add(row.id)
        self._rounds.put(queue, Spooled(row.id, row.record, alone=alone))

    async def _page_back(self) -> None:
        if self._travelling:
            self._page_over = self._loop.create_future()
            await asyncio.wait((self._page_over,), timeout=PAGE_WITHIN_S)
            self._page_over = None
        if self._travelling:
            for queue in self._rounds.every_queue():
                if queue.in_flight is not None or queue.waiting:
                    self._hold_back(queue)
            self._travelling.clear()
            self._rounds.release_leaders()

    def _hold_back(self, queue: Queue) -> None:
        self.held.add(queue.where)
        self._stop_sending(queue)

    def _stop_sending(self, queue: Queue) -> None:
        """Its rows stay on disk."""
        dropped = self._rounds.take_out(queue, Spooled)
        self._travelling.difference_update(item.id for item in dropped)

    def _look_whether_over(self) -> None:
        if not self._travelling and self._page_over is not None and not self._page_over.done():
            self._page_over.set_result(None)

    def _suspect(self, batch: Batch, ids: Sequence[int]) -> None:
        if len(ids) > 1:
            until = max(ids[-1], self._suspect_until.get(batch.where, 0))
            self._suspect_until[batch.where] = until
            return
        self._refusals[ids[0]] += 1
        if self._refusals[ids[0]] >= REFUSALS_MAX:
            self._condemned[ids[0]] = batch

    async def _clear(self) -> None:
        """Takes what is settled out of the spool."""
        for id_, batch in list(self._condemned.items()):
            if await self._rows.bury(id_, batch.refusal):
                self._watcher.set_aside(id_, batch.topic, batch.refusal)
            del self._condemned[id_]
            del self._refusals[id_]
        if delivered := list(self._delivered):
            await self._rows.remove(delivered)
            self._delivered.difference_update(delivered)
            for id_ in delivered if self._refusals else ():
                del self._refusals[id_]
