"""Events: their members, their ids, their bytes."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.callback import Secrets
from schemas.event import (
    CallbackEvent,
    DecisionEvent,
    Event,
    PollEvent,
    RequestEvent,
    SubRequest,
    callback_event,
    decision_event,
    event_id_of,
    event_key,
    poll_event,
    request_event,
    rfc3339,
)
from schemas.ids import Eid, Iccid, IntentId, RequestId
from schemas.record import decode_event
from tests.unit.schemas.samples import ACCOUNT, AS_PRINTED, EID, ICCID, NOW, Body, body, sample, understood

COMMON = [
    *("kind", "event_id", "account", "request_id", "eid", "imei", "mdn"),
    *("observed_at", "producer", "rules", "flags"),
]
CALLBACK = [
    *("service", "iccid_echoed", "iccid_reported", "identifiers", "action", "signal"),
    *("status", "profile_status", "euicc_status", "euicc_status_code", "euicc_status_desc"),
    *("fault_code", "fault_text", "line", "attempt", "attempts_max", "source_ip", "body"),
]


def written(value: object, **changes: Any) -> tuple[str, bytes]:
    arguments: dict[str, Any] = {
        "account": ACCOUNT,
        "service": "DeviceProfileService",
        "source_ip": "3.87.163.45",
        "observed_at": NOW,
        "producer": "profile-receiver/0.1.0",
        **changes,
    }
    return callback_event(understood(value), **arguments)


def read(value: bytes) -> Event:
    event = decode_event(value)
    assert isinstance(event, CallbackEvent | PollEvent | RequestEvent | DecisionEvent), event
    return event


def test_a_callback_event_has_every_member_in_order_and_body_last() -> None:
    event = json.loads(written(AS_PRINTED)[1])
    assert list(event) == COMMON + CALLBACK
    assert event["line"] == {
        "state": "Active",
        "service_plan": "RP4235311",
        "ip_address": "101.0.1.216",
        "smsr_oid": "1.3.6.1.4.1.31746.1.500.200.101.5",
    }
    assert event["identifiers"][0] == {"kind": "eid", "id": "666456789123456789123456784008"}
    assert event["flags"] == ["eid_length", "iccid_check", "imei_check", "repaired_json"]
    assert (event["action"], event["signal"], event["rules"]) == ("delete", "success", 1)


def test_absent_things_are_null() -> None:
    event = json.loads(written({"status": None})[1])
    assert list(event) == COMMON + CALLBACK
    absent = {name for name, value in event.items() if value is None}
    assert absent == {
        *("request_id", "eid", "imei", "mdn", "iccid_echoed", "iccid_reported", "action", "status"),
        *("profile_status", "euicc_status", "euicc_status_code", "euicc_status_desc"),
        *("fault_code", "fault_text", "attempt", "attempts_max"),
    }


def test_flags_of_words_and_of_the_receiver_join_the_callbacks() -> None:
    odd = body(status="Odd")
    odd["deviceResponse"]["deviceProfileResponse"].update(profileStatus="dance", euiccStatus="DONE")
    event = json.loads(written(odd, extra_flags=("source_unlisted",))[1])
    assert event["flags"] == ["source_unlisted", "unknown_action", "unknown_euicc_status", "unknown_status"]
    assert (event["action"], event["profile_status"], event["signal"]) == (None, "dance", "unclear")


@pytest.mark.parametrize(
    "value",
    [AS_PRINTED, body(), {}, *map(sample, ("s2_fault", "s6_set_fallback_pascal_case", "odd_numbers"))],
    ids=["printed", "good", "empty", "fault", "pascal", "numbers"],
)
def test_reading_an_event_back_gives_the_same_bytes(value: object) -> None:
    event_id, data = written(value)
    event = read(data)
    assert isinstance(event, CallbackEvent)
    assert event.to_json() == data
    assert event.event_id == event_id == event_id_of(event)
    assert data.endswith(event.body_json() + b"}")


@pytest.mark.parametrize(
    "changes",
    [
        {"callbackCount": 3},
        {"callbackCount": ...},
        {"maxCallbackThreshold": 9},
        {"username": "other", "password": "other"},
        {"CALLBACKCOUNT": 2, "callbackCount": ...},
        {"deviceCredential": {"a": ["b"]}},
        {
            "deviceIds": [
                {"kind": "eid", "id": EID},
                {"id": ICCID, "kind": "iccid"},
                {"kind": "imei", "id": "490154203237518"},
            ]
        },
    ],
)
def test_copies_of_one_callback_have_one_id(changes: Body) -> None:
    assert written(body(**changes))[0] == written(body())[0]


def test_another_word_or_account_is_another_event() -> None:
    ids = {
        written(body())[0],
        written(body(status="success"))[0],
        written(body(requestId=None))[0],
        written(body(), account="other")[0],
    }
    assert len(ids) == 4
    assert written(body(), service="CarrierService", source_ip=None)[0] in ids


def test_the_order_of_members_is_not_in_the_id_but_in_the_body() -> None:
    turned = dict(reversed(body().items()))
    assert written(turned)[0] == written(body())[0]
    assert list(json.loads(written(turned)[1])["body"]) == [
        "status",
        "deviceResponse",
        "deviceIds",
        "requestId",
    ]


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOW, "2026-11-24T06:30:15.000042Z"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00.000000Z"),
        (datetime(2026, 1, 2, 1, tzinfo=timezone(timedelta(hours=2))), "2026-01-01T23:00:00.000000Z"),
        (datetime(1, 1, 1, 0, 0, 0, 1, tzinfo=UTC), "0001-01-01T00:00:00.000001Z"),
    ],
)
def test_times_are_utc_with_microseconds(moment: datetime, text: str) -> None:
    assert rfc3339(moment) == text


def a_request(**changes: Any) -> RequestEvent:
    arguments: dict[str, Any] = {
        "phase": "submitted",
        "account": ACCOUNT,
        "request_id": RequestId("r-1"),
        "intent_id": IntentId("i-1"),
        "eid": Eid(EID),
        "iccid": Iccid(ICCID),
        "action": "delete",
        "observed_at": NOW,
        "producer": "test",
        "requested_at": NOW - timedelta(seconds=3),
        "requested_by": "somebody",
        **changes,
    }
    return request_event(**arguments)


def a_poll(**changes: Any) -> PollEvent:
    arguments: dict[str, Any] = {
        "account": ACCOUNT,
        "request_id": RequestId("r-1"),
        "eid": Eid(EID),
        "iccid": Iccid(ICCID),
        "endpoint": "v2 request status",
        "status": "Success",
        "sub_requests": [
            SubRequest(kind="iccid", id="2", status="Pending"),
            SubRequest(kind="iccid", id="1", status="Success"),
        ],
        "signal": "poll_success",
        "poll_number": 3,
        "body": {"requestId": "r-1", "n": 2**70},
        "observed_at": NOW,
        "producer": "test",
        **changes,
    }
    return poll_event(**arguments)


def a_decision(**changes: Any) -> DecisionEvent:
    arguments: dict[str, Any] = {
        "account": ACCOUNT,
        "request_id": RequestId("r-1"),
        "intent_id": None,
        "eid": Eid(EID),
        "iccid": None,
        "decided": "failed",
        "sequence": 2**60,
        "why": "seen on the device",
        "decided_by": "operator",
        "observed_at": NOW,
        "producer": "test",
        **changes,
    }
    return decision_event(**arguments)


@pytest.mark.parametrize("event", [a_request(), a_poll(), a_decision()], ids=lambda event: event.kind)
def test_the_other_kinds_survive_the_wire(event: Event) -> None:
    data = event.to_json()
    assert read(data) == event
    assert read(data).to_json() == data
    assert event_id_of(event) == event.event_id
    assert list(json.loads(data))[: len(COMMON)] == COMMON


def test_a_decision_is_written_with_its_own_word() -> None:
    assert json.loads(a_decision().to_json())["as"] == "failed"


def test_sub_requests_have_no_order() -> None:
    turned = a_poll(sub_requests=list(a_poll().sub_requests)[::-1])
    assert turned == a_poll()
    assert [sub.id for sub in a_poll().sub_requests] == ["1", "2"]


@pytest.mark.parametrize(
    ("event", "key"),
    [
        (a_request(), EID),
        (a_request(eid=None), "r-1"),
        (a_request(eid=None, request_id=None), "i-1"),
        (a_decision(eid=None, request_id=None, intent_id=IntentId("i-2")), "i-2"),
        (a_poll(eid=None), "r-1"),
    ],
)
def test_the_key_is_the_eid_else_the_request_else_the_intent(event: Event, key: str) -> None:
    assert event_key(event) == key.encode()


def test_with_nothing_else_the_key_is_the_event_id() -> None:
    event = a_request(eid=None, request_id=None, intent_id=None)
    assert event_key(event) == event.event_id.encode()


def test_models_are_frozen_and_refuse_what_the_database_would() -> None:
    with pytest.raises(ValidationError):
        a_request().account = "other"  # type: ignore[misc,assignment]
    for changes in (
        {"eid": ""},
        {"eid": "8" * 129},
        {"observed_at": datetime(2026, 1, 1)},
    ):
        with pytest.raises(ValidationError):
            a_request(**changes)


def test_no_event_holds_a_secret() -> None:
    secrets = Secrets(["hidden-canary"])
    callback = understood(body(password="hidden-canary", note=["x hidden-canary"]), secrets)
    _, data = callback_event(
        callback, account=ACCOUNT, service="s", source_ip=None, observed_at=NOW, producer="p"
    )
    assert b"hidden-canary" not in data
    assert json.loads(data)["body"]["note"] == ["x ***"]
