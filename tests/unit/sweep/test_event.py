"""The event of a poll folds into the operation that was asked about, like every other event."""

from dataclasses import replace

import pytest

from reconciler.core.evidence import Evidence, evidence_of
from reconciler.core.identity import Device, Group, operation_id
from reconciler.core.operation import Operation, fold_request
from reconciler.sweep.answer import Answer, Asked
from reconciler.sweep.event import EVENT_BYTES_MAX, PRODUCER, poll_of, refusal_of
from reconciler.thingspace.talk import Rejected, RequestStatus
from schemas.event import PollEvent, SubRequest, request_event
from schemas.names import Json
from schemas.record import decode_event
from tests.unit.sweep.asked import ACCOUNT, ASKED, EID, IMEI, START, UNTARGETED, X, Y, answer, sub


def polled(asked: Asked, said: Answer) -> PollEvent:
    body: Json = {"requestId": asked.request_id, "status": said.status}
    return poll_of(asked, RequestStatus("v2", said.status, tuple(said.sub_requests), body), START)


def announced(asked: Asked) -> Evidence:
    device = None if asked.eid is not None else asked.device
    event = request_event(
        phase="announced",
        account=ACCOUNT,
        request_id=asked.request_id,
        intent_id=None,
        eid=asked.eid,
        iccid=asked.iccid_target,
        action="enable",
        observed_at=START,
        producer="test",
        imei=device,
    )
    return evidence_of(event)


def after(asked: Asked, said: Answer) -> Operation:
    (operation,) = fold_request([announced(asked), evidence_of(polled(asked, said))]).operations
    return operation


def test_it_reads_back_as_it_was_produced() -> None:
    event = polled(ASKED, answer(sub("Success")))
    assert decode_event(event.to_json()) == event
    assert (event.producer, event.poll_number) == (PRODUCER, 3)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (answer(sub("Success")), "succeeded"),
        (answer(sub("Failed")), "failed"),
        (answer(sub("Pending")), "submitted"),
        (answer(sub("Success", X[:19])), "succeeded"),
        (answer(sub("Success", Y)), "unclear"),
        (answer(sub("Success"), sub("Failed", Y)), "succeeded"),
        (answer(status="Success"), "succeeded"),
    ],
    ids=["success", "failure", "pending", "no check digit", "another profile", "several", "overall"],
)
def test_an_answer_gives_its_operation_this_state(said: Answer, state: str) -> None:
    assert after(ASKED, said).state == state


def test_the_target_is_learned_from_a_single_sub_request() -> None:
    found = after(UNTARGETED, answer(sub("Success", Y)))
    assert (found.iccid_target, found.state, found.due_reasons) == (Y, "succeeded", ())


def test_an_operation_on_a_device_without_eid_gets_its_own_poll() -> None:
    device = Device("imei", IMEI)
    found = operation_id(Group(ACCOUNT, "request", "R"), device, None)
    asked = replace(ASKED, operation_id=found, eid=None, device=IMEI)
    assert after(asked, answer(sub("Success"))).operation_id == found


def test_a_refused_question_is_an_answer_that_settles_nothing() -> None:
    event = refusal_of(ASKED, Rejected("REQUEST_FAILED.NotFound", "unknown request id", 404), START)
    assert (event.signal, event.endpoint, event.sub_requests) == ("poll_pending", "refused", ())
    assert event.body == {
        "refused": {"code": "REQUEST_FAILED.NotFound", "text": "unknown request id", "http_status": 404}
    }


def test_an_answer_too_long_for_a_record_is_left_out_and_its_word_kept() -> None:
    many: list[SubRequest] = [sub("Pending", f"{number:020}") for number in range(20_000)]
    said = answer(sub("Success"), *many)
    event = polled(ASKED, said)
    assert len(event.to_json()) < EVENT_BYTES_MAX
    assert event.signal == "poll_success"
    assert after(ASKED, said).state == "succeeded"
    assert event.eid == EID


def test_a_word_too_long_for_a_record_is_cut() -> None:
    """Kafka would never take it, and the sweep would begin anew with it for ever."""
    event = polled(ASKED, Answer("Pending" + "!" * 1_000_000, ()))
    assert len(event.to_json()) < EVENT_BYTES_MAX
    assert event.status is not None
    assert event.status.startswith("Pending!")
    assert event.signal == "poll_pending"
