"""The examples of machines.md 5, each in every order of its events."""

from itertools import permutations

from reconciler.core.evidence import Evidence
from reconciler.core.operation import Outcome, fold_request, outcome
from tests.unit.core.tell import (
    A,
    B,
    X,
    Y,
    callback,
    done,
    operation,
    operations,
    poll,
    profiles,
    request,
    rows,
)

PRINTED_DELETE = callback(
    "success",
    at=10,
    imei="666456789014008",
    mdn="2022326360",
    reported="11245055053268336886",
    action="delete",
    attempt=1,
    attempts_max=4,
)


def outcomes(*evidence: Evidence) -> list[Outcome]:
    """What each event did, arriving in this order."""
    found = []
    for count, row in enumerate(evidence):
        before = fold_request(evidence[:count])
        after = fold_request(evidence[: count + 1])
        own = [known for known in after.operations if known.operation_id in after.belongs[row.key]]
        found.append(outcome(before.operations, own, row, repeated=row.key in before.belongs))
    return found


def test_the_printed_delete_alone_succeeds_without_a_target_and_pins_its_iccid_on_nothing() -> None:
    alone = operation(PRINTED_DELETE)
    assert (alone.state, alone.iccid_target, alone.target_known, alone.needs_target) == (
        "succeeded",
        None,
        False,
        True,
    )
    assert alone.due_reasons == ("target",)
    assert rows(PRINTED_DELETE) == {None: "disabled|enabled"}
    assert [profile.iccid for profile in profiles(PRINTED_DELETE)] == [None]


def test_an_announced_delete_and_its_callback_delete_that_profile_for_certain() -> None:
    announced = request("announced", at=9, iccid=X, action="delete")
    for order in permutations((announced, PRINTED_DELETE)):
        assert operation(*order).state == "succeeded"
        assert operation(*order).due_reasons == ()
        found = {profile.iccid: (profile.state, profile.certainty) for profile in profiles(*order)}
        assert found == {None: ("unknown", "inferred"), X: ("deleted", "confirmed")}


def test_a_warning_is_late_when_it_comes_after_the_success() -> None:
    warning = callback("interim", at=1, action="enable")
    success = callback("success", at=2, action="enable")
    assert operation(warning, success).state == operation(success, warning).state == "succeeded"
    assert outcomes(warning, success) == ["applied", "applied"]
    assert outcomes(success, warning) == ["applied", "late"]


def test_a_poll_settles_what_two_callbacks_dispute() -> None:
    told = (callback("success", at=1), callback("failure", at=2), poll("poll_failure", at=3))
    for order in permutations(told):
        assert operation(*order).state == "failed"
    assert outcomes(*told) == ["applied", "conflict", "applied"]


def test_an_expired_failure_is_unclear_and_polled() -> None:
    expired = operation(callback("unclear", at=1, action="delete", iccid=X))
    assert (expired.state, expired.final, expired.due_reasons) == ("unclear", False, ("unclear",))


def test_a_fault_without_any_identifier_fails_our_own_request_on_its_device() -> None:
    ours = request("submitted", at=1, iccid=X, action="enable")
    fault = callback("failure", at=2, eid=None)
    for order in permutations((ours, fault)):
        failed = operation(*order)
        assert (failed.state, failed.eid) == ("failed", ours.eid)


def test_a_final_that_names_neither_of_two_targets_counts_for_both() -> None:
    told = (
        request("announced", at=1, iccid=X, action="delete"),
        request("announced", at=1, iccid=Y, action="delete"),
        callback("success", at=2, iccid=X, action="delete"),
        callback("success", at=3, action="delete"),
    )
    for order in permutations(told):
        states = {found.iccid_target: (found.state, found.facts) for found in operations(*order)}
        assert states[X] == ("succeeded", ("announced", "submitted", "success", "unclear"))
        assert states[Y] == ("unclear", ("announced", "submitted", "unclear"))
    assert outcomes(*told)[2:] == ["applied", "applied"]


def test_disabling_what_was_enabled_enables_the_bootstrap() -> None:
    told = (*done("enable", A, 1), *done("disable", A, 10))
    for order in permutations(told):
        assert rows(*order) == {A: "disabled", None: "enabled"}


def test_a_callback_that_reports_the_active_profile_does_not_name_the_bootstrap() -> None:
    told = (*done("enable", A, 1), *done("download", X, 10), *done("delete", X, 20, reported=A))
    assert rows(*told) == {A: "enabled", X: "deleted", None: "disabled"}
    assert [profile.iccid for profile in profiles(*told) if profile.bootstrap] == [None]


def test_an_old_success_that_comes_late_does_not_undo_a_newer_delete() -> None:
    old, newer = done("enable", X, 1), done("delete", X, 10)
    late = callback("success", at=99, request="R1", action="enable")
    told = (old[0], *newer, late)
    for order in permutations(told):
        assert rows(*order)[X] == "deleted"


def test_the_bootstrap_gets_the_name_that_a_disable_reports() -> None:
    told = (*done("enable", A, 1), *done("disable", A, 10, reported=B))
    (bootstrap,) = [profile for profile in profiles(*told) if profile.bootstrap]
    assert (bootstrap.iccid, bootstrap.state) == (B, "enabled")
