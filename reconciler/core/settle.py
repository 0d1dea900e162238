"""What the events of a batch do to the operations of its units, and what each did when it arrived.

The operations are the fold of all events; they do not depend on the order. The notes do: an event that
arrived together with others of its unit is noted as if each had come alone, one after the other.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from reconciler.core.batch import Arrived, Place
from reconciler.core.copies import APART, differing
from reconciler.core.evidence import Evidence, merged
from reconciler.core.identity import by_device
from reconciler.core.operation import Fold, Operation, Outcome, fold_request, operation_order, outcome
from reconciler.core.scope import Scope, Unit
from schemas.ids import OperationId, RequestId


class Note(NamedTuple):
    """What an event did, and the first operation in operation order that it belongs to."""

    outcome: Outcome
    operation: Operation | None


UNMATCHED = Note("unmatched", None)


@dataclass(frozen=True, slots=True)
class Told:
    """The batch's events beside what is stored: each distinct event once."""

    fresh: tuple[Arrived, ...]
    """The first copies, in the order of their arrival."""
    copies: tuple[Arrived, ...]
    """All others."""
    evidence: Mapping[bytes, Evidence]
    """By key: stored and new, copies merged."""
    altered: tuple[Evidence, ...]
    """Stored rows that a copy changed."""
    differs: Mapping[tuple[Place, int], str] = field(default_factory=dict)
    """By place and offset of a copy: what it changed beside time and attempts (`reconciler.core.copies`)."""


@dataclass(frozen=True, slots=True)
class Settled:
    """`before` has the stored operation, where there is one, of each of `changed`."""

    notes: Mapping[bytes, Note]
    """By evidence key, for every fresh event."""
    changed: tuple[Operation, ...]
    gone: tuple[Operation, ...]
    before: Mapping[OperationId, Operation]


def told(arrived: Iterable[Arrived], stored: Iterable[Evidence]) -> Told:
    """Joins the copies of each event, within the batch and with what is stored.

    Copies that were read by different releases may disagree on what the event names. It stays where its first
    copy put it, because only that place is locked for certain.
    """
    rows = {row.key: row for row in stored}
    known = frozenset(rows)
    fresh: list[Arrived] = []
    copies: list[Arrived] = []
    altered: dict[bytes, Evidence] = {}
    differs: dict[tuple[Place, int], str] = {}
    for item in arrived:
        row = item.evidence
        before = rows.get(row.key)
        if before is None:
            rows[row.key] = row
            fresh.append(item)
            continue
        copies.append(item)
        if (before.request_id, before.intent_id, before.eid) != (row.request_id, row.intent_id, row.eid):
            differs[item.place, item.offset] = APART
            continue
        after = merged(before, row)
        if after != before:
            rows[row.key] = after
            if row.key in known:
                altered[row.key] = after
            if (said := differing(before, row, after)) is not None:
                differs[item.place, item.offset] = said
    return Told(tuple(fresh), tuple(copies), rows, tuple(altered.values()), differs)


def settle(scope: Scope, story: Told, stored: Iterable[Operation]) -> Settled:
    """Folds every unit. `stored` are the operations of the units as they stand in the table."""
    before_of: dict[Unit, list[Operation]] = {}
    for operation in stored:
        before_of.setdefault(scope.unit_of(operation), []).append(operation)
    rows_of = _rows_of(scope, story.evidence.values())
    fresh_of = _rows_of(scope, (item.evidence for item in story.fresh))
    notes: dict[bytes, Note] = {}
    changed: list[Operation] = []
    gone: list[Operation] = []
    before: dict[OperationId, Operation] = {}
    for unit in scope.units:
        was = before_of.get(unit, [])
        rows = rows_of.get(unit, [])
        fold = fold_request(rows)
        for key, note in _notes(was, rows, fresh_of.get(unit, []), fold):
            notes[key] = _first(notes.get(key), note)
        if not was:
            changed.extend(fold.operations)
            continue
        is_now = {operation.operation_id: operation for operation in fold.operations}
        for operation in was:
            if operation.operation_id not in is_now:
                gone.append(operation)
            elif is_now[operation.operation_id] == operation:
                del is_now[operation.operation_id]
            else:
                before[operation.operation_id] = operation
        changed.extend(is_now.values())
    return Settled(notes, tuple(changed), tuple(gone), before)


def _rows_of(scope: Scope, evidence: Iterable[Evidence]) -> dict[Unit, list[Evidence]]:
    """By unit of the batch. What an intent says is counted as said of the request that it became."""
    rows_of: dict[Unit, list[Evidence]] = {}
    for row in evidence:
        for unit in scope.units_of(row):
            if unit in scope.units:
                if row.request_id is None and unit.group.scope == "request":
                    row_here = row._replace(request_id=RequestId(unit.group.id))
                    rows_of.setdefault(unit, []).append(row_here)
                else:
                    rows_of.setdefault(unit, []).append(row)
    return rows_of


def _notes(
    was: Sequence[Operation], rows: Sequence[Evidence], fresh: Sequence[Evidence], fold: Fold
) -> Iterable[tuple[bytes, Note]]:
    if len(fresh) == 1:
        return [(fresh[0].key, _note(was, fold, fresh[0]))]
    return _notes_one_by_one(rows, fresh, fold)


def _notes_one_by_one(
    rows: Sequence[Evidence], fresh: Sequence[Evidence], of_all: Fold
) -> Iterable[tuple[bytes, Note]]:
    """Device by device, so that a bulk request is not folded as a whole for each of its events."""
    place = {row.key: at for at, row in enumerate(fresh)}
    for of_device in by_device(rows).values():
        new = sorted((row for row in of_device if row.key in place), key=lambda row: place[row.key])
        if not new:
            continue
        arrived = [row for row in of_device if row.key not in place]
        fold = fold_request(arrived)
        for row in new:
            arrived.append(row)
            was, fold = fold.operations, of_all if len(arrived) == len(rows) else fold_request(arrived)
            yield row.key, _note(was, fold, row)


def _note(was: Sequence[Operation], fold: Fold, row: Evidence) -> Note:
    own = fold.belongs[row.key]
    if not own:
        return UNMATCHED
    after = [operation for operation in fold.operations if operation.operation_id in own]
    return Note(outcome(was, after, row, repeated=False), after[0])


def _first(one: Note | None, other: Note) -> Note:
    """Of an event that belongs to several requests: the note of the operation that comes first."""
    if one is None or one.operation is None:
        return other
    if other.operation is None or operation_order(one.operation) <= operation_order(other.operation):
        return one
    return other
