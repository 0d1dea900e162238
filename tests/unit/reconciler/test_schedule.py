"""When an operation is looked at: by the schedule, or at once for a new reason."""

from datetime import timedelta

import pytest

from reconciler.core.operation import Operation
from reconciler.core.schedule import GIVEN_UP_AFTER, STEPS, is_open, look_for
from tests.unit.core.tell import START, X, callback, operation, poll, request

SUBMITTED = operation(request("announced", action="delete", iccid=X))
DONE = operation(request("announced", action="delete", iccid=X), callback("success"))
UNCLEAR = operation(request("announced", action="delete", iccid=X), callback("unclear"))
WITHOUT_TARGET = operation(callback("success", action="delete"))
INTENDED = operation(request("intended", request=None, intent="I", action="delete", iccid=X))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (SUBMITTED, True),
        (UNCLEAR, True),
        (WITHOUT_TARGET, True),
        (DONE, False),
        (INTENDED, False),
        (None, False),
    ],
    ids=["submitted", "unclear", "without target", "done", "without request id", "none"],
)
def test_open_is_what_a_poll_could_tell_something_about(found: Operation | None, expected: bool) -> None:
    assert is_open(found) is expected


def test_a_new_open_operation_is_looked_at_after_the_first_step_with_some_jitter() -> None:
    look = look_for(None, SUBMITTED, START)
    assert look is not None and look.reason is None
    assert START + STEPS[0] <= look.at <= START + STEPS[0] * 1.1
    assert look_for(None, SUBMITTED, START) == look


def test_the_first_step_counts_from_when_it_was_known_also_where_that_is_past() -> None:
    look = look_for(None, SUBMITTED, START + timedelta(days=1))
    assert look is not None and look.at < START + timedelta(hours=1)


def test_a_new_reason_asks_at_once_and_only_once() -> None:
    now = START + timedelta(minutes=1)
    look = look_for(SUBMITTED, UNCLEAR, now)
    assert look is not None and (look.at, look.reason) == (now, "unclear")
    again = operation(
        request("announced", action="delete", iccid=X), callback("unclear"), poll("poll_pending", iccid=X)
    )
    assert look_for(UNCLEAR, again, now) is None


def test_a_change_without_a_reason_leaves_the_schedule_alone() -> None:
    warned = operation(request("announced", action="delete", iccid=X), callback("interim"))
    assert look_for(SUBMITTED, warned, START) is None


def test_a_settled_operation_is_not_looked_at() -> None:
    assert look_for(SUBMITTED, DONE, START) is None


def test_nobody_asks_after_thirty_days() -> None:
    assert look_for(None, SUBMITTED, START + GIVEN_UP_AFTER + timedelta(seconds=1)) is None


def test_the_steps_rise_to_thirty_days() -> None:
    assert list(STEPS) == sorted(STEPS)
    assert (STEPS[0], STEPS[1], STEPS[2]) == (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
    assert STEPS[-1] == GIVEN_UP_AFTER


def test_an_operation_of_another_time_has_the_same_jitter() -> None:
    later = SUBMITTED._replace(first_seen_at=START + timedelta(days=1))
    one, other = look_for(None, SUBMITTED, START), look_for(None, later, START)
    assert one is not None and other is not None
    assert other.at - one.at == timedelta(days=1)
