"""The plan of a transaction: every row to write, in the columns' order, decided before anything is written.

Pure: the time, the heads of the chains, the random salts and the ids of new rows are given. Rows are tuples
as the statements and COPY take them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from reconciler.core import chain
from reconciler.core.batch import Arrived, Batch, Place, Unusable
from reconciler.core.device import ProfileChanges
from reconciler.core.operation import Operation
from reconciler.core.outbox import Versioned, Versions, messages_of, next_version, rows_of, versions_of
from reconciler.core.profile import Profile
from reconciler.core.schedule import DEFAULT, Schedule, is_open, look_for
from reconciler.core.scope import Link
from reconciler.core.settle import Note, Settled, Told
from schemas.event import CallbackEvent, Event
from schemas.ids import OperationId
from schemas.message import Cause

Row = tuple[object, ...]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
COPY_OUTCOME: Final = "copy"
"""Counted for a further copy of an event: it has no row in the audit log, only a delivery."""


class Head(NamedTuple):
    """The end of a partition's audit chain."""

    chain_hash: bytes
    events: int


@dataclass(frozen=True, slots=True)
class Moment:
    """What the transaction gives: its time, the heads of the chains, and 16 random bytes for each record."""

    now: datetime
    heads: Mapping[Place, Head]
    salts: bytes
    schedule: Schedule = DEFAULT


@dataclass(frozen=True, slots=True)
class Counted:
    """What became of a batch, for the metrics."""

    outcomes: Mapping[tuple[str, str], int]
    """Events by kind and outcome."""
    quarantined: int
    ages_s: Sequence[float]
    """From observed to recorded, of each event that is new."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Rows by table; the columns are those of the statement or COPY that takes them."""

    events: Sequence[Row]
    deliveries: Sequence[Row]
    evidence: Sequence[Row]
    evidence_altered: Sequence[Row]
    links: Sequence[Row]
    operations: Sequence[Row]
    operations_changed: Sequence[Row]
    operations_gone: Sequence[OperationId]
    looks: Sequence[Row]
    looks_closed: Sequence[OperationId]
    profiles: Sequence[Row]
    profiles_changed: Sequence[Row]
    profiles_gone: Sequence[int]
    history: Sequence[int]
    """Profiles whose row is recorded anew."""
    history_closed: Sequence[Row]
    outbox: Sequence[Row]
    quarantine: Sequence[Row]
    offsets: Sequence[Row]
    counted: Counted


def plan_of(
    batch: Batch,
    moment: Moment,
    story: Told,
    settled: Settled,
    latest: Mapping[str, int],
    links: Iterable[Link],
    profiles: ProfileChanges,
    profile_ids: Sequence[int],
    cause: Cause = "event",
) -> Plan:
    """`latest` as `reconciler.core.outbox.latest_by_key` tells; `profile_ids`, one for each new profile."""
    now = (moment.now - EPOCH) // MICROSECOND
    heads = dict(moment.heads)
    versions = versions_of(settled, latest, now)
    old, new = _split(settled, versions)
    return Plan(
        events=_event_rows(story.fresh, settled.notes, moment, heads),
        deliveries=[_delivery_row(item, story.differs) for item in batch.items if isinstance(item, Arrived)],
        evidence=[story.evidence[item.evidence.key] for item in story.fresh],
        evidence_altered=story.altered,
        links=sorted(links),
        operations=[(*row, version) for row, version in new],
        operations_changed=[(*_altered(row), version) for row, version in old],
        operations_gone=[row.operation_id for row in settled.gone],
        looks=_look_rows(settled, moment),
        looks_closed=[row.operation_id for row, _ in old if _closes(settled.before[row.operation_id], row)],
        profiles=[(number, *row, now) for number, row in zip(profile_ids, profiles.new, strict=True)],
        profiles_changed=[
            (was.profile_id, *_altered(row), next_version(was, now)) for was, row in profiles.changed
        ],
        profiles_gone=[was.profile_id for was in profiles.gone],
        history=[*profile_ids, *(was.profile_id for was, _ in profiles.changed)],
        history_closed=_closed_rows(profiles, now),
        outbox=rows_of(messages_of(settled, versions, profiles, now, cause)),
        quarantine=_quarantine_rows(batch, moment.now),
        offsets=_offset_rows(batch, heads),
        counted=_counted(batch, story, settled.notes, moment.now),
    )


def _split(settled: Settled, versions: Versions) -> tuple[list[Versioned], list[Versioned]]:
    old: list[Versioned] = []
    new: list[Versioned] = []
    for row in versions.changed:
        (old if row.operation.operation_id in settled.before else new).append(row)
    return old, new


def _event_rows(
    fresh: Sequence[Arrived], notes: Mapping[bytes, Note], moment: Moment, heads: dict[Place, Head]
) -> list[Row]:
    """The audit rows, each linked to its predecessor in the same partition; moves the heads on."""
    rows: list[Row] = []
    for number, item in enumerate(fresh):
        head = heads[item.place]
        values = _event_values(item, notes[item.evidence.key], head.events + 1, moment.now)
        body = _body(item.event, item.value)
        salt = moment.salts[number * chain.SALT_BYTES : (number + 1) * chain.SALT_BYTES]
        digest = chain.digest(salt, body)
        linked = chain.link(head.chain_hash, chain.metadata(values), digest)
        heads[item.place] = Head(linked, head.events + 1)
        rows.append((bytes.fromhex(item.identity), *values[1:], digest, linked, salt, body))
    return rows


