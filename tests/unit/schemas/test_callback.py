"""One callback: what is understood of it, in every spelling that was ever seen."""

import json

import pytest

from schemas.callback import Callback, Line, Secrets, parse
from tests.unit.schemas.samples import (
    AS_PRINTED,
    EID,
    ICCID,
    IMEI,
    REPORTED,
    Body,
    body,
    refused,
    sample,
    understood,
    with_profile,
    written,
)

REQUEST = "595f5c44-c31c-4552-8670-020a1545a84d"


def test_the_vendors_printed_sample_is_understood_with_its_comma() -> None:
    callback = understood(AS_PRINTED)
    assert callback.request_id == REQUEST
    assert callback.eid == "666456789123456789123456784008"
    assert (callback.imei, callback.mdn) == ("666456789014008", "2022326360")
    assert (callback.iccid_echoed, callback.iccid_reported) == (None, "11245055053268336886")
    assert (callback.status, callback.profile_status) == ("Success", "delete")
    assert (callback.euicc_status, callback.euicc_status_code) == ("EXECUTED_SUCCESS", "1.2.365")
    assert callback.line == Line("Active", "RP4235311", "101.0.1.216", "1.3.6.1.4.1.31746.1.500.200.101.5")
    assert (callback.attempt, callback.attempts_max) == (1, 4)
    assert set(callback.flags) == {"repaired_json", "eid_length", "iccid_check", "imei_check"}


def test_the_repair_changes_nothing_else() -> None:
    repaired = understood(AS_PRINTED)
    strict = understood(AS_PRINTED.replace(b'updated",', b'updated"'))
    assert strict._replace(flags=()) == repaired._replace(flags=())
    assert "repaired_json" not in strict.flags


def test_a_good_callback_has_no_flags() -> None:
    callback = understood(body())
    assert callback.flags == ()
    assert (callback.credentials.username, callback.credentials.password) == ("fleet", "a password")
    assert (callback.eid, callback.iccid_echoed, callback.iccid_reported) == (EID, ICCID, REPORTED)
    assert callback.identifiers == (
        ("eid", EID),
        ("iccid", ICCID),
        ("iccid", REPORTED),
        ("imei", IMEI),
        ("mdn", "2022326360"),
    )


def test_what_is_kept_has_the_received_order_and_neither_credentials_nor_counts() -> None:
    kept = understood(AS_PRINTED).body
    assert list(kept) == ["requestId", "deviceIds", "deviceResponse", "status"]
    assert "deviceCredential" not in json.dumps(kept)
    assert [item["kind"] for item in kept["deviceIds"]] == ["imei", "eid"]  # type: ignore[index,union-attr,call-overload]


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("s2_fault", {"iccid_check", "imei_check"}),
        ("s3_carrier", {"no_device"}),
        ("s4_nidd", set()),
        ("s5_activate_enable", {"first_seen_late"}),
        ("s6_set_fallback_pascal_case", {"pascal_case", "first_seen_late", "last_attempt"}),
        ("s7_device_suspend", {"attempt_missing"}),
        ("warning", {"eid_length", "imei_check"}),
        ("odd_numbers", {"first_seen_late", "attempt_above_max", "unknown_member"}),
    ],
)
def test_each_published_envelope_is_understood(name: str, flags: set[str]) -> None:
    assert set(understood(sample(name)).flags) == flags


def test_pascal_case_says_the_same() -> None:
    callback = understood(sample("s6_set_fallback_pascal_case"))
    assert (callback.eid, callback.iccid_echoed) == (EID, ICCID)
    assert (callback.status, callback.profile_status) == ("SUCCESS", "SetFallbackAttribute")
    assert (callback.attempt, callback.attempts_max) == (4, 4)
    assert callback.credentials.password == "password"
    assert b"p" not in callback.canonical.split(b"PassWord")[1:]


def respelled(value: object, spell: object) -> object:
    if isinstance(value, dict):
        return {spell(key): respelled(item, spell) for key, item in value.items()}  # type: ignore[operator]
    return [respelled(item, spell) for item in value] if isinstance(value, list) else value


def pascal(name: str) -> str:
    return name[0].upper() + name[1:]


ALIASES = {"requestId": "requestID", "deviceIds": "Devices", "id": "Identifier", "kind": "Kind"}


@pytest.mark.parametrize(
    "spell",
    [
        str.upper,
        str.lower,
        pascal,
        str.swapcase,
        lambda name: f" {name} ",
        lambda name: ALIASES.get(name, name),
    ],
    ids=["upper", "lower", "pascal", "swapped", "spaced", "aliases"],
)
def test_every_member_is_recognised_in_any_spelling(spell: object) -> None:
    plain = understood(with_profile(state="Active", ipAddress="192.0.2.1"))
    odd = understood(respelled(with_profile(state="Active", ipAddress="192.0.2.1"), spell))
    unlike = {"body_json", "canonical", "flags"}
    said, heard = odd._asdict(), plain._asdict()
    assert {name: said[name] for name in said.keys() - unlike} == {
        name: heard[name] for name in heard.keys() - unlike
    }
    assert set(odd.flags) <= {"pascal_case"}


