"""The receiver's one way out: a record goes in, and the place where it is safe comes back.

*Direct*: records wait in a queue per partition. A round takes what waits for one leader and sends it, one
batch a partition; a partition's second batch is not sent before its first is back, so that Kafka's order is
ours, and a leader gets its next round when the last has come back, so that a round grows with the load.
Nobody awaits a round: the broker calls back, and each waiting request is told.

*Away*: when the oldest record has waited longer than the patience, or Kafka is not there, everything queued
and in flight goes to the spool at once, and so does every new record, so that answers stay fast. What is in
flight may still reach Kafka: the record is there twice then, with the same event id, and the ledger takes it
once. The lane is direct again when nothing is overdue.

All methods belong to the event loop's thread and none of them waits, `stop` excepted.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from schemas.record import Record, partition_of

Place = Literal["kafka", "spool", "nowhere"]
Mode = Literal["direct", "away", "stopped"]

BATCH_BYTES_MAX = 120_000
"""Below the producer's own limit by what the framing of a batch may add."""
RECORD_OVERHEAD_BYTES = 640
"""Headers, lengths and time stamps of one record, rounded up."""
UNPROVEN_SHARE = 0.05
RECORDS_PER_TURN = 8
TURNS_MAX = 6
"""Of the loop: after a large round the next one waits that long for company, a lone record not at all."""


class Waiting:
    """A record and who waits for it. `proven`: its origin was checked; what strangers send has less room."""

    __slots__ = ("proven", "record", "safe", "since", "size_bytes")

    def __init__(self, record: Record, safe: asyncio.Future[Place], since: float, proven: bool) -> None:
        self.record = record
        self.safe = safe
        self.since = since
        self.proven = proven
        self.size_bytes = len(record.key) + len(record.value or b"") + RECORD_OVERHEAD_BYTES


@dataclass(slots=True, eq=False)
class Batch:
    """Records of one partition, in order, for one request."""

    topic: str
    partition: int
    leader: int
    waiting: list[Waiting]


class Broker(Protocol):
    """Kafka, as the lane needs it."""

    def is_up(self) -> bool:
        """False while there is no producer or no metadata."""

    def partitions(self, topic: str) -> int:
        """0 while unknown."""

    def leader(self, topic: str, partition: int) -> int:
        """The node that leads the partition, -1 while unknown."""

    def send(self, batches: Sequence[Batch], back: Callable[[Batch, bool], None]) -> None:
        """Takes one round. `back` is called once per batch, later: True when all replicas have it."""


class Spool(Protocol):
    """The disk queue, as the lane needs it."""

    def can_store(self) -> bool: ...

    def keep(self, waiting: Sequence[Waiting], back: Callable[[Sequence[Waiting], bool], None]) -> None:
        """`back` is called once, now or later: True when all of them are on disk."""


class Watcher(Protocol):
    """Who counts and logs what the lane does."""

    def stored(self, place: Place, count: int) -> None: ...

    def turned(self, mode: Mode, reason: str) -> None: ...


class NoSpool:
    """What Kafka does not take is not stored."""

    def can_store(self) -> bool:
        return False

    def keep(self, waiting: Sequence[Waiting], back: Callable[[Sequence[Waiting], bool], None]) -> None:
        back(waiting, False)


