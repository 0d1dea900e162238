"""Every shape that an answer was documented or seen in is understood, and nothing else is believed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.thingspace.answers import (
    json_of,
    listeners_of,
    refusal_of,
    refuses_session,
    refuses_token,
    request_id_of,
    session_of,
    status_of,
    token_of,
)
from reconciler.thingspace.exchange import Answer
from reconciler.thingspace.talk import Listener
from reconciler.thingspace.veil import Veil
from schemas.ids import RequestId

XML = (
    '<am:fault xmlns:am="http://wso2.org/apimanager"><am:code>404</am:code><am:type>Status report</am:type>'
    "<am:message>Not Found</am:message>"
    "<am:description>The requested resource is not available.</am:description></am:fault>"
)
EXPIRED = (
    '{"fault":{"code":"900901","message":"Invalid Credentials",'
    '"description":"Access failure for API: /m2m/v1, version: v1. Make sure you have given '
    'the correct access token"}}'
)


def answer(body: str, status: int = 400) -> Answer:
    return Answer(status, body.encode())


@pytest.mark.parametrize(
    ("body", "code", "text", "by_gateway"),
    [
        ('{"errorCode":"REQUEST_FAILED.X","errorMessage":"why"}', "REQUEST_FAILED.X", "why", False),
        ('{"errorCode":400,"errorMessage":"why"}', "400", "why", False),
        ('{"ErrorCode":"A.B"}', "A.B", "", False),
        (EXPIRED, "900901", "Invalid Credentials. Access failure", True),
        ('{"fault":{"code":900906,"message":"No matching resource found"}}', "900906", "No matching", True),
        (
            '{"code":"900902","message":"Missing Credentials","description":"Required"}',
            "900902",
            "Missing",
            True,
        ),
        ('{"error":"invalid_client","error_description":"no"}', "invalid_client", "no", True),
        ('{"error":{"code":"X","message":"why"}}', "X", "why", False),
        ('{"faultResponse":{"faultcode":"S.Y","faultstring":"why"}}', "S.Y", "why", False),
        ('[{"errorCode":"Z","errorMessage":"why"}]', "Z", "why", False),
        (XML, "404", "Not Found. The requested resource is not available", True),
        ("<fault><code>1</code><message>a &amp; b</message></fault>", "1", "a & b", True),
        (f"<fault><code>1</code><message>a&#{'9' * 5000};b</message></fault>", "1", "a\ufffdb", True),
        ("Missing grant_type parameter: invalid_request", "invalid_request", "Missing", True),
        ("plain words", None, "plain words", False),
        ("", None, "", False),
        ('"a text"', None, '"a text"', False),
        ("[]", None, "[]", False),
    ],
)
def test_every_shape_of_a_refusal_is_read(body: str, code: str | None, text: str, by_gateway: bool) -> None:
    refusal = refusal_of(answer(body))
    assert refusal is not None
    assert (refusal.code, refusal.by_gateway) == (code, by_gateway)
    assert text in refusal.text


@pytest.mark.parametrize("body", ["<!DOCTYPE html><p>Blocked", "\ufeff<HTML><head>", "<body>no</body>"])
def test_a_page_for_people_is_nobodys_refusal(body: str) -> None:
    assert refusal_of(answer(body)) is None
    assert not refuses_token(answer(body, 401))


@pytest.mark.parametrize(
    ("body", "status", "refused"),
    [
        ('{"errorCode":"UnifiedWebService.REQUEST_FAILED.SessionToken.Expired"}', 400, True),
        ('{"errorCode":"INPUT_INVALID.SessionToken.Invalid"}', 401, True),
        ('{"errorCode":"REQUEST_FAILED.sessionToken"}', 400, True),
        ('{"errorCode":"REQUEST_FAILED.SessionTokens.Many"}', 400, False),
        ('{"errorCode":"REQUEST_FAILED.SessionToken.Expired"}', 200, False),
    ],
)
def test_any_error_about_the_session_is_one(body: str, status: int, refused: bool) -> None:
    assert refuses_session(answer(body, status)) is refused


def test_keys_are_read_whatever_else_is_said() -> None:
    assert token_of(answer('{"access_token":"t","scope":"s","expires_in":"120"}')) == ("t", 120.0)
    assert token_of(answer('{"access_token":"t","token_type":"Bearer"}')) == ("t", None)
    assert token_of(answer('{"scope":"s"}')) is None
    assert session_of(answer('{"sessionToken":"s"}')) == "s"
    assert session_of(answer("<html>")) is None


def test_what_is_kept_of_an_answer_holds_no_nul() -> None:
    """No database text can, and nobody may keep us from noting an answer by it."""
    nul = r"a\u0000b"
    assert request_id_of(answer(f'{{"requestId":"{nul}"}}')) == "a\ufffdb"
    refusal = refusal_of(answer(f'{{"errorCode":"{nul}","errorMessage":"{nul}"}}'))
    assert refusal is not None
    assert (refusal.code, refusal.text) == ("a\ufffdb", "a\ufffdb")
    xml = refusal_of(answer("<fault><code>a\0b</code><message>c\0d</message></fault>"))
    assert xml is not None
    assert Veil().refusal(xml) == ("a\ufffdb", "c\ufffdd")
    status = status_of(
        answer(f'{{"status":"{nul}","subrequests":[{{"status":"{nul}"}}]}}', 200), "v2", RequestId("r")
    )
    assert status is not None
    assert (status.status, status.sub_requests[0].status) == ("a\ufffdb", "a\ufffdb")


def test_a_request_id_may_be_a_number_but_not_nothing() -> None:
    assert request_id_of(answer('{"requestId":5}')) == "5"
    assert request_id_of(answer('{"RequestId":"a-b"}')) == "a-b"
    for body in (
        '{"requestId":""}',
        '{"requestId":true}',
        '["requestId"]',
        "{",
        '{"requestId":"%s"}' % ("x" * 257),
    ):
        assert request_id_of(answer(body)) is None


@pytest.mark.parametrize(
    "body",
    [
        '{"requestId":"r","status":"Success","subRequests":[{"ids":[{"id":"1","kind":"iccid"}],"status":"Success"},'
        '{"ids":[{"id":"2","kind":"ICCID"}],"status":"Pending"}]}',
        '{"requestId":"r","status":"Success","subrequests":[{"ids":{"id":"1","kind":"iccid"},"status":"Success"},'
        '{"ids":{"id":"2","kind":"iccid"},"status":"Pending"}]}',
    ],
)
def test_both_shapes_of_a_status_say_the_same(body: str) -> None:
    status = status_of(answer(body, 200), "v2", RequestId("r"))
    assert status is not None
    assert [(sub.kind, sub.id, sub.status) for sub in status.sub_requests] == [
        ("iccid", "1", "Success"),
        ("iccid", "2", "Pending"),
    ]
    assert status.body == json_of(answer(body))


def test_a_sub_request_without_identifiers_still_counts() -> None:
    status = status_of(
        answer('{"status":"Failed","subRequests":[{"status":"Failed"}]}'), "v2", RequestId("r")
    )
    assert status is not None
    assert [(sub.kind, sub.status) for sub in status.sub_requests] == [(None, "Failed")]


@pytest.mark.parametrize(
    "body", ["{}", "[]", "<html>", '{"requestId":"other","status":"Success"}', '{"status":5}']
)
def test_what_is_no_status_of_the_request_is_none(body: str) -> None:
    assert status_of(answer(body), "v2", RequestId("r")) is None


def test_listeners_come_under_either_name_and_without_passwords() -> None:
    body = (
        '[{"accountName":"a","serviceName":"CarrierService","url":"http://h","username":"u","password":"canary"},'
        '{"name":"DeviceUsage","url":"http://i"},{"url":"http://j"},5]'
    )
    found = listeners_of(answer(body), "ours")
    assert found == (
        Listener("CarrierService", "http://h", "u", password_fits=False),
        Listener("DeviceUsage", "http://i", None, password_fits=None),
    )
    assert listeners_of(answer('[{"name":"S","url":"u","password":"ours"}]'), "ours") == (
        Listener("S", "u", None, password_fits=True),
    )
    assert "canary" not in repr(found)
    assert "canary" not in repr(answer(body))
    assert listeners_of(answer("{}")) is None
    assert listeners_of(answer("[]")) == ()


READERS = (
    refusal_of,
    refuses_session,
    refuses_token,
    token_of,
    session_of,
    request_id_of,
    listeners_of,
    lambda got: status_of(got, "v2", RequestId("r")),
)
WORDS = (
    "errorCode",
    "fault",
    "code",
    "message",
    "error",
    "subRequests",
    "ids",
    "id",
    "requestId",
    "name",
    "url",
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda part: st.lists(part) | st.dictionaries(st.sampled_from(WORDS) | st.text(), part),
)


@given(
    st.binary() | JSON.map(lambda value: json.dumps(value).encode()), st.sampled_from([200, 400, 401, 500])
)
def test_nothing_that_comes_back_breaks_a_reader(body: bytes, status: int) -> None:
    for read in READERS:
        read(Answer(status, body))


@pytest.mark.parametrize("unit", ["[", '{"fault":', '[{"error":'])
def test_endless_nesting_is_no_answer(unit: str) -> None:
    for read in READERS:
        read(answer(unit * 1000))
    closed = "[" * 65 + "]" * 65
    assert json_of(answer(closed)) is None
    assert json_of(answer("[" + "[]," * 1000 + "[]]")) is not None
