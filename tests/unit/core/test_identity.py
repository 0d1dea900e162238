"""Which operation an event belongs to (machines.md 2)."""

from uuid import UUID

from reconciler.core.identity import Group, gathered
from reconciler.core.operation import fold_request
from tests.unit.core.tell import A, X, Y, callback, decision, operation, operations, poll, request

OTHER_EID = "89033023426200000000005438922222"


def test_an_event_without_request_belongs_to_every_request_that_its_intent_became() -> None:
    intended = request("intended", request=None, intent="I1", iccid=X, action="delete")
    rows = [
        intended,
        request("submitted", request="R1", intent="I1", iccid=X, action="delete", at=1),
        request("submitted", request="R2", intent="I1", iccid=X, action="delete", at=2),
        callback("success", request="R1", at=3),
    ]
    assert {group.id for group in gathered(rows)} == {"R1", "R2"}
    found = {str(known.request_id): known for known in operations(*rows)}
    assert [known.intent_id for known in found.values()] == ["I1", "I1"]
    assert found["R1"].facts == ("intended", "submitted", "success")
    assert found["R2"].facts == ("intended", "submitted")


def test_an_intent_alone_is_an_operation_until_it_becomes_a_request() -> None:
    intended = request("intended", request=None, intent="I1", iccid=X, action="delete")
    alone = operation(intended)
    assert (alone.state, alone.request_id, alone.intent_id) == ("intended", None, "I1")
    submitted = request("submitted", request="R1", intent="I1", iccid=X, action="delete", at=1)
    became = operation(intended, submitted)
    assert became.operation_id != alone.operation_id
    assert (became.state, became.request_id, became.intent_id) == ("submitted", "R1", "I1")


def test_only_request_events_tell_what_an_intent_became() -> None:
    rows = [
        request("intended", request=None, intent="I1"),
        decision("decided_void", request="R1", intent="I1", sequence=1),
    ]
    assert set(gathered(rows)) == {
        Group(rows[0].account, "intent", "I1"),
        Group(rows[0].account, "request", "R1"),
    }


def test_an_event_with_neither_id_belongs_to_nothing() -> None:
    lost = callback("success", request=None)
    assert gathered([lost]) == {}
    assert fold_request([lost]) == fold_request([lost, lost])
    assert fold_request([lost]).belongs == {lost.key: ()}


def test_accounts_never_share_an_operation() -> None:
    rows = [callback("success", account="one"), callback("success", account="two")]
    assert len({known.operation_id for known in operations(*rows)}) == 2


def test_an_event_without_eid_goes_by_its_imei_then_mdn_then_iccid() -> None:
    rows = [
        request("announced", imei="1", mdn="7", iccid=X),
        request("announced", eid=OTHER_EID, imei="2", mdn="8", iccid=Y),
        callback("failure", eid=None, imei="1", mdn="8", at=1),
        callback("failure", eid=None, imei="9", mdn="8", iccid=X, at=2),
        callback("unclear", eid=None, reported=X, at=3),
    ]
    belongs = fold_request(rows).belongs
    assert belongs[rows[2].key] == belongs[rows[0].key] == belongs[rows[4].key]
    assert belongs[rows[3].key] == belongs[rows[1].key]


def test_companions_that_point_to_two_eids_point_to_none() -> None:
    rows = [
        callback("interim", imei="1", iccid=X),
        callback("interim", eid=OTHER_EID, imei="1", iccid=Y),
        callback("failure", eid=None, imei="1", at=1),
        callback("failure", eid=None, iccid=X, reported=Y, at=2),
    ]
    devices = {(known.eid, known.device) for known in operations(*rows)}
    assert devices == {(rows[0].eid, rows[0].eid), (OTHER_EID, OTHER_EID), (None, "1"), (None, X)}


def test_a_stranger_goes_to_the_one_device_that_was_asked_for_and_to_none_of_two() -> None:
    ours = request("submitted", iccid=X)
    stranger = callback("failure", eid=None, imei="9", at=1)
    assert operation(ours, stranger).eid == ours.eid
    found = operations(ours, request("submitted", eid=OTHER_EID, iccid=Y), stranger)
    assert {known.device for known in found} == {ours.eid, OTHER_EID, "9"}


def test_what_names_no_device_at_all_is_one_operation_of_no_device() -> None:
    found = operation(callback("interim", eid=None), callback("failure", eid=None, at=1))
    assert (found.eid, found.device, found.state) == (None, None, "failed")


def test_two_eids_are_never_joined() -> None:
    rows = [callback("success", imei="1"), callback("success", eid=OTHER_EID, imei="1")]
    assert {known.eid for known in operations(*rows)} == {rows[0].eid, OTHER_EID}


def test_the_target_is_what_requests_name_then_callbacks_then_polls_then_successes() -> None:
    success = callback("success", action="enable", reported=A, at=3)
    polled = poll("poll_success", reported=X, at=2)
    echo = callback("interim", iccid=Y, action="enable", at=1)
    asked = request("announced", iccid=A, action="enable")
    assert operation(success).iccid_target == A
    assert operation(success, polled).iccid_target == X
    assert operation(success, polled, echo).iccid_target == Y
    assert operation(success, polled, echo, asked).iccid_target == A


def test_several_echoes_are_none_so_the_next_source_is_asked() -> None:
    echoes = callback("interim", iccid=X), callback("interim", iccid=Y, at=1)
    assert operation(*echoes).iccid_target is None
    assert operation(*echoes, poll("poll_pending", reported=Y, at=2)).iccid_target == Y


def test_what_a_delete_or_a_failure_reports_is_never_the_target() -> None:
    assert operation(callback("success", action="delete", reported=A)).iccid_target is None
    assert operation(callback("failure", action="enable", reported=A)).iccid_target is None


def test_a_success_of_another_action_reports_no_target() -> None:
    asked = request("announced", action="enable")
    found = operation(asked, callback("success", action="download_enable", reported=A, at=1))
    assert (found.iccid_target, found.state) == (None, "unclear")


def test_the_action_is_what_requests_name_then_callbacks() -> None:
    assert operation(callback("interim", action="enable")).action == "enable"
    assert (
        operation(callback("interim", action="enable"), request("announced", action="delete")).action
        == "delete"
    )
    told_two = callback("interim", action="enable"), callback("interim", action="delete", at=1)
    assert operation(*told_two).action is None


def test_a_final_that_names_another_action_or_iccid_counts_as_unclear() -> None:
    asked = request("announced", iccid=X, action="enable")
    assert operation(asked, callback("success", action="disable", at=1)).state == "unclear"
    assert operation(asked, callback("failure", iccid=Y, action="enable", at=1)).state == "unclear"
    assert operation(asked, poll("poll_success", iccid=X, reported=Y, at=1)).state == "unclear"
    assert operation(asked, callback("success", reported=Y, action="enable", at=1)).state == "succeeded"


def test_finals_about_two_profiles_of_a_request_nobody_announced_are_unclear() -> None:
    """Nobody said that there are two targets, so neither final may settle the whole."""
    found = operation(callback("success", iccid=X), callback("failure", iccid=Y, at=1))
    assert (found.state, found.iccid_target) == ("unclear", None)


def test_an_operation_id_is_a_uuid_of_the_identity_alone() -> None:
    one = operation(request("announced", iccid=X, action="delete"))
    other = operation(callback("success", at=50))
    assert one.operation_id == other.operation_id == str(UUID(one.operation_id))
    assert UUID(one.operation_id).version == 8
    two = operations(request("announced", iccid=X), request("announced", iccid=Y))
    assert len({one.operation_id, *(known.operation_id for known in two)}) == 3
