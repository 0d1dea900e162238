"""Facts, states, times and outcomes of operations (machines.md 3)."""

from itertools import permutations

import pytest

from reconciler.core.evidence import Evidence, Fact
from reconciler.core.facts import STATE_TABLE, State, undecided_state
from reconciler.core.operation import Outcome, fold_request, outcome
from tests.unit.core.tell import EID, X, Y, callback, decision, moment, operation, poll, request


def did(*evidence: Evidence) -> Outcome:
    """What the last event did, arriving after the others."""
    before, after = fold_request(evidence[:-1]), fold_request(evidence)
    last = evidence[-1]
    own = [known for known in after.operations if known.operation_id in after.belongs[last.key]]
    return outcome(before.operations, own, last, repeated=last.key in before.belongs)


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"success"}, "succeeded"),
        ({"poll_success", "interim", "unclear"}, "succeeded"),
        ({"success", "poll_success", "failure"}, "succeeded"),
        ({"failure"}, "failed"),
        ({"failure", "poll_failure", "success"}, "failed"),
        ({"success", "failure"}, "conflicted"),
        ({"success", "poll_success", "failure", "poll_failure"}, "conflicted"),
        ({"success", "poll_failure", "unclear"}, "conflicted"),
        ({"unclear", "held", "interim", "submitted"}, "unclear"),
        ({"held", "interim", "submitted"}, "held"),
        ({"interim", "submitted"}, "warned"),
        ({"submitted", "poll_pending"}, "submitted"),
        ({"announced", "intended"}, "submitted"),
        ({"submit_unclear", "rejected", "intended"}, "submit_unclear"),
        ({"rejected", "intended"}, "rejected"),
        ({"intended"}, "intended"),
    ],
)
def test_the_first_row_that_holds_gives_the_state(facts: set[Fact], state: State) -> None:
    assert undecided_state(frozenset(facts)) == state


def test_every_row_of_the_state_table_is_reached() -> None:
    assert [row.state for row in STATE_TABLE] == [
        *("succeeded", "failed", "conflicted", "unclear", "held", "warned"),
        *("submitted", "submit_unclear", "rejected", "intended"),
    ]
    assert [row.number for row in STATE_TABLE] == list(range(2, 12))


def test_a_request_id_is_a_submission() -> None:
    assert operation(callback("interim")).facts == ("interim", "submitted")


def test_the_latest_decision_goes_before_all_else_by_sequence_time_and_id() -> None:
    told = (
        callback("success", at=1),
        decision("decided_failure", sequence=2, at=5),
        decision("decided_void", sequence=1, at=9),
    )
    for order in permutations(told):
        found = operation(*order)
        assert (found.state, found.settled_at) == ("failed", moment(5))
    tie = decision("decided_void", sequence=2, at=5), decision("decided_failure", sequence=2, at=5)
    latest = max(tie, key=lambda row: row.key)
    assert operation(*tie).state == ("void" if latest.fact == "decided_void" else "failed")


def test_times_are_the_least_over_all_events() -> None:
    found = operation(
        request("announced", at=30, requested=5), callback("success", at=20), callback("interim", at=40)
    )
    assert (found.ordered_at, found.first_seen_at) == (moment(5), moment(20))
    assert operation(request("announced", at=30, requested=50)).ordered_at == moment(30)


@pytest.mark.parametrize(
    ("success", "failure", "polled", "settled"),
    [
        (10, None, 20, 10),  # one side alone: with its first fact
        (10, 15, 20, 20),  # disputed between: with the one that decided
        (10, 5, 20, 20),
        (10, 25, 20, 10),  # disputed after both: with the first
        (20, 15, 10, 20),  # the poll came first
    ],
)
def test_settled_since_the_facts_first_said_without_a_break_what_they_say_now(
    success: float, failure: float | None, polled: float, settled: float
) -> None:
    told = [callback("success", at=success), poll("poll_success", at=polled)]
    if failure is not None:
        told.append(callback("failure", at=failure))
    for order in permutations(told):
        assert operation(*order).settled_at == moment(settled)


