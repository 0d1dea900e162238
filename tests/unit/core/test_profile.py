"""The table and the numbered rules of machines.md 4."""

import pytest

from reconciler.core.evidence import Evidence
from reconciler.core.profile import Profile
from tests.unit.core.tell import (
    EID,
    A,
    B,
    X,
    Y,
    callback,
    decision,
    done,
    moment,
    poll,
    profiles,
    request,
    rows,
)

SEEN = {
    "absent": (),
    "disabled": done("download", X, 1),
    "enabled": done("enable", X, 1),
    "deleted": done("delete", X, 1),
}
"""How X may come to be what it is, for sure."""


def row(*evidence: Evidence, iccid: str | None = X) -> Profile:
    """The row of an ICCID, of the bootstrap for None."""
    (found,) = [
        profile
        for profile in profiles(*evidence)
        if (profile.bootstrap if iccid is None else profile.iccid == iccid)
    ]
    return found


@pytest.mark.parametrize(
    ("was", "action", "x", "bootstrap"),
    [
        ("absent", "download", "disabled", "disabled|enabled"),
        ("deleted", "download_disable", "disabled", "disabled|enabled"),
        ("absent", "download_enable", "enabled", "disabled"),
        ("deleted", "download_enable", "enabled", "disabled"),
        ("disabled", "activate_enable", "enabled", "disabled"),
        ("deleted", "activate_enable", "enabled", "disabled"),
        ("disabled", "enable", "enabled", "disabled"),
        ("enabled", "enable", "enabled", "disabled"),
        ("enabled", "disable", "disabled", "enabled"),
        ("disabled", "delete", "deleted", "disabled|enabled"),
        ("enabled", "delete", "deleted", "enabled"),
    ],
)
def test_a_success_moves_a_profile_that_could_start(was: str, action: str, x: str, bootstrap: str) -> None:
    told = (*SEEN[was], *done(action, X, 10))
    assert rows(*told) == {X: x, None: bootstrap}
    assert row(*told).certainty == "confirmed"


@pytest.mark.parametrize(
    ("was", "action", "x", "bootstrap"),
    [
        ("absent", "download_enable", "absent|disabled", "disabled|enabled"),
        ("deleted", "activate_enable", "disabled|deleted", "disabled|enabled"),
        ("enabled", "delete", "disabled|enabled", "disabled|enabled"),
        ("disabled", "delete", "disabled", "disabled|enabled"),
        ("enabled", "disable", "enabled", "disabled"),
        ("disabled", "enable", "disabled", "disabled|enabled"),
        ("deleted", "download", "deleted", "disabled|enabled"),
    ],
)
def test_a_failure_may_have_stopped_half_way(was: str, action: str, x: str, bootstrap: str) -> None:
    assert rows(*SEEN[was], *done(action, X, 10, "failure")) == {X: x, None: bootstrap}


@pytest.mark.parametrize(
    ("was", "action", "x", "bootstrap"),
    [
        ("absent", "download", "absent|disabled", "disabled|enabled"),
        ("absent", "download_enable", "absent|disabled|enabled", "disabled|enabled"),
        ("disabled", "enable", "disabled|enabled", "disabled|enabled"),
        ("enabled", "disable", "disabled|enabled", "disabled|enabled"),
        ("enabled", "delete", "disabled|enabled|deleted", "disabled|enabled"),
        ("disabled", "delete", "disabled|deleted", "disabled|enabled"),
        ("deleted", "enable", "enabled|deleted", "disabled|enabled"),
    ],
)
def test_what_is_unclear_or_disputed_is_both(was: str, action: str, x: str, bootstrap: str) -> None:
    unclear = done(action, X, 10, "unclear")
    disputed = (*done(action, X, 10), callback("failure", request="R10", action=action, at=12))
    assert rows(*SEEN[was], *unclear) == rows(*SEEN[was], *disputed) == {X: x, None: bootstrap}
    assert row(*SEEN[was], *unclear).certainty == "inferred"


def test_a_dash_makes_no_row() -> None:
    assert rows(*done("enable", X, 1, "failure")) == {}
    assert rows(*done("download", X, 1, "failure")) == {}
    assert rows(*done("activate", X, 1)) == {}
    assert rows(request("announced", iccid=X, action="enable")) == {}
    assert rows(*done("enable", X, 1), decision("decided_void", request="R1", sequence=1)) == {}
    assert rows(*done("setfallbackattribute", X, 1, "unclear")) == {}
    assert rows(callback("success", iccid=X)) == {}


