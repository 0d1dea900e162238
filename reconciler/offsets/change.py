"""The deliberate ways past a recreated topic or a gap: what is found, and what a decision would do.

Pure. Nothing here moves an offset; it says where a partition would go on, and what that costs. `run` stops at
what does not fit, so these decisions are a person's.
"""

from dataclasses import dataclass
from typing import Literal

from reconciler.core.batch import Place, Position, TopicId

Found = Literal["fits", "gap", "recreated"]
Decision = Literal["reset", "accept-gap"]


@dataclass(frozen=True, slots=True)
class Stand:
    """One partition: what is stored, and what Kafka has. `end` is the offset that its next record gets."""

    place: Place
    stored: Position
    first: int
    end: int
    before: str | None
    """The identity of the record before the stored offset; None where Kafka has none there."""
    topic_id: TopicId | None = None
    """Of the topic that Kafka has now; None where Kafka tells none."""

    @property
    def found(self) -> Found:
        """As `run` judges when it is given the partition (`reconciler.kafka.progress`)."""
        stored, last, _ = self.stored
        if self.stored.is_of_another(self.topic_id):
            return "recreated"
        if stored < self.first:
            return "gap"
        if stored > self.end:
            return "recreated"
        compared = last is not None and stored > self.first
        return "recreated" if compared and self.before != last else "fits"


@dataclass(frozen=True, slots=True)
class Change:
    """`missing`: gone from Kafka unapplied, None where nobody can know; `skipped`: passed over on purpose."""

    decision: Decision
    stand: Stand
    offset: int
    missing: int | None
    skipped: int

    @property
    def again(self) -> int:
        """Records of this very topic that will be read a second time."""
        return max(0, self.stand.stored.next_offset - self.offset) if self.stand.found == "fits" else 0

    @property
    def waiting(self) -> int:
        """Records that will be read from there on."""
        return self.stand.end - self.offset


Target = Literal["earliest", "latest"] | int


def reset(stand: Stand, target: Target) -> Change | str:
    """Goes on at `target`; a sentence where Kafka has nothing there."""
    offset = stand.first if target == "earliest" else stand.end if target == "latest" else target
    if not stand.first <= offset <= stand.end:
        return f"Kafka has the offsets {stand.first} to {stand.end}; {offset} is none of them"
    if stand.found == "recreated":
        return Change("reset", stand, offset, None, offset - stand.first)
    stored = stand.stored.next_offset
    missing = max(0, stand.first - stored)
    return Change("reset", stand, offset, missing, max(0, offset - max(stored, stand.first)))


def accept_gap(stand: Stand) -> Change | str:
    """Goes on at the oldest record that Kafka still has; a sentence where there is no gap."""
    if stand.found == "gap":
        return Change("accept-gap", stand, stand.first, stand.first - stand.stored.next_offset, 0)
    if stand.found == "recreated":
        return "this is another topic, not a gap: `profile-reconciler offsets reset` is the way past it"
    return "there is no gap"


def needed(stand: Stand, decision: Decision) -> bool:
    """Whether this decision is the way past what is found."""
    return stand.found == ("recreated" if decision == "reset" else "gap")


_FOUND: dict[Found, str] = {
    "fits": "fits what Kafka has",
    "gap": "the next records to apply were removed from Kafka",
    "recreated": "the topic was made anew or truncated",
}


def described(stand: Stand) -> str:
    return (
        f"{stand.place.topic} partition {stand.place.partition}: next to apply is "
        f"{stand.stored.next_offset}, Kafka has {_offsets(stand.first, stand.end)}; {_FOUND[stand.found]}"
    )


def effects(change: Change) -> list[str]:
    """What a change does, a sentence each."""
    stored = change.stand.stored.next_offset
    said = [f"goes on at offset {change.offset}; {change.waiting} records wait there"]
    if change.missing is None:
        said.append(
            f"whatever the old topic held from offset {stored} on and nobody applied is not in the ledger"
        )
    elif change.missing:
        said.append(f"{change.missing} records, {_offsets(stored, stored + change.missing)}, are lost to it")
    if change.skipped:
        said.append(f"{change.skipped} records that Kafka has are passed over and never applied")
    if change.again:
        said.append(f"{change.again} records are read again, which changes no state: their events are known")
    return said


def _offsets(first: int, end: int) -> str:
    if first == end:
        return f"no record (the next gets {end})"
    return f"offset {first}" if end == first + 1 else f"offsets {first} to {end - 1}"