def test_what_is_not_final_is_not_settled() -> None:
    assert operation(callback("success"), callback("failure", at=1)).settled_at is None
    assert operation(request("rejected", request=None, intent="I1", at=3)).settled_at == moment(3)


def test_a_poll_at_once_for_what_is_unclear_disputed_unaimed_or_warned_of_for_the_last_time() -> None:
    last = callback("interim", attempt=4, attempts_max=4)
    assert operation(callback("unclear")).due_reasons == ("unclear",)
    assert operation(callback("success"), callback("failure", at=1)).due_reasons == ("conflicted",)
    assert operation(callback("success", action="disable")).due_reasons == ("target",)
    assert operation(callback("unclear", action="disable")).due_reasons == ("target", "unclear")
    assert operation(last).due_reasons == ("last_attempt",)
    assert operation(last, callback("success", at=1)).due_reasons == ()
    assert operation(callback("interim", attempt=3, attempts_max=4)).due_reasons == ()


def test_a_target_is_needed_only_where_profiles_depend_on_it() -> None:
    assert not operation(callback("failure", action="enable")).needs_target
    assert operation(callback("failure", action="delete")).needs_target
    assert not operation(callback("success", action="device_suspend")).needs_target
    assert operation(callback("success", action="profile_suspend")).needs_target
    assert not operation(callback("unclear", action="profile_suspend")).needs_target
    assert not operation(callback("success", action="activate")).needs_target
    assert not operation(callback("success")).needs_target
    assert not operation(callback("success", action="delete", eid=None)).needs_target
    assert not operation(request("rejected", request=None, intent="I1", action="delete")).needs_target


def test_a_decision_alone_does_not_confirm() -> None:
    decided = decision("decided_success", sequence=1)
    assert not operation(decided).confirmed
    assert operation(decided, callback("success", at=1)).confirmed
    assert not operation(callback("success"), decision("decided_void", sequence=1)).confirmed


def test_only_successes_that_count_report_profiles() -> None:
    asked = request("announced", iccid=X, action="delete")
    assert operation(asked, callback("success", reported=Y, at=1)).success_iccids == (Y,)
    assert operation(asked, callback("success", iccid=Y, reported=Y, at=1)).success_iccids == ()
    assert operation(asked, callback("failure", reported=Y, at=1)).success_iccids == ()


def test_each_event_is_noted_with_what_it_did() -> None:
    asked, success = request("announced", at=1), callback("success", at=2)
    failure, warning = callback("failure", at=3), callback("interim", at=4)
    assert did(asked) == "applied"
    assert did(asked, asked) == "repeated"
    assert did(success, request("submitted", at=5)) == "repeated"
    assert did(warning, callback("interim", at=9)) == "repeated"
    assert did(success, warning) == "late"
    assert did(success, asked) == "late"
    assert did(success, failure) == "conflict"
    assert did(success, failure, poll("poll_failure", at=5)) == "applied"
    assert did(callback("success", request=None)) == "unmatched"


def test_what_comes_after_a_decision_is_undone_by_it_unless_it_agrees() -> None:
    decided = decision("decided_failure", sequence=5, at=1)
    assert did(decided, callback("success", at=2)) == "undone_by_decision"
    assert did(decided, callback("failure", at=2)) == "applied"
    assert did(decided, callback("interim", at=2)) == "late"
    assert did(decided, decision("decided_void", sequence=4, at=2)) == "undone_by_decision"
    assert did(decided, decision("decided_void", sequence=6, at=2)) == "applied"
    back = decision("decided_void", sequence=6, at=2)
    assert did(decided, back, decision("decided_failure", sequence=7, at=3)) == "applied"


def test_of_an_event_that_belongs_to_several_the_most_it_did_is_noted() -> None:
    asked = [request("announced", iccid=iccid, action="delete", eid=EID) for iccid in (X, Y)]
    settled = callback("success", iccid=X, at=2)
    vague = callback("success", at=3)
    assert did(*asked, settled, vague) == "applied"
    assert did(*asked, settled, callback("success", iccid=Y, at=4), vague) == "late"
