"""When to look again (machines.md 3)."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.schedule import (
    APART,
    GIVEN_UP_AFTER,
    JITTER,
    STEPS,
    is_open,
    look_after,
    look_at_once,
    look_for,
)
from schemas.ids import OperationId
from tests.unit.core.tell import START, X, callback, moment, operation, request

ids = st.uuids().map(lambda uuid: OperationId(str(uuid)))


def test_the_default_schedule_is_early_then_hourly_then_daily() -> None:
    minutes = [step.total_seconds() / 60 for step in STEPS]
    assert minutes[:5] == [5, 15, 60, 120, 180]
    assert (minutes[25], minutes[26], minutes[-1]) == (24 * 60, 48 * 60, 30 * 24 * 60)


@given(ids)
def test_looks_follow_the_steps_until_the_operation_is_given_up(operation_id: OperationId) -> None:
    looks = [START]
    while (at := look_after(looks[-1], operation_id, START)) is not None:
        looks.append(at)
    assert len(looks) in (len(STEPS) - 2, len(STEPS) - 1, len(STEPS))
    for look, step in zip(looks[1:], STEPS, strict=False):
        assert step <= look - START <= step * (1 + JITTER)
    assert looks[-1] < START + GIVEN_UP_AFTER


@given(ids, st.timedeltas(timedelta(), GIVEN_UP_AFTER))
def test_steps_missed_are_not_made_up_for_and_polls_stay_apart(
    operation_id: OperationId, late: timedelta
) -> None:
    asked_at = START + late
    at = look_after(asked_at, operation_id, START)
    assert at is None or at >= asked_at + APART


def test_at_once_is_now_but_apart_from_the_last_poll() -> None:
    assert look_at_once(moment(100), None) == moment(100)
    assert look_at_once(moment(100), moment(90)) == moment(120)
    assert look_at_once(moment(100), moment(10)) == moment(100)


def test_a_new_reason_is_worth_one_look_at_once_and_an_old_one_none() -> None:
    asked = request("announced", iccid=X, action="enable")
    waiting = operation(asked)
    unclear = operation(asked, callback("unclear", at=1))
    settled = operation(asked, callback("success", at=1))
    first = look_for(None, waiting, moment(0))
    assert first is not None
    assert first.reason is None
    assert timedelta(minutes=5) <= first.at - START <= timedelta(minutes=5, seconds=30)
    at_once = look_for(waiting, unclear, moment(9))
    assert at_once is not None
    assert (at_once.at, at_once.reason) == (moment(9), "unclear")
    assert look_for(unclear, unclear, moment(20)) is None
    assert look_for(unclear, settled, moment(20)) is None
    assert look_for(None, unclear, START + GIVEN_UP_AFTER + APART) is None


def test_what_is_final_is_open_only_while_it_lacks_a_target_it_needs() -> None:
    assert is_open(operation(callback("success", action="delete")))
    assert not is_open(operation(callback("success", action="delete", iccid=X)))
    assert not is_open(operation(request("intended", request=None, intent="I1")))
    assert not is_open(None)