def test_exactly_one_is_enabled() -> None:
    told = (*done("enable", A, 1), *done("enable", X, 10))
    assert rows(*told) == {A: "disabled", X: "enabled", None: "disabled"}
    assert (row(*told, iccid=A).certainty, row(*told).certainty) == ("inferred", "confirmed")
    assert rows(*told, *done("delete", Y, 20)) == {
        A: "disabled",
        X: "enabled",
        Y: "deleted",
        None: "disabled",
    }


def test_where_only_one_can_be_enabled_it_is() -> None:
    """After the unclear disable one of two is; deleting the other leaves one."""
    told = (*done("enable", X, 1), *done("disable", X, 10, "unclear"), *done("delete", X, 20))
    assert rows(*told) == {X: "deleted", None: "enabled"}


def test_a_success_that_could_not_start_leaves_open_what_was_possible() -> None:
    """Something is missing: X was downloaded again, or the word is wrong and A is still enabled."""
    told = (*done("delete", X, 1), *done("enable", A, 10), *done("enable", X, 20))
    assert rows(*told) == {X: "enabled|deleted", A: "disabled|enabled", None: "disabled"}
    assert row(*told).certainty == "inferred"


def test_loading_what_is_enabled_leaves_open_who_is() -> None:
    told = (*done("enable", X, 1), *done("download", X, 10))
    assert rows(*told) == {X: "disabled|enabled", None: "disabled|enabled"}


def test_an_unknown_target_may_be_any_that_can_start() -> None:
    known = (*done("enable", A, 1), *done("download", X, 10))
    someone = callback("success", request="R50", action="delete", at=50)
    assert rows(*known, someone) == {
        A: "enabled|deleted",
        X: "disabled|deleted",
        None: "disabled|enabled",
    }
    failed = callback("failure", request="R50", action="delete", at=50)
    assert rows(*known, failed) == {A: "disabled|enabled", X: "disabled", None: "disabled|enabled"}


def test_whoever_was_disabled_the_bootstrap_took_over() -> None:
    told = (*done("enable", A, 1), callback("success", request="R9", action="disable", at=9))
    assert rows(*told) == {A: "disabled", None: "enabled"}


def test_what_was_deleted_without_a_name_may_be_what_is_loaded_later() -> None:
    told = (callback("success", action="delete", at=1), *done("download", X, 10, "unclear"))
    assert rows(*told)[X] == "absent|disabled|deleted"


def test_the_bootstrap_is_neither_disabled_nor_deleted() -> None:
    named = (*done("enable", A, 1), *done("disable", A, 10, reported=B))
    for action in ("disable", "delete"):
        for fact in ("success", "failure", "unclear"):
            assert rows(*named, *done(action, B, 20, fact)) == {A: "disabled", None: "enabled"}
    assert rows(*named, *done("enable", A, 20), *done("enable", B, 30)) == {A: "disabled", None: "enabled"}


def test_the_bootstrap_is_named_only_by_the_one_other_profile_reported() -> None:
    enabled = done("enable", A, 1)
    by_itself = done("disable", A, 10, reported=A[:19])
    two = (*done("disable", A, 10, reported=B), callback("success", request="R10", reported=Y, at=12))
    for told in (by_itself, two):
        assert row(*enabled, *told, iccid=None).iccid is None


def test_what_was_loaded_or_removed_is_not_the_bootstrap_whatever_a_late_report_says() -> None:
    told = (*done("enable", A, 5), *done("disable", A, 10, reported=Y))
    assert rows(*told, *done("download", Y, 20)) == {A: "disabled", Y: "disabled", None: "enabled"}
    assert rows(*told, *done("delete", Y, 1)) == {A: "disabled", Y: "deleted", None: "enabled"}
    assert row(*told, iccid=None).iccid == Y


def test_naming_the_bootstrap_joins_it_with_the_row_of_that_name() -> None:
    told = (*done("profile_suspend", B, 1), *done("enable", A, 5), *done("disable", A, 10, reported=B))
    assert rows(*told) == {A: "disabled", None: "enabled"}
    assert row(*told, iccid=None).suspended


def test_the_attribute_moves_and_the_old_bootstrap_becomes_ordinary() -> None:
    named = (*done("enable", A, 1), *done("disable", A, 10, reported=B))
    moved = (*named, *done("setfallbackattribute", A, 20))
    assert rows(*moved) == {B: "enabled", None: "disabled"}
    assert row(*moved, iccid=None).iccid == A
    assert rows(*moved, *done("enable", X, 30), *done("disable", X, 40)) == {
        B: "disabled",
        X: "disabled",
        None: "enabled",
    }


