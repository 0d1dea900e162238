"""The receiver's one way out: a record goes in, and the place where it is safe comes back.

*Direct*: records travel to Kafka in rounds, and each waiting request is told when all replicas have its own.

*Away*: when the oldest record has waited longer than the patience, a batch failed, or Kafka is not there,
everything queued and in flight goes to the spool at once, and so does every new record, so that answers stay
fast. What is in flight may still reach Kafka: the record is there twice then, with the same event id, and the
ledger takes it once.

*Back*: as soon as Kafka answers, the spool is drained. Near its end new records are held in memory, for the
patience at most, until the last row is in Kafka; then they travel directly, so that none overtakes an older
one of its key. Rows that only one partition or topic does not take hold back that one alone: its new records
go on to the spool (it is `behind`), all others travel directly.

A spool in trouble is done without as long as Kafka answers. All methods belong to the event loop's thread and
none of them waits, `run` and `stop` excepted.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Literal, Protocol

from receiver.drain import Drain
from receiver.drain import Rows as DrainedRows
from receiver.drain import Watcher as DrainWatcher
from receiver.rounds import (
    BATCH_BYTES_MAX,
    NO_PARTITION,
    Batch,
    Broker,
    Item,
    Place,
    Queue,
    Rounds,
    Spooled,
    Waiting,
    Where,
)
from receiver.spool.words import Reason, SpoolRefusedError, SpoolUnavailableError, Verdict
from schemas.record import Record, partition_of

__all__ = ["BATCH_BYTES_MAX", "Batch", "Broker", "Lane", "Mode", "Place", "Spool", "Waiting", "Watcher"]

Mode = Literal["direct", "away", "stopped"]

UNPROVEN_SHARE = 0.05
LOOK_EVERY_S = 1.0
TRY_HELD_EVERY_S = 30.0
SPOOL_WITHIN_S = 3.0
"""The spool gives up by itself a little earlier."""


class Spool(DrainedRows, Protocol):
    """The disk queue, as the lane needs it."""

    @property
    def records(self) -> int: ...

    @property
    def trouble(self) -> Reason | None: ...

    def can_store(self) -> bool: ...

    def append(self, entries: Sequence[Waiting]) -> "asyncio.Future[list[Verdict]]":
        """A verdict for each, when what is stored is on disk; or SpoolUnavailableError, within seconds."""


class Watcher(DrainWatcher, Protocol):
    """Who counts and logs what the lane does."""

    def stored(self, place: Place, count: int) -> None: ...

    def turned(self, mode: Mode, reason: str) -> None: ...


class Lane:
    def __init__(
        self,
        broker: Broker,
        spool: Spool,
        watcher: Watcher,
        *,
        patience_s: float,
        bytes_max: int,
    ) -> None:
        self._broker = broker
        self._spool = spool
        self._watcher = watcher
        self._patience_s = patience_s
        self._bytes_max = bytes_max
        self._unproven_bytes_max = int(bytes_max * UNPROVEN_SHARE)
        self._loop = asyncio.get_running_loop()
        self._rounds = Rounds(broker, collect=self._collect, landed=self._landed)
        self._drain = Drain(spool, self._rounds, watcher)
        self._mode: Mode = "direct" if broker.is_up() and not spool.records else "away"
        self._is_returning = False
        self._is_stopped = False
        self._has_answered = True
        self._behind: set[Where] = set()
        self._fresh: list[Waiting] = []
        self._bytes = 0
        self._unproven_bytes = 0
        self._unsettled = 0
        self._keeping = 0
        self._swept_at = float("-inf")
        self._nudge = asyncio.Event()
        self._watch: asyncio.TimerHandle | None = None
        self._idle: asyncio.Future[None] | None = None

    def submit(self, record: Record, *, proven: bool = True) -> asyncio.Future[Place]:
        """The future always gets a result, within the patience and the time the spool takes."""
        loop = self._loop
        safe: asyncio.Future[Place] = loop.create_future()
        waiting = Waiting(record, safe, loop.time(), proven)
        size_bytes = waiting.size_bytes
        if self._is_stopped or not self._has_room(size_bytes, proven=proven):
            self._watcher.stored("nowhere", 1)
            safe.set_result("nowhere")
            return safe
        self._unsettled += 1
        self._bytes += size_bytes
        if not proven:
            self._unproven_bytes += size_bytes
        self._fresh.append(waiting)
        self._rounds.plan()
        if self._watch is None:
            self._watch = loop.call_later(self._patience_s, self._look_at_the_oldest)
        return safe

    def can_store(self) -> bool:
        """What "ready" means."""
        if self._is_stopped:
            return False
        return self._spool.can_store() or (self._mode == "direct" and self._broker.is_up())

    def broker_changed(self) -> None:
        """Kafka came or went."""
        if not self._broker.is_up():
            self._drain.interrupt()
            self._turn_away("kafka is not there")
        self._nudge.set()

    async def run(self) -> None:
        """Brings the lane back whenever Kafka answers. Until cancelled."""
        while True:
            if self._broker.is_up() and not self._is_stopped and self._is_sweep_due():
                try:
                    await self._catch_up()
                except SpoolUnavailableError:
                    self._do_without_spool()
            await self._nudged(LOOK_EVERY_S)

    async def stop(self, patience_s: float) -> None:
        """Takes no more; after `patience_s` the spool takes the rest. Then everybody has an answer."""
        self._is_stopped = True
        self._is_returning = False
        self._watcher.turned("stopped", "asked to stop")
        self._rounds.plan()
        await self._all_settled(patience_s)
        self._drain.interrupt()
        self._give_up_waiting()
        await self._all_settled(SPOOL_WITHIN_S)
        if self._watch is not None:
            self._watch.cancel()

    # The direct way

    def _has_room(self, size_bytes: int, *, proven: bool) -> bool:
        if self._bytes + size_bytes > self._bytes_max:
            return False
        return proven or self._unproven_bytes + size_bytes <= self._unproven_bytes_max

    def _collect(self) -> None:
        """Before each round."""
        if not self._fresh or self._is_returning:
            return
        if self._mode == "direct" and not self._broker.is_up():
            self._turn_away("kafka is not there")
        fresh, self._fresh = self._fresh, []
        if self._mode == "direct":
            self._sort(fresh)
        else:
            self._keep(fresh)

    def _sort(self, fresh: Iterable[Waiting]) -> None:
        """Into the queue of each record's partition. A topic unknown to Kafka is no reason to turn away."""
        if self._behind:
            self._forget_who_has_caught_up()
        spooled = []
        known: dict[str, list[Queue]] = {}
        for waiting in fresh:
            topic = waiting.record.topic
            queues = known.get(topic)
            if queues is None:
                queues = known[topic] = self._rounds.queues_of(topic)
                if not queues:
                    self._behind.add(Where(topic, NO_PARTITION))
            queue = queues[partition_of(waiting.record.key, len(queues))] if queues else None
            if queue is None or (self._behind and self._is_behind(queue)):
                spooled.append(waiting)
            else:
                self._rounds.put(queue, waiting)
        self._keep(spooled)

    def _forget_who_has_caught_up(self) -> None:
        """A batch that was held back may land after the sweep, and leave nothing for a next one to find."""
        if not self._spool.records and not self._keeping:
            self._behind = {where for where in self._behind if not self._may_be_taken(where)}

    def _is_behind(self, queue: Queue) -> bool:
        return queue.where in self._behind or Where(queue.topic, NO_PARTITION) in self._behind

    def _landed(self, batch: Batch, acknowledged: bool) -> None:
        self._has_answered |= acknowledged
        if isinstance(batch.waiting[0], Spooled):
            self._drain.came_back(batch, acknowledged)
        elif acknowledged:
            self._settle([item for item in batch.waiting if isinstance(item, Waiting)], "kafka")
        else:
            self._keep(_unhandled(batch.waiting))
            self._turn_away("kafka did not take a batch")
        if self._mode == "away" or self._behind:
            self._nudge.set()

    # Away

    def _look_at_the_oldest(self) -> None:
        self._watch = None
        oldest = min((waiting.since for waiting in self._oldest_of_each()), default=None)
        if oldest is None:
            return
        due = oldest + self._patience_s
        if self._loop.time() < due:
            self._watch = self._loop.call_at(due, self._look_at_the_oldest)
        else:
            self._turn_away("kafka did not answer in time")

    def _oldest_of_each(self) -> Iterator[Waiting]:
        yield from self._fresh[:1]
        for queue in self._rounds.every_queue():
            for items in (queue.in_flight.waiting if queue.in_flight else (), queue.waiting):
                yield from _unhandled(item for item, _ in zip(items, range(1), strict=False))

    def _turn_away(self, reason: str) -> None:
        self._is_returning = False
        self._has_answered = False
        self._turn("away", reason)
        self._give_up_waiting()
        self._rounds.release_leaders()

    def _give_up_waiting(self) -> None:
        """Everything queued and in flight to the spool at once; what is in flight stays known until back."""
        waiting = [item for batch in self._rounds.in_flight() for item in _unhandled(batch.waiting)]
        for queue in self._rounds.every_queue():
            waiting.extend(self._rounds.take_out(queue, Waiting))
        waiting.extend(self._fresh)
        self._fresh = []
        self._keep(waiting)

    def _turn(self, mode: Mode, reason: str) -> None:
        if mode != self._mode:
            self._mode = mode
            if not self._is_stopped:
                self._watcher.turned(mode, reason)

    # And back

    def _is_sweep_due(self) -> bool:
        if self._mode == "away":
            return True
        if not self._spool.records or self._spool.trouble is not None:
            return False
        is_late = self._loop.time() - self._swept_at > TRY_HELD_EVERY_S
        return is_late or not self._behind or any(map(self._may_be_taken, self._behind))

    def _may_be_taken(self, where: Where) -> bool:
        queues = self._rounds.queues_of(where.topic)
        if not 0 <= where.partition < len(queues):  # no partition, or one that is gone
            return bool(queues)
        return queues[where.partition].in_flight is None

    async def _catch_up(self) -> None:
        """One sweep through the spool, and back to direct if nothing but what is held back is left."""
        self._turn("away", "records wait in the spool")
        await self._until_nothing_flies()
        await self._drain.begin()
        if self._spool.records or self._keeping:
            while await self._drain.go_on() and self._drain.may_go_on():
                if self._drain.is_near_the_end:
                    break
        self._swept_at = self._loop.time()
        if self._is_stopped or not self._drain.may_go_on():
            return
        self._is_returning = True
        await self._drain_the_rest()
        if self._is_returning and self._drain.may_go_on() and self._is_answering():
            self._turn_direct(self._drain.held)
        self._is_returning = False
        self._rounds.plan()

    def _is_answering(self) -> bool:
        """Something came back since the lane turned away, or nothing is overdue."""
        return self._broker.is_up() and (self._has_answered or not any(self._rounds.in_flight()))

    async def _drain_the_rest(self) -> None:
        """While nothing new is appended, unless the patience ends before."""
        while self._keeping and self._is_returning:
            await self._nudged(self._patience_s)
        if self._spool.records:
            while self._is_returning and await self._drain.go_on() and self._drain.may_go_on():
                pass

    async def _until_nothing_flies(self) -> None:
        """For the patience at most: what does not come back holds its partition."""
        end = self._loop.time() + self._patience_s
        while any(self._rounds.in_flight()) and (left_s := end - self._loop.time()) > 0:
            await self._nudged(left_s)

    def _do_without_spool(self) -> None:
        """It mends itself, and its rows are drained then. Until then Kafka alone must do."""
        self._is_returning = False
        if self._spool.trouble is not None and self._broker.is_up() and not any(self._rounds.in_flight()):
            self._turn_direct(())
        self._rounds.plan()

    def _turn_direct(self, behind: Iterable[Where]) -> None:
        self._behind = set(behind)
        self._turn("direct", "kafka answers")

    async def _nudged(self, within_s: float) -> None:
        timer = self._loop.call_later(within_s, self._nudge.set)
        await self._nudge.wait()
        self._nudge.clear()
        timer.cancel()

    # Telling who waits

    def _keep(self, waiting: Sequence[Waiting]) -> None:
        if waiting:
            for each in waiting:
                each.is_handed_over = True
            self._keeping += 1
            self._spool.append(waiting).add_done_callback(partial(self._kept, waiting))

    def _kept(self, waiting: Sequence[Waiting], done: "asyncio.Future[list[Verdict]]") -> None:
        self._keeping -= 1
        try:
            verdicts = done.result()
        except (SpoolUnavailableError, SpoolRefusedError):
            self._settle(waiting, "nowhere")
        else:
            told = list(zip(waiting, verdicts, strict=True))
            self._settle([each for each, verdict in told if verdict is Verdict.STORED], "spool")
            self._settle([each for each, verdict in told if verdict is not Verdict.STORED], "nowhere")
        self._nudge.set()

    def _settle(self, settled: Iterable[Waiting], place: Place) -> None:
        """Whoever is told already, or does not listen any more, is left alone."""
        count = 0
        for waiting in settled:
            if waiting.is_settled:
                continue
            count += 1
            waiting.is_settled = True
            self._bytes -= waiting.size_bytes
            if not waiting.proven:
                self._unproven_bytes -= waiting.size_bytes
            if not waiting.safe.done():
                waiting.safe.set_result(place)
        self._unsettled -= count
        if count:
            self._watcher.stored(place, count)
        if self._idle is not None and not self._unsettled and not self._idle.done():
            self._idle.set_result(None)

    async def _all_settled(self, within_s: float) -> None:
        if self._unsettled:
            self._idle = self._loop.create_future()
            await asyncio.wait((self._idle,), timeout=within_s)


def _unhandled(items: Iterable[Item]) -> list[Waiting]:
    """Who is neither told yet nor with the spool."""
    return [
        item
        for item in items
        if isinstance(item, Waiting) and not item.is_handed_over and not item.is_settled
    ]
