"""Operations: what was asked of one device in one request, and what became of it (machines.md 2 and 3).

An operation is a function of the set of its events. Nothing depends on their order of arrival: facts are a
set, times are the least, and identity is computed anew from everything the request holds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple

from reconciler.core.effects import needs_target
from reconciler.core.evidence import Evidence, Fact, merged
from reconciler.core.facts import (
    DECIDED_STATES,
    FINAL_STATES,
    SETTLED_STATES,
    SETTLING,
    SUCCESSES,
    Facts,
    State,
    decision_order,
    settled_since,
    undecided_state,
)
from reconciler.core.identity import (
    Device,
    Group,
    action_of,
    by_device,
    by_target,
    group_of,
    intent_of,
    is_about,
    operation_id,
    requested_targets,
    unrequested_target,
)
from schemas.ids import AccountName, Eid, Iccid, IntentId, OperationId, RequestId

DueReason = Literal["conflicted", "last_attempt", "target", "unclear"]
"""Why an operation wants a look at once. (A refused callback wants one too, but is no event.)"""

Outcome = Literal["applied", "repeated", "late", "conflict", "unmatched", "undone_by_decision"]


class Operation(NamedTuple):
    """One operation: a function of the set of its events, enough to fold the profiles of its EID."""

    operation_id: OperationId
    account: AccountName
    request_id: RequestId | None
    intent_id: IntentId | None
    eid: Eid | None
    device: str | None
    """The EID, or the IMEI, MDN or ICCID that stands for it; None where nothing was named."""
    iccid_target: Iccid | None
    action: str | None
    state: State
    final: bool
    facts: tuple[Fact, ...]
    """Sorted; the implied `submitted` included."""
    first_seen_at: datetime
    """The least time observed."""
    settled_at: datetime | None
    """Since when the facts, in the order of their times, say what is final now; None while not final."""
    ordered_at: datetime
    """The least time, requested or observed: the place in operation order."""
    target_known: bool
    needs_target: bool
    """Section 4 cannot do without the target in this state, whether it is known or not."""
    success_iccids: tuple[Iccid, ...]
    """Sorted ICCIDs that the successes which count report: one of them may be the bootstrap's."""
    confirmed: bool
    """It succeeded and a callback or a poll said so, not a decision alone."""
    due_reasons: tuple[DueReason, ...]
    """Sorted. A reason that was not there before is worth one poll at once."""


@dataclass(frozen=True, slots=True)
class Fold:
    """The operations of one request, in operation order, and which of them each event belongs to."""

    operations: tuple[Operation, ...]
    belongs: Mapping[bytes, tuple[OperationId, ...]]
    """By evidence key; the ids in operation order, none where the event is unmatched."""


class _Place(NamedTuple):
    """What the events of an operation have in common."""

    group: Group
    device: Device
    target: Iccid | None
    """The one that request events name; the one of these, where they name several."""
    several: bool


def fold_request(evidence: Iterable[Evidence]) -> Fold:
    """All operations of one request, or of one intent that became none.

    Takes every event of the request, those of its intents included (`identity.gathered` tells which), in any
    order; copies are merged. Where every event of the request names its EID and its request id, those of one
    EID may be folded alone: they give the same operations of that EID.
    """
    rows = _distinct(evidence)
    matched = [row for row in rows if row.request_id is not None or row.intent_id is not None]
    found: list[tuple[Operation, Sequence[Evidence]]] = []
    if matched:
        group = group_of(matched)
        for device, told in by_device(matched).items():
            found.extend((_operation(place, own), own) for place, own in _places(group, device, told))
    if len(found) > 1:
        found.sort(key=lambda pair: operation_order(pair[0]))
    belongs: dict[bytes, tuple[OperationId, ...]] = {row.key: () for row in rows}
    for operation, own in found:
        for row in own:
            belongs[row.key] += (operation.operation_id,)
    return Fold(tuple([operation for operation, _ in found]), belongs)


def _distinct(evidence: Iterable[Evidence]) -> list[Evidence]:
    rows: dict[bytes, Evidence] = {}
    for row in evidence:
        copy = rows.setdefault(row.key, row)
        if copy is not row:
            rows[row.key] = merged(copy, row)
    return list(rows.values())


def _places(
    group: Group, device: Device, told: Sequence[Evidence]
) -> Iterable[tuple[_Place, Sequence[Evidence]]]:
    """The events of one device by target."""
    targets = requested_targets(told)
    if len(targets) < 2:
        return ((_Place(group, device, targets[0] if targets else None, several=False), told),)
    return (
        (_Place(group, device, target, several=True), own) for target, own in by_target(told, targets).items()
    )


def operation_order(operation: Operation) -> tuple[datetime, str, str, str, str, str]:
    """The sort key of operation order; its last part only tells the devices of one request apart."""
    return (
        operation.ordered_at,
        operation.account,
        operation.request_id or "",
        operation.intent_id or "",
        operation.iccid_target or "",
        operation.operation_id,
    )


