"""Which rows of the profiles change when a device is folded again."""

from reconciler.core.device import StoredProfile, operations_by_device, profile_changes
from reconciler.core.profile import Profile
from schemas.ids import Eid
from tests.unit.core.tell import EID, A, X, Y, done, operation, operations

ENABLED = operations(*done("enable", X, at=1))
DELETED = operations(*done("enable", X, at=1), *done("delete", X, at=5))
FALL_BACK = operations(*done("enable", X, at=1), *done("setfallbackattribute", A, at=5))


def stored(profiles: list[Profile]) -> list[StoredProfile]:
    return [StoredProfile(number, 1, profile) for number, profile in enumerate(profiles)]


def test_a_new_device_has_only_new_rows() -> None:
    changes = profile_changes([Eid(EID)], {Eid(EID): ENABLED}, [])
    assert {profile.iccid for profile in changes.new} == {X, None}
    assert not changes.changed and not changes.gone


def test_a_device_that_folds_to_the_same_changes_nothing() -> None:
    rows = stored(list(profile_changes([Eid(EID)], {Eid(EID): ENABLED}, []).new))
    again = profile_changes([Eid(EID)], {Eid(EID): ENABLED}, rows)
    assert (again.new, again.changed, again.gone) == ([], [], [])


def test_a_changed_row_keeps_its_id() -> None:
    rows = stored(list(profile_changes([Eid(EID)], {Eid(EID): ENABLED}, []).new))
    changes = profile_changes([Eid(EID)], {Eid(EID): DELETED}, rows)
    assert {(was.profile_id, was.profile.iccid) for was, _ in changes.changed} == {
        (row.profile_id, row.profile.iccid) for row in rows
    }
    assert {now.iccid: now.state for _, now in changes.changed} == {X: "deleted", None: "enabled"}


def test_a_bootstrap_whose_iccid_is_learnt_is_the_one_that_had_none() -> None:
    rows = stored(list(profile_changes([Eid(EID)], {Eid(EID): ENABLED}, []).new))
    changes = profile_changes([Eid(EID)], {Eid(EID): FALL_BACK}, rows)
    (nameless,) = (row for row in rows if row.profile.iccid is None)
    (learnt,) = ((was, now) for was, now in changes.changed if now.iccid == A)
    assert learnt[0] is nameless and learnt[1].bootstrap
    assert not changes.gone


def test_a_row_that_the_fold_no_longer_has_is_gone() -> None:
    rows = stored(list(profile_changes([Eid(EID)], {Eid(EID): ENABLED}, []).new))
    stranger = StoredProfile(9, 1, rows[0].profile._replace(iccid=Y, bootstrap=False))
    changes = profile_changes([Eid(EID)], {Eid(EID): ENABLED}, [*rows, stranger])
    assert list(changes.gone) == [stranger]
    assert list(profile_changes([Eid(EID)], {}, rows).gone) == rows


def test_changed_operations_replace_stored_ones_and_vanished_ones_leave() -> None:
    one, other = operation(*done("enable", X, at=1)), operation(*done("enable", Y, at=5))
    changed = one._replace(state="failed")
    assert operations_by_device([one, other], [changed], [other]) == {Eid(EID): [changed]}


def test_operations_without_an_eid_have_no_device_row() -> None:
    assert operations_by_device([], [ENABLED[0]._replace(eid=None)], []) == {}