def test_a_bom_is_fine() -> None:
    assert understood(b"\xef\xbb\xbf" + written(body())) == understood(body())


def test_numbers_as_identifiers_keep_every_digit() -> None:
    callback = understood(sample("odd_numbers"))
    assert callback.request_id == "42"
    assert (callback.eid, callback.iccid_echoed) == (EID, ICCID)
    assert callback.exact
    assert b"89049032000000000000000000000163" in callback.canonical


@pytest.mark.parametrize(
    ("request_id", "understood_as"),
    [("", None), ("  ", None), (None, None), (..., None), (7, "7"), (" x ", "x"), (True, None), ([], None)],
)
def test_a_request_id_is_text_number_or_absent(request_id: object, understood_as: str | None) -> None:
    assert understood(body(requestId=request_id)).request_id == understood_as


def test_a_request_id_may_have_256_characters_and_no_more() -> None:
    assert understood(body(requestId="r" * 256)).request_id == "r" * 256
    refusal = refused(body(requestId="r" * 257))
    assert (refusal.reason, refusal.request_id) == ("request_id_too_long", None)


@pytest.mark.parametrize(
    ("changes", "attempt", "attempts_max", "flags"),
    [
        ({}, 1, 4, set()),
        ({"callbackCount": "3"}, 3, 4, {"first_seen_late"}),
        ({"callbackCount": 4}, 4, 4, {"first_seen_late", "last_attempt"}),
        ({"callbackCount": 1, "maxCallbackThreshold": 1}, 1, 1, {"last_attempt"}),
        ({"callbackCount": 5}, 5, 4, {"first_seen_late", "attempt_above_max"}),
        ({"callbackCount": ...}, None, 4, {"attempt_missing"}),
        ({"callbackCount": None}, None, 4, {"attempt_missing"}),
        ({"callbackCount": "one"}, None, 4, {"attempt_missing"}),
        ({"callbackCount": -1}, None, 4, {"attempt_missing"}),
        ({"callbackCount": 2**31}, None, 4, {"attempt_missing"}),
        ({"callbackCount": "9" * 5000}, None, 4, {"attempt_missing"}),
        ({"callbackCount": [1]}, None, 4, {"attempt_missing"}),
        ({"callbackCount": True}, None, 4, {"attempt_missing"}),
        ({"callbackCount": 0, "maxCallbackThreshold": ...}, 0, None, set()),
        ({"callbackCount": 2, "maxCallbackThreshold": "x"}, 2, None, {"first_seen_late"}),
    ],
)
def test_the_attempt_is_kept_beside_the_callback_and_flagged(
    changes: Body, attempt: int | None, attempts_max: int | None, flags: set[str]
) -> None:
    callback = understood(body(**changes))
    assert (callback.attempt, callback.attempts_max, set(callback.flags)) == (attempt, attempts_max, flags)
    assert callback.canonical == understood(body()).canonical


@pytest.mark.parametrize(
    ("fault", "code", "text"),
    [
        (None, None, None),
        ({}, None, None),
        ({"faultcode": "", "faultstring": " "}, None, None),
        ({"FaultCode": "S.X", "FAULTSTRING": "t"}, "S.X", "t"),
        ({"faultcode": 17}, "17", None),
        ("broken", None, "broken"),
        ([{"faultcode": "S.X"}], None, '[{"faultcode":"S.X"}]'),
        ([], None, None),
    ],
)
def test_a_fault_of_any_shape_is_a_fault(fault: object, code: str | None, text: str | None) -> None:
    callback = understood(body(faultResponse=fault))
    assert (callback.fault_code, callback.fault_text) == (code, text)


@pytest.mark.parametrize(
    "changes",
    [
        {"deviceResponse": None},
        {"deviceResponse": ...},
        {"deviceResponse": []},
        {"deviceResponse": {"deviceProfileResponse": None}},
        {"deviceResponse": {"deviceProfileResponse": "x"}},
        {"deviceIds": None},
        {"deviceIds": "x"},
        {"status": None},
        {"status": {"value": "Success"}},
    ],
)
def test_missing_and_misshapen_members_are_absent(changes: Body) -> None:
    assert understood(body(**changes)).request_id == REQUEST


def test_a_profile_response_outside_the_device_response_is_found() -> None:
    profile = body()["deviceResponse"]["deviceProfileResponse"]
    assert understood(body(deviceResponse=..., deviceProfileResponse=profile)).profile_status == "delete"