def _operation(place: _Place, rows: Sequence[Evidence]) -> Operation:
    group, device, target, several = place
    action = action_of(rows)
    if target is None:
        target = unrequested_target(rows, action)
    counted = [_counted(row, action, target, several=several) for row in rows]
    first_at = _first_times(rows, counted)
    with_request = group.scope == "request"
    facts: Facts = frozenset((*first_at, "submitted")) if with_request else frozenset(first_at)
    state, settled_at = _settlement(facts, first_at, rows)
    first_seen_at = min([row.observed_at for row in rows])
    eid = Eid(device.id) if device.kind == "eid" else None
    needs = eid is not None and needs_target(action, state)
    return Operation(
        operation_id=operation_id(group, device, target if several else None),
        account=group.account,
        request_id=RequestId(group.id) if with_request else None,
        intent_id=intent_of(rows),
        eid=eid,
        device=device.id or None,
        iccid_target=target,
        action=action,
        state=state,
        final=state in FINAL_STATES,
        facts=tuple(sorted(facts)),
        first_seen_at=first_seen_at,
        settled_at=settled_at,
        ordered_at=min([row.requested_at for row in rows if row.requested_at is not None] + [first_seen_at]),
        target_known=target is not None,
        needs_target=needs,
        success_iccids=_reported(rows, counted),
        confirmed=state == "succeeded" and not facts.isdisjoint(SUCCESSES),
        due_reasons=_due_reasons(state, rows, lacks_target=needs and target is None) if with_request else (),
    )


Objection = Literal["another_action", "another_iccid", "no_iccid"]
"""Why a success or failure settles nothing here: it names another action or ICCID, or none of several."""


def objection(row: Evidence, action: str | None, target: Iccid | None, *, several: bool) -> Objection | None:
    """What keeps an event from settling the operation of this action and target; None where nothing does."""
    if row.fact not in SETTLING:
        return None
    if row.action is not None and row.action != action:
        return "another_action"
    if is_about(row, target, several=several):
        return None
    return "another_iccid" if row.iccid_named is not None or row.iccid_single else "no_iccid"


def _counted(row: Evidence, action: str | None, target: Iccid | None, *, several: bool) -> Fact:
    """What an event says of an operation: unclear, where a success or failure is about something else."""
    return row.fact if objection(row, action, target, several=several) is None else "unclear"


def _first_times(rows: Sequence[Evidence], counted: Sequence[Fact]) -> dict[Fact, datetime]:
    first_at: dict[Fact, datetime] = {}
    for row, fact in zip(rows, counted, strict=True):
        known = first_at.get(fact)
        if known is None or row.observed_at < known:
            first_at[fact] = row.observed_at
    return first_at


def _settlement(
    facts: Facts, first_at: Mapping[Fact, datetime], rows: Sequence[Evidence]
) -> tuple[State, datetime | None]:
    """The state, and since when, if it is final."""
    if not facts.isdisjoint(DECIDED_STATES):
        latest = max((row for row in rows if row.kind == "decision"), key=decision_order)
        return DECIDED_STATES[latest.fact], latest.observed_at
    state = undecided_state(facts)
    return state, settled_since(state, first_at) if state in FINAL_STATES else None


def _reported(rows: Sequence[Evidence], counted: Sequence[Fact]) -> tuple[Iccid, ...]:
    if "success" not in counted:
        return ()
    said = zip(rows, counted, strict=True)
    return tuple(
        sorted({row.iccid_reported for row, fact in said if fact == "success" and row.iccid_reported})
    )


_LOOK_AT_ONCE: Final[Mapping[State, DueReason]] = {"conflicted": "conflicted", "unclear": "unclear"}


def _due_reasons(state: State, rows: Sequence[Evidence], *, lacks_target: bool) -> tuple[DueReason, ...]:
    """Why to poll at once, beside the schedule; nothing where the operation needs no look at all."""
    final = state in FINAL_STATES
    if final and not lacks_target:
        return ()
    reasons: list[DueReason] = []
    if state in _LOOK_AT_ONCE:
        reasons.append(_LOOK_AT_ONCE[state])
    if not final and any(_was_last_attempt(row) for row in rows):
        reasons.append("last_attempt")
    if lacks_target:
        reasons.append("target")
    return tuple(sorted(reasons))


def _was_last_attempt(row: Evidence) -> bool:
    """Whether ThingSpace will send this warning no more, so that the final may be lost as well."""
    return (
        row.fact == "interim"
        and row.attempt is not None
        and row.attempts_max is not None
        and row.attempt >= row.attempts_max
    )


_OUTCOMES: Final[tuple[Outcome, ...]] = ("conflict", "applied", "undone_by_decision", "late", "repeated")
"""Where an event belongs to several operations, the first of these that it did to one."""


def outcome(
    before: Iterable[Operation], after: Sequence[Operation], evidence: Evidence, *, repeated: bool
) -> Outcome:
    """What an event did on arrival.

    `before`: what its request had, whether the event belongs to it or not; `after`: what the event belongs to
    now. `repeated`: the very event was there.
    """
    if not after:
        return "unmatched"
    if repeated:
        return "repeated"
    were = {operation.operation_id: operation for operation in before}
    several = len(after) > 1
    found = [
        _outcome(
            were.get(now.operation_id), now, _counted(evidence, now.action, now.iccid_target, several=several)
        )
        for now in after
    ]
    return min(found, key=_OUTCOMES.index) if several else found[0]


def _outcome(was: Operation | None, now: Operation, fact: Fact) -> Outcome:
    if was is not None and fact in was.facts and was.state == now.state:
        return "repeated"
    if now.state == "conflicted" and (was is None or was.state != "conflicted"):
        return "conflict"
    settled = SETTLED_STATES.get(fact)
    if settled is None:
        return "late" if was is not None and was.final and now.final else "applied"
    if settled != now.state and not DECIDED_STATES.keys().isdisjoint(now.facts):
        return "undone_by_decision"
    return "applied"
