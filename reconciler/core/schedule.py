"""When to ask ThingSpace about an operation (machines.md 3, "When to look again")."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from reconciler.core.operation import DueReason, Operation
from schemas.ids import OperationId

GIVEN_UP_AFTER: Final = timedelta(days=30)
"""Since an operation is first known; it is then `abandoned`, and nobody asks any more."""

APART: Final = timedelta(seconds=30)
"""Two polls of one operation are at least this far apart, whatever asks for them."""

JITTER: Final = 0.1
"""A look comes up to this part of its step later, so that a bulk request is not polled in one second."""

_HOURS: Final = tuple(timedelta(hours=hour) for hour in range(1, 25))
_DAYS: Final = tuple(timedelta(days=day) for day in range(2, 31))
STEPS: Final = (timedelta(minutes=5), timedelta(minutes=15), *_HOURS, *_DAYS)
"""The default schedule, counted from when the operation was first known."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """`steps` rise, and count from when an operation was first known."""

    steps: tuple[timedelta, ...] = STEPS
    apart: timedelta = APART


DEFAULT: Final = Schedule()


@dataclass(frozen=True, slots=True)
class Look:
    """The next poll of an operation. `reason` is set where something new asks for it at once."""

    operation_id: OperationId
    at: datetime
    reason: DueReason | None


def is_open(operation: Operation | None) -> bool:
    """Whether a poll could tell anything: not final, or without the target that its effect needs."""
    if operation is None or operation.request_id is None:
        return False
    return not operation.final or (operation.needs_target and not operation.target_known)


def look_for(
    before: Operation | None, after: Operation, now: datetime, schedule: Schedule = DEFAULT
) -> Look | None:
    """What a change of an operation does to its schedule: None where that stays as it is.

    A reason that was there before is no news; a first step that is past already is due now.
    """
    if not is_open(after) or after.first_seen_at + GIVEN_UP_AFTER < now:
        return None
    known = before.due_reasons if before is not None else ()
    news = [reason for reason in after.due_reasons if reason not in known]
    if news:
        return Look(after.operation_id, now, news[0])
    if is_open(before):
        return None
    return Look(
        after.operation_id, after.first_seen_at + _jittered(schedule.steps[0], after.operation_id), None
    )


def look_after(
    asked_at: datetime, operation_id: OperationId, first_known: datetime, schedule: Schedule = DEFAULT
) -> datetime | None:
    """The next look by the schedule after a poll at `asked_at`; None where the operation is given up before.

    Steps that went by while nobody asked are not made up for.
    """
    looks = (first_known + _jittered(step, operation_id) for step in schedule.steps)
    at = next((look for look in looks if look >= asked_at + schedule.apart), None)
    return at if at is not None and at < first_known + GIVEN_UP_AFTER else None


def look_at_once(now: datetime, asked_at: datetime | None, schedule: Schedule = DEFAULT) -> datetime:
    """When a look that is wanted at once may be taken."""
    return now if asked_at is None else max(now, asked_at + schedule.apart)


def _jittered(step: timedelta, operation_id: OperationId) -> timedelta:
    """The same for the same operation: drawn from its id, which is a hash."""
    return step * (1 + JITTER * int(operation_id[:4], 16) / 0xFFFF)