@dataclass(slots=True, eq=False)
class _Queue:
    """What waits for one partition, and its batch in flight."""

    topic: str
    partition: int
    waiting: deque[Waiting] = field(default_factory=deque)
    in_flight: Batch | None = None


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
        self._mode: Mode = "direct" if broker.is_up() else "away"
        self._fresh: list[Waiting] = []
        self._queues: dict[str, list[_Queue]] = {}
        self._ready: dict[_Queue, None] = {}
        self._busy_leaders: set[int] = set()
        self._bytes = 0
        self._unproven_bytes = 0
        self._unsettled = 0
        self._round_due = False
        self._last_round = 0
        self._watch: asyncio.TimerHandle | None = None
        self._idle: asyncio.Future[None] | None = None

    def submit(self, record: Record, *, proven: bool = True) -> asyncio.Future[Place]:
        """The future always gets a result, within the patience and the time the spool takes."""
        waiting = Waiting(record, self._loop.create_future(), self._loop.time(), proven)
        if not self._has_room(waiting):
            self._watcher.stored("nowhere", 1)
            waiting.safe.set_result("nowhere")
            return waiting.safe
        self._unsettled += 1
        self._bytes += waiting.size_bytes
        if not proven:
            self._unproven_bytes += waiting.size_bytes
        if self._mode == "direct":
            self._fresh.append(waiting)
            self._plan_round()
        else:
            self._spool.keep((waiting,), self._kept)
        return waiting.safe

    def can_store(self) -> bool:
        """What "ready" means."""
        if self._mode == "direct":
            return self._broker.is_up() or self._spool.can_store()
        return self._mode == "away" and self._spool.can_store()

    def broker_changed(self) -> None:
        """Kafka came or went."""
        if self._mode == "direct" and not self._broker.is_up():
            self._turn_away("kafka is not there")
        elif self._mode == "away":
            self._turn_back()

    async def stop(self, patience_s: float) -> None:
        """Takes no more; returns when all who wait have their answer, after `patience_s` at the latest."""
        self._turn("stopped", "asked to stop")
        if self._unsettled:
            self._idle = self._loop.create_future()
            await asyncio.wait((self._idle,), timeout=patience_s)
        self._give_up_waiting()
        if self._watch is not None:
            self._watch.cancel()

    # The direct way

    def _has_room(self, waiting: Waiting) -> bool:
        if self._mode == "stopped" or self._bytes + waiting.size_bytes > self._bytes_max:
            return False
        return waiting.proven or self._unproven_bytes + waiting.size_bytes <= self._unproven_bytes_max

    def _plan_round(self) -> None:
        """What arrives together travels together: the larger the last round, the more turns of the loop."""
        if not self._round_due:
            self._round_due = True
            self._loop.call_soon(self._gather, min(self._last_round // RECORDS_PER_TURN, TURNS_MAX))
        if self._watch is None:
            self._watch = self._loop.call_later(self._patience_s, self._look_at_the_oldest)

    def _gather(self, turns: int) -> None:
        if turns:
            self._loop.call_soon(self._gather, turns - 1)
        else:
            self._round_due = False
            self._send_rounds()

    def _send_rounds(self) -> None:
        if not self._broker.is_up():
            if self._mode == "direct":
                self._turn_away("kafka is not there")
            return
        self._sort_fresh()
        rounds: dict[int, list[Batch]] = {}
        for queue in [queue for queue in self._ready if queue.in_flight is None]:
            leader = self._broker.leader(queue.topic, queue.partition)
            if leader not in self._busy_leaders:
                rounds.setdefault(leader, []).append(self._cut_batch(queue, leader))
        for leader, batches in rounds.items():
            self._busy_leaders.add(leader)
            self._last_round = sum(len(batch.waiting) for batch in batches)
            self._broker.send(batches, self._came_back)

    def _sort_fresh(self) -> None:
        """Into the queue of each record's partition. A topic unknown to Kafka is no reason to turn away."""
        fresh, self._fresh = self._fresh, []
        homeless = []
        known: dict[str, list[_Queue]] = {}
        for waiting in fresh:
            topic = waiting.record.topic
            queues = known.get(topic)
            if queues is None:
                queues = known[topic] = self._queues_of(topic)
            if queues:
                queue = queues[partition_of(waiting.record.key, len(queues))]
                queue.waiting.append(waiting)
                self._ready[queue] = None
            else:
                homeless.append(waiting)
        if homeless:
            self._spool.keep(homeless, self._kept)

    def _queues_of(self, topic: str) -> list[_Queue]:
        """One per partition; more when Kafka has more, never fewer."""
        queues = self._queues.setdefault(topic, [])
        for partition in range(len(queues), self._broker.partitions(topic)):
            queues.append(_Queue(topic, partition))
        return queues

    def _cut_batch(self, queue: _Queue, leader: int) -> Batch:
        """At least one record, at most `BATCH_BYTES_MAX` together."""
        waiting = [queue.waiting.popleft()]
        size_bytes = waiting[0].size_bytes
        while queue.waiting and size_bytes + queue.waiting[0].size_bytes <= BATCH_BYTES_MAX:
            size_bytes += queue.waiting[0].size_bytes
            waiting.append(queue.waiting.popleft())
        if not queue.waiting:
            del self._ready[queue]
        queue.in_flight = Batch(queue.topic, queue.partition, leader, waiting)
        return queue.in_flight

    def _came_back(self, batch: Batch, acknowledged: bool) -> None:
        """The leader is free with the first batch of a round: one in trouble must not hold the others."""
        self._queues[batch.topic][batch.partition].in_flight = None
        self._busy_leaders.discard(batch.leader)
        if acknowledged:
            self._settle(batch.waiting, "kafka")
        else:
            self._keep([waiting for waiting in batch.waiting if not waiting.safe.done()])
        if self._ready:
            self._plan_round()
        if self._mode == "away":
            self._turn_back()

    # Away and back

    def _look_at_the_oldest(self) -> None:
        self._watch = None
        if self._mode == "away":
            self._turn_back()
            return
        oldest = min((waiting.since for waiting in self._oldest_of_each()), default=None)
        if oldest is None:
            return
        due = oldest + self._patience_s
        if self._loop.time() < due:
            self._watch = self._loop.call_at(due, self._look_at_the_oldest)
        elif self._mode == "direct":
            self._turn_away("kafka did not answer in time")

    def _oldest_of_each(self) -> Iterator[Waiting]:
        yield from self._fresh[:1]
        for queue in self._every_queue():
            if queue.in_flight is not None:
                yield queue.in_flight.waiting[0]
            elif queue.waiting:
                yield queue.waiting[0]

    def _every_queue(self) -> Iterable[_Queue]:
        return (queue for queues in self._queues.values() for queue in queues)

    def _turn_away(self, reason: str) -> None:
        self._turn("away", reason)
        self._give_up_waiting()

    def _give_up_waiting(self) -> None:
        """Everything queued and in flight to the spool at once; what is in flight stays known until back."""
        waiting = self._fresh
        self._fresh = []
        for queue in self._every_queue():
            if queue.in_flight is not None:
                waiting.extend(each for each in queue.in_flight.waiting if not each.safe.done())
            waiting.extend(queue.waiting)
            queue.waiting.clear()
        self._ready.clear()
        self._keep(waiting)

    def _turn_back(self) -> None:
        overdue = any(queue.in_flight is not None for queue in self._every_queue())
        if self._broker.is_up() and not overdue:
            self._turn("direct", "kafka answers")

    def _turn(self, mode: Mode, reason: str) -> None:
        if mode != self._mode:
            self._mode = mode
            self._watcher.turned(mode, reason)

    # Telling who waits

    def _keep(self, waiting: Sequence[Waiting]) -> None:
        if waiting:
            self._spool.keep(waiting, self._kept)

    def _kept(self, waiting: Sequence[Waiting], on_disk: bool) -> None:
        self._settle(waiting, "spool" if on_disk else "nowhere")

    def _settle(self, settled: Sequence[Waiting], place: Place) -> None:
        count = 0
        for waiting in settled:
            if waiting.safe.done():
                continue
            count += 1
            waiting.safe.set_result(place)
            self._bytes -= waiting.size_bytes
            if not waiting.proven:
                self._unproven_bytes -= waiting.size_bytes
        self._unsettled -= count
        if count:
            self._watcher.stored(place, count)
        if self._idle is not None and not self._unsettled and not self._idle.done():
            self._idle.set_result(None)
