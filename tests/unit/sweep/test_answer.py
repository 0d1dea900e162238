"""Whose word in an answer counts for the operation in question (machines.md 3)."""

from dataclasses import replace

import pytest

from reconciler.core.identity import Device, Group, operation_id
from reconciler.sweep.answer import Answer, Asked, Speaker, device_of, reading, speaker_of
from schemas.ids import Eid
from schemas.signal import PollSignal
from tests.unit.sweep.asked import (
    ACCOUNT,
    ASKED,
    EID,
    IMEI,
    ONE_OF_SEVERAL,
    UNTARGETED,
    X,
    Y,
    answer,
    sub,
)

TABLE: list[tuple[str, Asked, Answer, Speaker, PollSignal]] = [
    ("the profile in question", ASKED, answer(sub("Failed")), "target", "poll_failure"),
    (
        "never the overall status of several",
        ASKED,
        answer(sub("Pending"), sub("Success", Y)),
        "target",
        "poll_pending",
    ),
    ("a check digit left out", ASKED, answer(sub("Success", X[:19])), "target", "poll_success"),
    (
        "its words disagree",
        ASKED,
        answer(sub("Success"), sub("Failed"), sub("Success", Y)),
        "target",
        "poll_pending",
    ),
    ("the device by its EID", UNTARGETED, answer(sub("Success", EID, "EID")), "device", "poll_success"),
    ("the only one names the target", UNTARGETED, answer(sub("Success")), "only", "poll_success"),
    ("the only one names nothing", ASKED, answer(sub("Failed", None, None)), "only", "poll_failure"),
    ("the only one names another profile", ASKED, answer(sub("Success", Y)), "only", "poll_success"),
    ("not broken down", ASKED, answer(status="Failure"), "overall", "poll_failure"),
    ("nobody says anything", ASKED, answer(status=None), "overall", "poll_pending"),
    ("a word that nobody knows", ASKED, answer(sub("Perhaps")), "target", "poll_pending"),
    (
        "several, and none about us",
        ASKED,
        answer(sub("Success", Y), sub("Success", EID[:20])),
        "nobody",
        "poll_pending",
    ),
    ("a request of many, not broken down", ONE_OF_SEVERAL, answer(), "nobody", "poll_pending"),
    ("a request of many, about another", ONE_OF_SEVERAL, answer(sub("Success", Y)), "nobody", "poll_pending"),
    ("a request of many, about us", ONE_OF_SEVERAL, answer(sub("Success")), "target", "poll_success"),
    (
        "a request of many, about our device only",
        ONE_OF_SEVERAL,
        answer(sub("Success", EID, "eid")),
        "nobody",
        "poll_pending",
    ),
    (
        "of many, and the target unknown",
        replace(UNTARGETED, one_of_several=True),
        answer(sub("Success", Y)),
        "nobody",
        "poll_pending",
    ),
]


@pytest.mark.parametrize(
    ("asked", "said", "speaker", "signal"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_whose_word_counts(asked: Asked, said: Answer, speaker: Speaker, signal: PollSignal) -> None:
    assert speaker_of(asked, said) == speaker
    assert reading(asked, said).signal == signal


def test_one_sub_request_that_is_about_another_operation_stays_out_of_the_event() -> None:
    """As the only one it would name the target of the wrong device."""
    assert reading(ONE_OF_SEVERAL, answer(sub("Success", Y))).sub_requests == ()
    assert reading(ONE_OF_SEVERAL, answer(sub("Success"))).sub_requests == (sub("Success"),)


def test_a_sub_request_that_names_device_and_profile_names_one_profile() -> None:
    said = answer(sub("Success", EID, "eid"), sub("Success", X))
    assert reading(UNTARGETED, said) == ("poll_success", (sub("Success", X),))


@pytest.mark.parametrize(
    "device",
    [Device("eid", EID), Device("imei", IMEI), Device("mdn", "2022326360"), Device("iccid", X)],
    ids=lambda device: device.kind,
)
def test_a_poll_stays_with_whatever_stands_for_the_device(device: Device) -> None:
    group = Group(ACCOUNT, "request", "R")
    asked = replace(
        ASKED,
        operation_id=operation_id(group, device, None),
        eid=Eid(device.id) if device.kind == "eid" else None,
        device=device.id,
    )
    assert device_of(asked) == device


def test_where_nothing_was_named_nothing_stands_for_the_device() -> None:
    nothing = Device("none", "")
    found = operation_id(Group(ACCOUNT, "request", "R"), nothing, None)
    assert device_of(replace(ASKED, operation_id=found, eid=None, device=None)) == nothing
