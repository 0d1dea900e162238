"""Stand-ins for what the lane speaks to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from receiver.lane import Batch, Mode, Place, Waiting
from schemas.record import Record

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
