"""The life of a job, step by step: what each answer leads to, and what it never leads to."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.downstream.answer import Answer, Outcome
from reconciler.downstream.job import (
    FINAL,
    UNSENT,
    Change,
    Job,
    Patience,
    Seen,
    State,
    after_ask,
    after_check,
    after_look,
    after_send,
    next_step,
)
from reconciler.downstream.record import tries_after

EVENT = datetime(2026, 11, 1, 12, tzinfo=UTC)
NOW = EVENT + timedelta(hours=1)
BEFORE = EVENT - timedelta(days=30)
PATIENCE = Patience()
HELD = Job("held", EVENT)
SENT = Job("sending", EVENT, sends=1, sent_at=NOW)
ACCEPTED = Job("accepted", EVENT, sends=1, sent_at=NOW)

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
STATES: tuple[State, ...] = get_args(State)


def test_a_deletion_is_sent_only_after_a_look_where_looking_is_possible() -> None:
    assert [state for state in STATES if next_step(state, can_look=True) == "send"] == []


def test_where_nobody_can_look_what_may_have_been_sent_goes_on_by_a_person_alone() -> None:
    assert next_step("sending", can_look=False) is None
    assert {state for state in STATES if next_step(state, can_look=False) == "send"} == UNSENT


def test_final_states_have_no_next_step() -> None:
    assert all(next_step(state, can_look=each) is None for state in FINAL for each in (True, False))


@pytest.mark.parametrize(
    ("seen", "job", "state"),
    [
        (Seen(there=True, linked_at=BEFORE), HELD, "sending"),
        (Seen(there=True, linked_at=EVENT + timedelta(seconds=1)), HELD, "linked_anew"),
        (Seen(there=True, linked_at=EVENT + timedelta(seconds=1)), SENT, "linked_anew"),
        (Seen(there=True, linked_at=BEFORE), SENT, "sending"),
        (Seen(there=True, linked_at=BEFORE), Job("sending", EVENT, sends=3, sent_at=NOW), "unknown"),
        (Seen(there=True, linked_at=None), HELD, "held"),
        (Seen(there=True, linked_at=BEFORE, doubtful=True), HELD, "held"),
        (Seen(there=True, linked_at=None), Job("held", EVENT, approved=True), "sending"),
        (Seen(there=True, linked_at=NOW), Job("held", EVENT, approved=True), "linked_anew"),
        (Seen(there=False), Job("held", EVENT, verified=True), "already_absent"),
        (Seen(there=False, others=1), HELD, "already_absent"),
        (Seen(there=False), HELD, "unknown"),
        (Seen(there=False), SENT, "confirmed"),
    ],
)
def test_after_a_look(seen: Seen, job: Job, state: State) -> None:
    change = after_look(job, seen, NOW, PATIENCE)
    assert change.state == state
    assert change.needs_approval == (state == "held")


@pytest.mark.parametrize(
    ("outcome", "with_look", "without"),
    [
        ("accepted", "accepted", "accepted"),
        ("confirmed", "checking", "confirmed"),
        ("not_there", "checking", "failed"),
        ("refused", "failed", "failed"),
        ("broken", "looking", "held"),
        ("throttled", "looking", "held"),
        ("away", "looking", "held"),
        ("lost", "sending", "unknown"),
        ("unknown", "unknown", "unknown"),
    ],
)
def test_after_a_deletion_was_sent(outcome: Outcome, with_look: State, without: State) -> None:
    answer = Answer(outcome)
    assert after_send(SENT, answer, NOW, PATIENCE, can_look=True, proven=True).state == with_look
    assert after_send(SENT, answer, NOW, PATIENCE, can_look=False, proven=True).state == without


def test_where_nobody_can_look_it_is_sent_so_often_and_then_left_to_a_person() -> None:
    job = Job("sending", EVENT, sends=PATIENCE.sends_max, sent_at=NOW)
    for answer, state in (
        (Answer("away", http_status=503), "unknown"),
        (Answer("away"), "held"),
        (Answer("away", may_be_done=True), "unknown"),
        (Answer("throttled", http_status=429), "held"),
    ):
        assert after_send(job, answer, NOW, PATIENCE, can_look=False, proven=True).state == state


@pytest.mark.parametrize(
    ("was", "state", "tries"),
    [
        ("looking", "looking", 4),
        ("looking", "sending", 3),
        ("sending", "sending", 4),
        ("sending", "looking", 4),
        ("sending", "held", 4),
        ("sending", "accepted", 0),
        ("accepted", "checking", 0),
        ("unknown", "held", 0),
    ],
)
def test_tries_are_counted_until_a_job_gets_on(was: State, state: State, tries: int) -> None:
    assert tries_after(was, 3, Change(state, "")) == tries


def test_not_there_from_an_address_that_never_answered_stops_the_target() -> None:
    change = after_send(SENT, Answer("not_there"), NOW, PATIENCE, can_look=False, proven=False)
    assert change.target is not None
    assert change.state == "held"


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("confirmed", "checking"),
        ("not_there", "checking"),
        ("pending", "accepted"),
        ("accepted", "accepted"),
        ("away", "accepted"),
        ("lost", "accepted"),
        ("broken", "accepted"),
        ("refused", "failed"),
        ("exists", "unknown"),
        ("unknown", "unknown"),
    ],
)
def test_after_asking_for_the_transaction(outcome: Outcome, state: State) -> None:
    assert after_ask(ACCEPTED, Answer(outcome), NOW, PATIENCE).state == state


def test_asking_ends_after_a_while_and_goes_over_to_looking() -> None:
    late = NOW + PATIENCE.asked_for
    assert after_ask(ACCEPTED, Answer("pending"), late, PATIENCE).state == "checking"


@pytest.mark.parametrize(
    ("seen", "after", "state"),
    [
        (Seen(there=False), timedelta(0), "confirmed"),
        (Seen(there=True, linked_at=BEFORE), timedelta(0), "checking"),
        (Seen(there=True, linked_at=BEFORE), PATIENCE.asked_for, "unknown"),
        (Seen(there=True, linked_at=NOW + timedelta(seconds=5)), timedelta(seconds=9), "confirmed"),
    ],
)
def test_after_checking(seen: Seen, after: timedelta, state: State) -> None:
    job = Job("checking", EVENT, sends=1, sent_at=NOW)
    assert after_check(job, seen, NOW + after, PATIENCE).state == state


@given(
    st.sampled_from(OUTCOMES),
    st.sampled_from(("look", "send", "ask", "check")),
    st.integers(0, 40),
    st.integers(1, 3),
    st.booleans(),
)
def test_no_answer_leads_to_a_second_deletion_without_a_look(
    outcome: Outcome, step: str, tries: int, sends: int, can_look: bool
) -> None:
    """And every job that is not at its end has a time for its next step, or waits for a person."""
    job = Job("sending" if step == "send" else "checking", EVENT, sends=sends, tries=tries, sent_at=NOW)
    answer = Answer(outcome)
    match step:
        case "look":
            change = after_look(job, answer, NOW, PATIENCE)
        case "send":
            change = after_send(job, answer, NOW, PATIENCE, can_look=can_look, proven=True)
        case "ask":
            change = after_ask(job, answer, NOW, PATIENCE)
        case _:
            change = after_check(job, answer, NOW, PATIENCE)
    following = next_step(change.state, can_look=can_look)
    if can_look:
        assert following != "send"
    elif following == "send":
        assert outcome in ("broken", "throttled", "away"), "answers by which nothing was done"
    assert change.state in FINAL or change.state == "unknown" or change.again_at is not None
    assert change.again_at is None or NOW <= change.again_at <= NOW + timedelta(hours=1)