def _event_values(item: Arrived, note: Note, position: int, now: datetime) -> tuple[chain.Value, ...]:
    """The values of `chain.COLUMNS`, with the event id still in hex."""
    event, operation = item.event, note.operation
    said = item.evidence
    return (
        item.identity,
        *said[1:11],
        operation and operation.iccid_target,
        *said[11:18],
        event.service if isinstance(event, CallbackEvent) else None,
        event.producer,
        event.rules,
        event.flags,
        note.outcome,
        operation and operation.operation_id,
        item.place.partition,
        item.offset,
        position,
        now,
    )


_BODY: Final = b',"body":'


def _body(event: Event, value: bytes) -> bytes:
    """What ThingSpace sent, cut out of a callback's event where `body` is the last member; else the event.

    Quotes inside JSON strings are escaped, so the mark cannot stand in one.
    """
    if not isinstance(event, CallbackEvent):
        return value
    at = value.find(_BODY)
    return value if at < 0 else value[at + len(_BODY) : -1]


def _delivery_row(item: Arrived, differs: Mapping[tuple[Place, int], str]) -> Row:
    event = item.event
    row = item.evidence
    source_ip = event.source_ip if isinstance(event, CallbackEvent) else None
    return (
        bytes.fromhex(item.identity),
        item.place.partition,
        item.offset,
        row.attempt,
        row.attempts_max,
        source_ip,
        row.observed_at,
        differs.get((item.place, item.offset)),
    )


def _altered(row: Operation | Profile) -> Row:
    """Arrays as their text: `unnest` would flatten an array of arrays."""
    return tuple(array_text(value) if isinstance(value, tuple) else value for value in row)


def array_text(items: Sequence[str]) -> str:
    """A text[] as PostgreSQL reads it from text."""
    quoted = (item.replace("\\", "\\\\").replace('"', '\\"') for item in items)
    return "{" + ",".join(f'"{item}"' for item in quoted) + "}"


def _look_rows(settled: Settled, moment: Moment) -> list[Row]:
    """In the order of the operations' ids."""
    rows: list[Row] = []
    for operation in sorted(settled.changed, key=lambda row: row.operation_id):
        before = settled.before.get(operation.operation_id)
        look = look_for(before, operation, moment.now, moment.schedule)
        if look is not None:
            kept_apart = moment.schedule.apart
            rows.append((look.operation_id, operation.account, look.at, look.reason, kept_apart))
    return rows


def _closes(before: Operation, after: Operation) -> bool:
    return is_open(before) and not is_open(after)


def _closed_rows(profiles: ProfileChanges, now: int) -> list[Row]:
    """History rows that end, each with the microsecond at which it does."""
    ended = [*(was for was, _ in profiles.changed), *profiles.gone]
    return [(was.profile.eid, was.profile_id, next_version(was, now)) for was in ended]


def _quarantine_rows(batch: Batch, now: datetime) -> list[Row]:
    """One row for equal account, reason and bytes, with their number, in the order of the key."""
    copies: Counter[tuple[bytes, str, str | None]] = Counter()
    first: dict[tuple[bytes, str, str | None], Unusable] = {}
    for item in batch.items:
        if isinstance(item, Unusable):
            key = (item.digest, item.reason, item.account)
            copies[key] += 1
            first.setdefault(key, item)
    ordered = sorted(first, key=lambda key: (key[0], key[1], key[2] or ""))
    return [_quarantine_row(first[key], copies[key], now) for key in ordered]


def _quarantine_row(item: Unusable, copies: int, now: datetime) -> Row:
    return (
        item.reason,
        item.account,
        item.request_id,
        item.source_ip,
        item.observed_at,
        item.digest,
        item.content,
        copies,
        item.error,
        item.place.topic,
        item.place.partition,
        item.offset,
        item.key,
        now,
        item.service,
        item.ce_type,
    )


def _offset_rows(batch: Batch, heads: Mapping[Place, Head]) -> list[Row]:
    return [
        (place.topic, place.partition, end.next_offset, end.identity, *heads[place])
        for place, end in batch.ends().items()
    ]


def _counted(batch: Batch, story: Told, notes: Mapping[bytes, Note], now: datetime) -> Counted:
    outcomes: Counter[tuple[str, str]] = Counter()
    for item in story.fresh:
        outcomes[item.evidence.kind, notes[item.evidence.key].outcome] += 1
    for item in story.copies:
        outcomes[item.evidence.kind, COPY_OUTCOME] += 1
    quarantined = len(batch.items) - len(story.fresh) - len(story.copies)
    ages_s = [(now - item.evidence.observed_at).total_seconds() for item in story.fresh]
    return Counted(outcomes, quarantined, ages_s)