def test_an_unknown_member_is_kept_and_flagged_at_any_depth() -> None:
    for unknown in (body(novelty=1), with_profile(novelty={"a": []})):
        callback = understood(unknown)
        assert callback.flags == ("unknown_member",)
        assert "novelty" in json.dumps(callback.body)


@pytest.mark.parametrize(
    ("username", "password", "shown"),
    [
        (..., ..., (None, None)),
        (None, None, (None, None)),
        ("", "", ("", "")),
        (" u ", " p ", (" u ", " p ")),
        (1, 2, ("1", "2")),
        ([], {}, (None, None)),
    ],
)
def test_credentials_are_what_the_sender_showed(username: object, password: object, shown: object) -> None:
    credentials = understood(body(username=username, password=password)).credentials
    assert (credentials.username, credentials.password) == shown


def test_neither_repr_shows_a_credential() -> None:
    assert "a password" not in repr(understood(body()))
    assert "hush-hush" not in repr(Secrets(["hush-hush"]))


def test_nul_stays_in_the_body_and_leaves_the_extracted_texts() -> None:
    callback = understood(body(requestId="a\x00b", status="Succ\x00ess"))
    assert (callback.request_id, callback.status) == ("a\ufffdb", "Succ\ufffdess")
    assert callback.body["requestId"] == "a\x00b"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not_json"),
        (b"requestId=1", "not_json"),
        (written(body()) + b"}", "not_json"),
        (b"[]", "not_object"),
        (b'"text"', "not_object"),
        (b"null", "not_object"),
        (b"1e5", "not_object"),
        (b'{"a":"\xff"}', "not_utf8"),
        (written(body()).decode().encode("utf-16"), "not_utf8"),
        (b'{"a":' * 101 + b"1" + b"}" * 101, "too_deep"),
        (b'{"a":' * 2000 + b"1" + b"}" * 2000, "too_deep"),
        (b'{"deviceCredential":' * 101 + b"1" + b"}" * 101, "too_deep"),
        (b'{"status":"\\ud800"}', "lone_surrogate"),
        (b'{"n":1e999}', "number_out_of_range"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(raw: bytes, reason: str) -> None:
    assert refused(raw).reason == reason


def test_a_hundred_levels_are_read() -> None:
    assert understood(b'{"a":' * 100 + b"1" + b"}" * 100).flags == (
        "no_device",
        "attempt_missing",
        "unknown_member",
    )


TWICE = [
    b'{"requestId":"a","requestId":"a"}',
    b'{"requestId":"a","requestID":"b"}',
    b'{"deviceIds":[],"Device":[]}',
    b'{"device":[],"devices":[]}',
    b'{"status":"Success","Status":"Failed"}',
    b'{"status":"Success","st\\u0061tus":"Failed"}',
    b'{"status":"a:b","status":"c:d"}',
    b'{"note":"\\u003a\\u003a","status":"Success","status":"Failed"}',
    b'{"username":"a","username":"a"}',
    b'{"password":"a","PASSWORD":"a"}',
    b'{"x":[{"y":{"profileStatus":"a","profilestatus":"b"}}]}',
    b'{"deviceResponse":{"deviceProfileResponse":{"euiccStatus":"a","EuiccStatus":"b"}}}',
    b'{"faultResponse":null,"faultResponse":{}}',
    b'{"n":1.5,"status":"a","status":"b"}',
    b'{"deviceCredential":{"password":"a","password":"b"}}',
    b'\xef\xbb\xbf{"status":"a","status":"b",}',
]


@pytest.mark.parametrize("raw", TWICE)
def test_a_deciding_member_twice_in_one_object_is_refused(raw: bytes) -> None:
    assert refused(raw).reason == "deciding_member_twice"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"status":"Success","x":{"status":"Failed"}}',
        b'{"note":"a","note":"b","status":"Success"}',
        b'{"note":"status: x, \\"status\\": y","status":"Success"}',
        b'{"password":"a:b:c","status":"Success","deviceCredential":{"password":"::","x":[":"]}}',
        b'{"ipAddress":"2001:db8::1","status":"Success"}',
    ],
)
def test_what_only_looks_like_a_repetition_is_taken(raw: bytes) -> None:
    assert understood(raw).status == "Success"


def test_the_request_id_of_a_refused_body_is_found_when_there_is_one() -> None:
    assert refused(b'{"requestId":"r-1","status":1,"status":2}').request_id == "r-1"
    assert refused(b'{"requestId":"r-1","RequestId":"r-2"}').request_id is None
    assert refused(b'{"request').request_id is None


def test_parse_never_raises_for_any_bytes_of_a_sample() -> None:
    whole = written(body())
    for cut in range(len(whole)):
        parse(whole[:cut], Secrets(["a password"]))
        parse(whole[:cut] + b"\xff" + whole[cut:], Secrets(["a password"]))


def test_a_callback_is_a_value() -> None:
    assert isinstance(understood(body()), Callback)
    assert understood(body()) == understood(body())
