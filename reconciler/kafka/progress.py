"""Where each partition stands between Kafka and the database: what comes next, what was applied, what waits.

A topic that was made anew has another id. Where Kafka tells none, or none is stored yet, the records tell:
reading goes on one record early, so that the first record read is the one applied last. If it is not, the
topic is another one, or was truncated.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from reconciler.core.batch import Place, Position, TopicId
from reconciler.decode import Decode, KafkaRecord
from reconciler.faults import GapError, RecreatedError


@dataclass(frozen=True, slots=True)
class Fetched:
    """Records in offset order within each place; `starts` as in `Batch`."""

    records: Sequence[KafkaRecord]
    starts: Mapping[Place, int]


@dataclass(frozen=True, slots=True)
class Lag:
    """What is not applied yet: how many records, and for how long the oldest of them has waited."""

    records: int
    seconds: float


NOTHING = Fetched((), {})


def check_topic(place: Place, position: Position, topic_id: TopicId | None) -> None:
    """Raises `RecreatedError` where Kafka's topic is another one of that name."""
    if position.is_of_another(topic_id):
        raise RecreatedError(
            place,
            position.next_offset,
            f"it is another topic of the same name now (id {topic_id}, not {position.topic_id})",
        )


def read_from(place: Place, position: Position, first: int, end: int) -> int:
    """The offset to read from: one early, where there is something to compare with.

    `first` and `end` are the oldest and the next offset of Kafka.
    """
    stored = position.next_offset
    if stored < first:
        raise GapError(place, stored, first)
    if stored > end:
        raise RecreatedError(place, stored, f"Kafka has records only up to {end}")
    return stored if position.last_event_id is None or stored == first else stored - 1


class Progress:
    """Of the partitions that are read; `decode` tells the identity of a record."""

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._next: dict[Place, int] = {}
        self._verify: dict[Place, str] = {}
        self._applied: dict[Place, int] = {}
        self._waiting: dict[Place, list[tuple[int, int]]] = {}

    def clear(self) -> None:
        self._next.clear()
        self._verify.clear()
        self._applied.clear()
        self._waiting.clear()

    def place(self, place: Place, position: Position, read_from: int) -> None:
        """`read_from` is what the function of that name said."""
        self._next[place] = self._applied[place] = position.next_offset
        if position.last_event_id is not None and read_from < position.next_offset:
            self._verify[place] = position.last_event_id

    def taken(self, found: Mapping[Place, Sequence[KafkaRecord]]) -> Fetched:
        """Those that were not applied; raises `RecreatedError` where the one before them is another."""
        records: list[KafkaRecord] = []
        starts: dict[Place, int] = {}
        for place, read in found.items():
            fresh = self._fresh(place, read)
            if fresh:
                starts[place] = self._next[place]
                self._next[place] = fresh[-1].offset + 1
                self._waiting.setdefault(place, []).append((fresh[0].offset, fresh[0].timestamp))
                records.extend(fresh)
        return Fetched(records, starts)

    def _fresh(self, place: Place, read: Sequence[KafkaRecord]) -> Sequence[KafkaRecord]:
        stored = self._next[place]
        expected = self._verify.pop(place, None)
        if expected is not None:
            before = [record for record in read if record.offset == stored - 1]
            if [self._decode(record).identity for record in before] != [expected]:
                raise RecreatedError(place, stored, "the record before it is not the one applied last")
        if read[0].offset >= stored:
            return read
        return [record for record in read if record.offset >= stored]

    def applied(self, ends: Mapping[Place, int]) -> Mapping[Place, int]:
        """Up to these offsets; gives back where all partitions stand now."""
        self._applied.update(ends)
        for place, end in ends.items():
            self._waiting[place] = [first for first in self._waiting.get(place, ()) if first[0] >= end]
        return dict(self._applied)

    def lag(self, highwater: Callable[[Place], int | None], now: float) -> Lag:
        """`highwater` is Kafka's next offset as last heard; `now` is in seconds since 1970."""
        behind = ((highwater(place) or end) - end for place, end in self._applied.items())
        firsts = chain.from_iterable(self._waiting.values())
        oldest_ms = min((timestamp for _, timestamp in firsts), default=None)
        seconds = 0.0 if oldest_ms is None else now - oldest_ms / 1000
        return Lag(sum(max(count, 0) for count in behind), seconds)
