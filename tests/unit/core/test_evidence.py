"""One row per event: what it keeps, and how copies of one event become one row."""

from datetime import UTC, datetime
from functools import reduce
from itertools import permutations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.copies import differing, with_copy
from reconciler.core.evidence import Evidence, evidence_of, merged
from schemas.event import CallbackEvent, SubRequest, decision_event, poll_event, request_event
from schemas.ids import AccountName, Eid, Iccid, IntentId, RequestId
from schemas.signal import Signal
from tests.unit.core.tell import EID, A, X, callback, moment

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


def callback_event(signal: Signal) -> CallbackEvent:
    absent = (
        *(
            "imei",
            "mdn",
            "status",
            "profile_status",
            "euicc_status",
            "euicc_status_code",
            "euicc_status_desc",
        ),
        *("fault_code", "fault_text", "source_ip"),
    )
    members: dict[str, object] = {
        **dict.fromkeys(absent),
        "event_id": "ab" * 32,
        "account": "acc",
        "request_id": "R1",
        "eid": EID,
        "observed_at": NOON.isoformat(),
        "producer": "receiver",
        "rules": 1,
        "flags": [],
        "service": "DeviceProfileService",
        "iccid_echoed": X,
        "iccid_reported": A,
        "identifiers": [],
        "action": "delete",
        "signal": signal,
        "line": {"state": None, "service_plan": None, "ip_address": None, "smsr_oid": None},
        "attempt": 2,
        "attempts_max": 4,
        "body": {},
    }
    return CallbackEvent.model_validate_json(orjson.dumps(members))


def test_a_callback_keeps_what_it_echoes_apart_from_what_it_reports() -> None:
    row = evidence_of(callback_event("success"))
    assert row.key == bytes.fromhex("ab" * 16)
    assert (row.iccid_named, row.iccid_reported, row.iccid_single) == (X, A, False)
    assert (row.kind, row.fact, row.action) == ("callback", "success", "delete")
    assert (row.attempt, row.attempts_max, row.observed_at) == (2, 4, NOON)


def test_a_request_says_its_phase_and_its_action_normalized() -> None:
    event = request_event(
        phase="announced",
        account=AccountName("acc"),
        request_id=RequestId("R1"),
        intent_id=IntentId("I1"),
        eid=Eid(EID),
        iccid=X,
        action="Download-Enabled",
        observed_at=NOON,
        producer="them",
        requested_at=moment(5),
    )
    row = evidence_of(event)
    assert (row.fact, row.action, row.iccid_named) == ("announced", "download_enable", X)
    assert (row.request_id, row.intent_id, row.requested_at) == ("R1", "I1", moment(5))


@pytest.mark.parametrize(
    ("sub_requests", "reported"),
    [
        ([SubRequest(kind="ICCID", id=X, status="Success")], X),
        ([SubRequest(kind="mdn", id="2022326360", status="Success")], None),
        ([SubRequest(kind="iccid", id=None, status="Success")], None),
        ([SubRequest(kind="iccid", id=X, status="Success"), SubRequest(kind="iccid", id=A, status="")], None),
        ([], None),
    ],
)
def test_a_poll_names_a_target_only_by_its_one_sub_request(
    sub_requests: list[SubRequest], reported: Iccid | None
) -> None:
    event = poll_event(
        account=AccountName("acc"),
        request_id=RequestId("R1"),
        eid=Eid(EID),
        iccid=None,
        endpoint="v2",
        status="Success",
        sub_requests=sub_requests,
        signal="poll_success",
        poll_number=1,
        body={},
        observed_at=NOON,
        producer="sweep",
    )
    row = evidence_of(event)
    assert (row.iccid_named, row.iccid_reported) == (None, reported)
    assert row.iccid_single is (reported is not None)


@pytest.mark.parametrize(
    ("decided", "fact"),
    [("succeeded", "decided_success"), ("failed", "decided_failure"), ("void", "decided_void")],
)
def test_a_decision_keeps_its_sequence(decided: str, fact: str) -> None:
    event = decision_event(
        account=AccountName("acc"),
        request_id=None,
        intent_id=IntentId("I1"),
        eid=Eid(EID),
        iccid=None,
        decided=decided,  # type: ignore[arg-type]
        sequence=7,
        why="seen on the device",
        decided_by="ops",
        observed_at=NOON,
        producer="decide",
    )
    row = evidence_of(event)
    assert (row.kind, row.fact, row.sequence, row.intent_id) == ("decision", fact, 7, "I1")


@st.composite
def copies(draw: st.DrawFn) -> list[Evidence]:
    """What may differ between copies of one event."""
    texts = st.none() | st.sampled_from(["1", "2", "3"])
    numbers = st.none() | st.integers(0, 4)
    times = st.integers(0, 9).map(moment)
    row = callback("success")
    return [
        row._replace(
            imei=draw(texts),
            mdn=draw(texts),
            fact=draw(st.sampled_from(["success", "failure", "unclear"])),
            requested_at=draw(st.none() | times),
            observed_at=draw(times),
            attempt=draw(numbers),
            attempts_max=draw(numbers),
            action=draw(st.none() | st.sampled_from(["enable", "delete"])),
            rules=draw(st.integers(1, 3)),
        )
        for _ in range(draw(st.integers(1, 3)))
    ]


@given(copies())
def test_copies_make_the_same_row_in_any_order_and_any_number(found: list[Evidence]) -> None:
    row = reduce(merged, found)
    for order in permutations(found):
        assert reduce(merged, order) == row
    assert merged(row, found[0]) == row
    assert row.observed_at == min(copy.observed_at for copy in found)
    assert row.attempt == max((copy.attempt for copy in found if copy.attempt is not None), default=None)


def test_copies_that_one_version_of_the_rules_reads_differently_are_unclear() -> None:
    row = callback("success")
    assert merged(row, row._replace(fact="failure")).fact == "unclear"


def test_of_two_versions_of_the_rules_the_newer_is_believed() -> None:
    old = callback("success", action="enable")
    new = old._replace(fact="held", action=None, rules=2)
    joined = merged(old, new)
    assert (joined.fact, joined.action, joined.rules) == ("held", None, 2)
    assert merged(joined, old) == joined


@given(copies())
def test_the_first_copy_and_what_the_others_changed_give_the_same_row(found: list[Evidence]) -> None:
    """Time and attempts are kept of every copy, so they are left out here."""
    first, *others = [row._replace(observed_at=NOON, attempt=None, attempts_max=None) for row in found]
    row = again = first
    for copy in others:
        before, row = row, merged(row, copy)
        differs = differing(before, copy, row)
        again = again if differs is None else merged(again, with_copy(first, differs))
    assert again == row
