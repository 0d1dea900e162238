"""A batch: decoded records in the order of their arrival, and where each partition stood before them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, NewType

from reconciler.core.evidence import Evidence
from schemas.event import Event
from schemas.ids import EventId

TopicId = NewType("TopicId", str)
"""Which of all topics that ever had its name a topic is, as Kafka's own tools write it."""


class Place(NamedTuple):
    """A partition of a topic; orders as the rows of `ledger.consumer_offset` are locked."""

    topic: str
    partition: int


class Position(NamedTuple):
    """What is stored of a partition; None where there is nothing to compare with."""

    next_offset: int
    last_event_id: str | None
    topic_id: TopicId | None = None

    def is_of_another(self, topic_id: TopicId | None) -> bool:
        """Whether the topic that Kafka has now is certainly not the one this was stored of."""
        return None not in (self.topic_id, topic_id) and self.topic_id != topic_id


class Arrived(NamedTuple):
    """A record that is an event."""

    place: Place
    offset: int
    identity: EventId
    event: Event
    evidence: Evidence
    value: bytes
    """The event as it stood in the record."""
    key: bytes | None


@dataclass(frozen=True, slots=True)
class Unusable:
    """A record that becomes a row of the quarantine."""

    place: Place
    offset: int
    identity: str
    reason: str
    account: str | None
    request_id: str | None
    source_ip: str | None
    observed_at: datetime | None
    content: bytes
    """Scrubbed; empty where no secret could be excluded."""
    digest: bytes
    """SHA-256 of the content, or what stands for it where that is empty."""
    error: str | None
    key: bytes | None
    service: str | None = None
    ce_type: str | None = None
    """The record's header, without which a replay might take one version of an event for another."""


Item = Arrived | Unusable


class End(NamedTuple):
    """Where a partition stands after a batch: the next offset, and the identity of the record before it."""

    next_offset: int
    identity: str


@dataclass(frozen=True, slots=True)
class Batch:
    """`items` are in offset order within each place; `starts` holds the places that have items, no other."""

    items: tuple[Item, ...]
    starts: Mapping[Place, int]

    def ends(self) -> dict[Place, End]:
        """By place, in the order in which the offset rows are locked."""
        last = {item.place: item for item in self.items}
        return {place: End(last[place].offset + 1, last[place].identity) for place in sorted(last)}

    def halves(self) -> tuple["Batch", "Batch"]:
        """The earlier and the later half of the items; for a batch of two items at least."""
        middle = len(self.items) // 2
        earlier, later = self.items[:middle], self.items[middle:]
        first = Batch(earlier, self._starts_of(earlier))
        between = {place: end.next_offset for place, end in first.ends().items()}
        return first, Batch(later, {**self._starts_of(later), **_only(between, later)})

    def _starts_of(self, items: tuple[Item, ...]) -> dict[Place, int]:
        return _only(self.starts, items)


def _only(offsets: Mapping[Place, int], items: tuple[Item, ...]) -> dict[Place, int]:
    places = {item.place for item in items}
    return {place: offset for place, offset in offsets.items() if place in places}
