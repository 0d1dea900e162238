"""Copies are joined, units are folded, and each event is noted for what it did."""

from reconciler.core.batch import Arrived, Place
from reconciler.core.evidence import Evidence
from reconciler.core.operation import Operation
from reconciler.core.scope import Scope, concern_of, scope_of
from reconciler.core.settle import Settled, settle, told
from schemas.ids import Eid
from tests.unit.core.tell import EID, X, Y, callback, moment, operations, request
from tests.unit.reconciler.events import arrived

PLACE = Place("events", 0)
OTHER_EID = Eid("89033023426200000000005438911112")


def given(*evidence: Evidence) -> list[Arrived]:
    """The event behind the evidence plays no part here."""
    return [arrived(PLACE, at)._replace(evidence=row) for at, row in enumerate(evidence)]


def scope(*evidence: Evidence) -> Scope:
    return scope_of(evidence, concern_of(evidence), {}, {})


def settled(*evidence: Evidence, stored: tuple[Operation, ...] = ()) -> Settled:
    return settle(scope(*evidence), told(given(*evidence), []), stored)


def test_copies_are_joined_with_each_other_and_with_what_is_stored() -> None:
    first = callback("success", at=5)
    copy = first._replace(observed_at=moment(3))
    story = told(given(copy, copy._replace(attempt=2)), [first])
    assert story.fresh == () and len(story.copies) == 2
    (joined,) = story.altered
    assert (joined.observed_at, joined.attempt) == (moment(3), 2)


def test_a_copy_that_says_nothing_new_alters_nothing() -> None:
    row = callback("success")
    assert told(given(row), [row]).altered == ()


def test_an_event_stays_where_its_first_copy_put_it() -> None:
    first = callback("success")
    elsewhere = first._replace(eid=OTHER_EID, observed_at=moment(-9))
    story = told(given(elsewhere), [first])
    assert story.evidence == {first.key: first}
    assert len(story.copies) == 1 and story.altered == ()


def test_a_new_operation_is_changed_from_nothing() -> None:
    result = settled(callback("success", action="delete", iccid=X))
    assert [operation.state for operation in result.changed] == ["succeeded"]
    assert not result.before and not result.gone


def test_an_operation_that_stays_the_same_is_not_written() -> None:
    row = callback("success", action="delete", iccid=X)
    assert settled(row, stored=tuple(operations(row))).changed == ()


def test_a_changed_operation_comes_with_what_it_was() -> None:
    warned, done = callback("interim", action="delete"), callback("success", action="delete", iccid=X)
    (was,) = operations(warned)
    result = settled(warned, done, stored=(was,))
    assert [operation.state for operation in result.changed] == ["succeeded"]
    assert result.before == {was.operation_id: was}


def test_an_operation_that_the_fold_no_longer_has_is_gone() -> None:
    asked = request("announced", action="enable", iccid=X), request("announced", action="enable", iccid=Y)
    (one,) = operations(asked[0])
    result = settled(*asked, stored=(one,))
    assert result.gone == (one,)
    assert {operation.iccid_target for operation in result.changed} == {X, Y}


def test_an_event_without_eid_is_noted_on_the_device_that_others_name() -> None:
    named = request("announced", action="enable", iccid=X, imei="1")
    other = request("announced", action="enable", iccid=X, imei="2", eid=OTHER_EID)
    unnamed = callback("success", eid=None, imei="1")
    result = settled(named, other, unnamed)
    noted = result.notes[unnamed.key]
    assert noted.outcome == "applied"
    assert noted.operation is not None and noted.operation.eid == EID


def test_events_of_one_operation_are_noted_in_the_order_in_which_they_came() -> None:
    done, warned, again = (
        callback("success", action="delete"),
        callback("interim", action="delete"),
        callback("interim", action="delete", at=9),
    )
    notes = settled(done, warned, again).notes
    assert [notes[row.key].outcome for row in (done, warned, again)] == ["applied", "late", "repeated"]
