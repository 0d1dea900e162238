"""Why an operation stands where it stands: its events put in order, each with what it counted for and why.

Pure. Nothing is decided here: the fold, the table of states and the rule of what counts are asked again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from reconciler.audit.overdue import facts_of
from reconciler.audit.stories import EventStory, OperationStory, RequestStory, Row
from reconciler.core.evidence import KEY_BYTES, Evidence
from reconciler.core.facts import deciding_row
from reconciler.core.operation import Objection, objection
from reconciler.explain.next import next_step
from reconciler.explain.words import outcome_words, said_by, unclear_words
from schemas.ids import Iccid


@dataclass(frozen=True, slots=True)
class Said:
    """One event, and what it said of this operation."""

    at: datetime
    kind: str
    fact: str
    says: str
    source: str
    outcome: str
    event_id: str
    unclear: str | None
    """Why it settled nothing although it came as an answer; None where it counted as what it is."""


@dataclass(frozen=True, slots=True)
class Became:
    """A profile of the operation's EID as it stands now."""

    iccid: str | None
    bootstrap: bool
    state: str
    possible_states: Sequence[str]
    certainty: str
    suspended: bool
    by_this: bool
    """This operation is the last one that changed it."""


@dataclass(frozen=True, slots=True)
class Explained:
    """`row_number` and `row_words`: the row of the table of states that decided."""

    operation: Row
    row_number: int
    row_words: str
    asked: tuple[Said, ...]
    arrived: tuple[Said, ...]
    polled: tuple[Said, ...]
    decided: tuple[Said, ...]
    profiles: tuple[Became, ...]
    next: str

    @property
    def unclear(self) -> tuple[Said, ...]:
        """The answers that counted as unclear."""
        return tuple(said for said in (*self.arrived, *self.polled) if said.unclear is not None)


PARTS: Final[Mapping[str, str]] = {
    "request": "asked",
    "callback": "arrived",
    "poll": "polled",
    "decision": "decided",
}


def explained(
    story: RequestStory, evidence: Iterable[Evidence], profiles: Mapping[str, Sequence[Row]], now: datetime
) -> tuple[Explained, ...]:
    """`profiles` by EID."""
    rows = {row.key: row for row in evidence}
    return tuple(_explained(told, story, rows, profiles, now) for told in story.operations)


def _explained(
    told: OperationStory,
    story: RequestStory,
    rows: Mapping[bytes, Evidence],
    profiles: Mapping[str, Sequence[Row]],
    now: datetime,
) -> Explained:
    operation = told.operation
    number, words = deciding_row(facts_of(operation))
    several = _is_one_of_several(operation, story)
    parts: dict[str, list[Said]] = {name: [] for name in PARTS.values()}
    for event in sorted(told.events, key=_observed_at):
        row = rows.get(bytes.fromhex(str(event.event["event_id"]))[:KEY_BYTES])
        parts[PARTS[str(event.event["kind"])]].append(_said(event, row, operation, several=several))
    return Explained(
        operation=operation,
        row_number=number,
        row_words=words,
        profiles=tuple(_became(row, operation) for row in profiles.get(str(operation["eid"]), ())),
        next=next_step(operation, now),
        **{name: tuple(said) for name, said in parts.items()},
    )


def _observed_at(event: EventStory) -> datetime:
    at = event.event["observed_at"]
    assert isinstance(at, datetime)
    return at


def _is_one_of_several(operation: Row, story: RequestStory) -> bool:
    """Operations of one device in one request are told apart by their targets, and by nothing else."""
    place = (operation["account"], operation["device"])
    return (
        sum((told.operation["account"], told.operation["device"]) == place for told in story.operations) > 1
    )


def _said(event: EventStory, row: Evidence | None, operation: Row, *, several: bool) -> Said:
    says, source = said_by(event, operation)
    return Said(
        at=_observed_at(event),
        kind=str(event.event["kind"]),
        fact=str(event.event["fact"]),
        says=says,
        source=source,
        outcome=outcome_words(str(event.event["outcome"])),
        event_id=str(event.event["event_id"]),
        unclear=unclear_words(event, operation, _objection(row, operation, several=several)),
    )


def _objection(row: Evidence | None, operation: Row, *, several: bool) -> Objection | None:
    if row is None:
        return None
    action, target = operation["action"], operation["iccid_target"]
    return objection(
        row,
        None if action is None else str(action),
        None if target is None else Iccid(str(target)),
        several=several,
    )


def _became(row: Row, operation: Row) -> Became:
    possible = row["possible_states"]
    assert isinstance(possible, list)
    return Became(
        iccid=None if row["iccid"] is None else str(row["iccid"]),
        bootstrap=bool(row["bootstrap"]),
        state=str(row["state"]),
        possible_states=possible,
        certainty=str(row["certainty"]),
        suspended=bool(row["suspended"]),
        by_this=row["operation_id"] == operation["operation_id"],
    )