def test_a_nameless_bootstrap_that_loses_the_attribute_is_one_never_seen() -> None:
    told = (*done("download", X, 1), *done("setfallbackattribute", X, 10))
    assert rows(*told) == {None: "disabled"}
    assert row(*told, iccid=None).iccid == X


def test_a_profile_never_seen_that_gets_the_attribute_may_have_had_it() -> None:
    told = (*done("enable", A, 1), *done("disable", A, 5), *done("setfallbackattribute", X, 10))
    assert rows(*told) == {A: "disabled", None: "disabled|enabled"}


def test_while_nobody_knows_where_the_attribute_is_any_other_may_take_over() -> None:
    named = (*done("enable", A, 1), *done("disable", A, 10, reported=B), *done("enable", A, 20))
    doubt = done("setfallbackattribute", X, 30, "unclear")
    disabled = done("disable", A, 40)
    assert rows(*named, *doubt) == rows(*named)
    assert rows(*named, *doubt, *disabled) == {A: "disabled", None: "disabled|enabled"}
    settled = poll("poll_failure", request="R30", iccid=X, at=99)
    assert rows(*named, *doubt, *disabled, settled) == {A: "disabled", None: "enabled"}


def test_in_doubt_a_bootstrap_that_was_deleted_was_none() -> None:
    named = (*done("enable", A, 1), *done("disable", A, 10, reported=B))
    told = (*named, *done("setfallbackattribute", X, 30, "unclear"), *done("delete", B, 40))
    assert rows(*told) == {A: "disabled|enabled", B: "deleted", None: "disabled|enabled"}


def test_suspension_stands_beside_the_state() -> None:
    told = (*done("enable", A, 1), *done("profile_suspend", A, 5))
    assert (row(*told, iccid=A).suspended, row(*told, iccid=A).state) == (True, "enabled")
    assert row(*told, iccid=A).certainty == "confirmed"
    assert not row(*told, iccid=None).suspended
    assert not row(*told, *done("profile_resume", A, 9), iccid=A).suspended
    assert not row(*done("enable", A, 1), *done("profile_suspend", A, 5, "failure"), iccid=A).suspended


def test_a_device_is_suspended_with_all_its_profiles_that_exist() -> None:
    whole = callback("success", request="R50", action="device_suspend", at=50)
    told = (*done("enable", A, 1), *done("delete", X, 5), whole)
    suspended = {profile.iccid: profile.suspended for profile in profiles(*told)}
    assert suspended == {A: True, X: False, None: True}
    resumed = callback("success", request="R60", action="device_resume", at=60)
    assert not any(profile.suspended for profile in profiles(*told, resumed))


def test_what_is_gone_is_not_suspended_nor_is_what_is_loaded_anew() -> None:
    suspended = (*done("enable", A, 1), *done("profile_suspend", A, 5))
    assert not row(*suspended, *done("delete", A, 9), iccid=A).suspended
    unclear = done("delete", A, 9, "unclear")
    assert row(*suspended, *unclear, iccid=A).suspended
    assert not row(*suspended, *unclear, *done("download", A, 20), iccid=A).suspended


def test_certainty_lasts_as_long_as_the_word_of_the_success() -> None:
    enabled = done("enable", A, 1)
    assert row(*enabled, *done("download", X, 5), iccid=A).certainty == "confirmed"
    assert row(*enabled, *done("disable", A, 5, "unclear"), iccid=A).certainty == "inferred"
    decided = (request("announced", iccid=A, action="enable"), decision("decided_success", sequence=1))
    assert (row(*decided, iccid=A).state, row(*decided, iccid=A).certainty) == ("enabled", "inferred")


def test_a_row_names_the_operation_that_last_changed_it() -> None:
    told = (*done("enable", A, 1), *done("download", X, 5), *done("enable", A, 9))
    assert (row(*told, iccid=A).since, row(*told).since) == (moment(1), moment(5))
    moved = row(*told, *done("enable", X, 20), iccid=A)
    assert (moved.since, moved.operation_id) == (moment(20), row(*told, *done("enable", X, 20)).operation_id)


def test_operations_of_two_accounts_fold_together_by_time_then_account() -> None:
    one = request("announced", account="1", iccid=X, action="enable"), callback("success", account="1", at=1)
    two = request("announced", account="2", iccid=X, action="delete"), callback("success", account="2", at=1)
    assert (row(*one, *two).state, row(*one, *two).account) == ("deleted", "2")


def test_no_operation_no_profile() -> None:
    assert profiles(eid=EID) == ()
