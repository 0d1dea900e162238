"""Portions of the audit log folded again, and how what differs is told."""

from collections.abc import Sequence
from dataclasses import replace

from reconciler.core.decide import StoredOperation
from reconciler.core.device import ProfileChanges, StoredProfile
from reconciler.core.evidence import Evidence
from reconciler.core.profile import fold_device
from reconciler.core.recorded import Recorded
from reconciler.core.scope import Key, Link
from reconciler.rebuild.difference import Difference, history_differences, profile_differences
from reconciler.rebuild.rebuild import Report
from reconciler.rebuild.refold import Became, Portion, differences, refolded
from reconciler.rebuild.view import Asked, document, view
from schemas.ids import AccountName, IntentId, OperationId, RequestId
from tests.unit.core.tell import X, callback, request

ACCOUNT = AccountName("0252012345-00001")
R1 = Key(ACCOUNT, "R1")
I1 = Key(ACCOUNT, "I1")
LINK = Link(ACCOUNT, IntentId("I1"), RequestId("R1"))


def recorded(rows: Sequence[Evidence]) -> list[Recorded]:
    return [Recorded(row, row.observed_at, row.attempt, row.attempts_max, [], [], None) for row in rows]


ASKED = request("submitted", intent="I1", iccid=X, action="enable")
DONE = callback("success", iccid=X, action="enable", at=1)
INTENDED = request("intended", request=None, intent="I1", eid=None, action="enable")


def of_request(rows: Sequence[Evidence]) -> Portion:
    """With tables that hold what they must."""
    portion = Portion("request", recorded(rows), [row for row in rows if row.request_id is not None])
    now = refolded(portion)
    return replace(
        portion,
        operations=[StoredOperation(row, 1) for row in now.operations.values()],
        links=sorted(portion.links_recorded()),
        lock_rows=portion.keys(),
    )


WHOLE = of_request([ASKED, DONE, INTENDED])


def found(portion: Portion) -> list[Difference]:
    return differences(portion, refolded(portion))


def told(portion: Portion) -> list[tuple[str, str]]:
    return [(one.table, one.change) for one in found(portion)]


def test_tables_that_are_the_fold_differ_in_nothing() -> None:
    assert found(WHOLE) == []
    (operation,) = refolded(WHOLE).operations.values()
    assert (operation.state, operation.facts) == ("succeeded", ("intended", "submitted", "success"))


def test_what_an_intent_says_without_eid_makes_its_request_eidless() -> None:
    assert WHOLE.keys() == {R1: True}
    assert of_request([ASKED, DONE]).keys() == {R1: False}
    assert told(replace(WHOLE, lock_rows={R1: False})) == [("request", "different")]
    assert told(replace(of_request([ASKED, DONE]), lock_rows={R1: True})) == []
    assert told(replace(WHOLE, lock_rows={})) == [("request", "missing")]


def test_each_table_is_compared() -> None:
    (stored,) = WHOLE.operations
    other = StoredOperation(stored.operation._replace(operation_id=OperationId("other")), 1)
    assert told(replace(WHOLE, evidence=[ASKED])) == [("evidence", "missing")]
    assert told(replace(WHOLE, evidence=[*WHOLE.evidence, DONE._replace(key=b"k")])) == [
        ("evidence", "unexpected")
    ]
    assert told(replace(WHOLE, operations=[])) == [("operation", "missing")]
    assert told(replace(WHOLE, operations=[stored, other])) == [("operation", "unexpected")]
    assert told(replace(WHOLE, links=[])) == [("link", "missing")]
    assert told(replace(WHOLE, links=[LINK, LINK._replace(intent_id=IntentId("I2"))])) == [
        ("link", "unexpected")
    ]


def test_a_row_that_differs_names_its_columns() -> None:
    (stored,) = WHOLE.operations
    altered = StoredOperation(stored.operation._replace(state="failed", final=False), 1)
    (one,) = found(replace(WHOLE, operations=[altered]))
    assert one.columns == (("state", ("failed", "succeeded")), ("final", (False, True)))
    assert (one.unit, one.request_id, one.account) == ("R1", "R1", ACCOUNT)


def test_an_intent_has_operations_only_while_it_became_no_request() -> None:
    alone = Portion("intent", recorded([INTENDED]), [INTENDED], became=[Became(I1, None)])
    assert [row.intent_id for row in refolded(alone).operations.values()] == ["I1"]
    assert alone.keys() == {I1: True}
    became = replace(alone, became=[Became(I1, None), Became(I1, RequestId("R1"))])
    assert refolded(became).operations == {}
    assert told(replace(became, lock_rows=became.keys())) == []


def test_what_names_neither_is_evidence_and_nothing_more() -> None:
    lone = callback("success", request=None)
    portion = Portion("unmatched", recorded([lone]), [])
    assert told(portion) == [("evidence", "missing")]
    assert refolded(portion).operations == {}


PROFILES = [
    StoredProfile(number, 7, profile)
    for number, profile in enumerate(fold_device(refolded(WHOLE).operations.values()))
]
NO_CHANGES = ProfileChanges([], [], [])


def test_history_must_say_what_stands_once() -> None:
    assert list(history_differences(NO_CHANGES, PROFILES, PROFILES)) == []
    first, *others = PROFILES
    for said in (others, [*PROFILES, first], [first._replace(version=8), *others]):
        assert [one.change for one in history_differences(NO_CHANGES, PROFILES, said)] == ["missing"]
    assert [one.change for one in history_differences(NO_CHANGES, others, PROFILES)] == ["unexpected"]


def test_what_is_changed_anyway_is_not_told_twice() -> None:
    first = PROFILES[0]
    changes = ProfileChanges([], [(first, first.profile._replace(suspended=True))], [])
    assert list(history_differences(changes, PROFILES, PROFILES[1:])) == []
    (one,) = profile_differences(changes)
    assert one.columns == (("suspended", (False, True)),)


def test_the_first_are_named_and_the_others_counted() -> None:
    report = Report(named_max=1)
    report.add(found(replace(WHOLE, operations=[], links=[])))
    shown = document(report, Asked(check=True, reclassify=False, rebuild_id=None, seconds=0.5))
    assert (shown["ok"], shown["differences"]) == (False, 2)
    assert shown["by_table"] == {"operation": 1, "link": 1}
    assert isinstance(shown["named"], list) and len(shown["named"]) == 1
    asked = Asked(check=False, reclassify=False, rebuild_id=3, seconds=0.5)
    assert document(report, asked)["ok"] is True
    assert "under rebuild 3" in str(list(view(report, asked))[-1])
