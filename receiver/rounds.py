"""Batches for Kafka: a queue per partition, and rounds of batches to the leaders.

A round takes what waits for one leader and sends it, one batch a partition; a partition's second batch is not
sent before its first is back, so that Kafka's order is ours, and a leader gets its next round when the last
has come back, so that a round grows with the load. Nobody awaits a round: the broker calls back.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, TypeVar

from schemas.record import Record, partition_of

Place = Literal["kafka", "spool", "nowhere"]

BATCH_BYTES_MAX = 120_000
"""Below the producer's own limit by what the framing of a batch may add."""
RECORD_OVERHEAD_BYTES = 640
"""Headers, lengths and time stamps of one record, rounded up."""
RECORDS_PER_TURN = 8
TURNS_MAX = 6
"""Of the loop: after a large round the next one waits that long for company, a lone record not at all."""
NO_PARTITION = -1


class Waiting:
    """A record and who waits for it. `proven`: its origin was checked; what strangers send has less room."""

    __slots__ = ("is_handed_over", "is_settled", "proven", "record", "safe", "since", "size_bytes")
    kind = 0
    """Only records of one kind travel in one batch."""

    def __init__(self, record: Record, safe: asyncio.Future[Place], since: float, proven: bool) -> None:
        self.record = record
        self.safe = safe
        self.since = since
        self.proven = proven
        self.size_bytes = size_of(record)
        self.is_handed_over = False
        self.is_settled = False


class Spooled:
    """A record that is on disk, in the row `id`; nobody waits for it."""

    __slots__ = ("id", "kind", "record", "size_bytes")

    def __init__(self, id_: int, record: Record, *, alone: bool) -> None:
        self.id = id_
        self.record = record
        self.size_bytes = size_of(record)
        self.kind = -id_ if alone else 1


Item = Waiting | Spooled
Kind = TypeVar("Kind", Waiting, Spooled)


class Where(NamedTuple):
    """A partition; `NO_PARTITION` while Kafka knows none of the topic's."""

    topic: str
    partition: int


@dataclass(slots=True, eq=False)
class Batch:
    """Records of one partition, in order, for one request. `refusal`: why Kafka refuses what is in it."""

    topic: str
    partition: int
    leader: int
    waiting: Sequence[Item]
    refusal: str = ""

    @property
    def where(self) -> Where:
        return Where(self.topic, self.partition)


class Broker(Protocol):
    """Kafka, as the rounds need it."""

    def is_up(self) -> bool:
        """False while there is no producer or no metadata."""

    def partitions(self, topic: str) -> int:
        """0 while unknown."""

    def leader(self, topic: str, partition: int) -> int:
        """The node that leads the partition, -1 while unknown."""

    def send(self, batches: Sequence[Batch], back: Callable[[Batch, bool], None]) -> None:
        """Takes one round. `back` is called once per batch, later: True when all replicas have it."""


def size_of(record: Record) -> int:
    return len(record.key) + len(record.value or b"") + RECORD_OVERHEAD_BYTES


@dataclass(slots=True, eq=False)
class Queue:
    """What waits for one partition, and its batch in flight."""

    topic: str
    partition: int
    waiting: deque[Item] = field(default_factory=deque)
    in_flight: Batch | None = None

    @property
    def where(self) -> Where:
        return Where(self.topic, self.partition)


class Rounds:
    def __init__(
        self, broker: Broker, *, collect: Callable[[], None], landed: Callable[[Batch, bool], None]
    ) -> None:
        """`collect` is called before a round and puts what shall travel; `landed` once for each batch that is
        back, when its partition is free again.
        """
        self._broker = broker
        self._collect = collect
        self._landed = landed
        self._loop = asyncio.get_running_loop()
        self._queues: dict[str, list[Queue]] = {}
        self._ready: dict[Queue, None] = {}
        self._busy_leaders: set[int] = set()
        self._is_due = False
        self._last_round = 0

    def queues_of(self, topic: str) -> list[Queue]:
        """One per partition that Kafka has now; none while the topic is unknown."""
        count = self._broker.partitions(topic)
        queues = self._queues.setdefault(topic, [])
        for partition in range(len(queues), count):
            queues.append(Queue(topic, partition))
        return queues if count == len(queues) else queues[:count]

    def queue_of(self, record: Record) -> Queue | None:
        queues = self.queues_of(record.topic)
        return queues[partition_of(record.key, len(queues))] if queues else None

    def queue_at(self, where: Where) -> Queue:
        return self._queues[where.topic][where.partition]

    def put(self, queue: Queue, item: Item) -> None:
        """At its end; `plan` sends it."""
        queue.waiting.append(item)
        self._ready[queue] = None

    def every_queue(self) -> Iterator[Queue]:
        return (queue for queues in self._queues.values() for queue in queues)

    def in_flight(self) -> Iterator[Batch]:
        return (queue.in_flight for queue in self.every_queue() if queue.in_flight is not None)

    def take_out(self, queue: Queue, kind: type[Kind]) -> list[Kind]:
        """Those that wait there; what is in flight stays known until it is back."""
        taken = [item for item in queue.waiting if isinstance(item, kind)]
        queue.waiting = deque(item for item in queue.waiting if not isinstance(item, kind))
        if not queue.waiting:
            self._ready.pop(queue, None)
        return taken

    def release_leaders(self) -> None:
        """What one of their partitions does not take must not hold the others any longer."""
        self._busy_leaders.clear()

    def plan(self) -> None:
        """What arrives together travels together: the larger the last round, the more turns of the loop."""
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._gather, min(self._last_round // RECORDS_PER_TURN, TURNS_MAX))

    def _gather(self, turns: int) -> None:
        if turns:
            self._loop.call_soon(self._gather, turns - 1)
        else:
            self._is_due = False
            self._collect()
            self._send()

    def _send(self) -> None:
        if not self._broker.is_up():
            return
        rounds: dict[int, list[Batch]] = {}
        for queue in [queue for queue in self._ready if queue.in_flight is None]:
            leader = self._broker.leader(queue.topic, queue.partition)
            if leader not in self._busy_leaders:
                rounds.setdefault(leader, []).append(self._cut(queue, leader))
        for leader, batches in rounds.items():
            self._busy_leaders.add(leader)
            self._last_round = sum(len(batch.waiting) for batch in batches)
            self._broker.send(batches, self._came_back)

    def _cut(self, queue: Queue, leader: int) -> Batch:
        """At least one record, at most `BATCH_BYTES_MAX` together."""
        source = queue.waiting
        waiting = [source.popleft()]
        kind, size_bytes = waiting[0].kind, waiting[0].size_bytes
        while source and source[0].kind == kind and size_bytes + source[0].size_bytes <= BATCH_BYTES_MAX:
            size_bytes += source[0].size_bytes
            waiting.append(source.popleft())
        if not source:
            del self._ready[queue]
        queue.in_flight = Batch(queue.topic, queue.partition, leader, waiting)
        return queue.in_flight

    def _came_back(self, batch: Batch, acknowledged: bool) -> None:
        """The leader is free with the first batch of a round: one in trouble must not hold the others."""
        self._queues[batch.topic][batch.partition].in_flight = None
        self._busy_leaders.discard(batch.leader)
        self._landed(batch, acknowledged)
        if self._ready:
            self.plan()
