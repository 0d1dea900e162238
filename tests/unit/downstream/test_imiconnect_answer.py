"""What IMIconnect's answers mean: both envelopes, each code, and what is no answer of theirs."""

import json

import pytest

from reconciler.downstream.answer import Outcome
from reconciler.downstream.imiconnect_answer import Call, read, records_of


def flat(code: str, description: str, *results: tuple[str, str], **more: object) -> bytes:
    listed = [{"customerId": "9876", "code": each, "description": text} for each, text in results]
    return json.dumps({"code": code, "description": description, "Results": listed, **more}).encode()


QUEUED = flat(
    "1000", "QUEUED", ("1000", "QUEUED"), FailureCount=0, TotalCount=1, SuccessCount=1, transid="t-1"
)
QUEUED_ODDLY = flat("1000", "QUEUED", ("1000", "QUEUED"), FailureCount=1, TotalCount=1, SuccessCount=1)
DONE = flat("1000", "SUCCESS", ("1000", "SUCCESS"), FailureCount=0, TotalCount=1, SuccessCount=1)
ALL_FAILED = flat("1002", "Partial success", ("7015", "customer already exists"), SuccessCount=0)
GONE = flat("1002", "Partial success", ("7014", "app profile not found"), SuccessCount=0)
OLD = b'{"response":{"code":"1001","description":"Queued","transid":"3457ee77"}}'


@pytest.mark.parametrize(
    ("call", "http_status", "body", "outcome"),
    [
        ("delete", 202, QUEUED, "accepted"),
        ("delete", 200, QUEUED, "accepted"),
        ("create", 200, QUEUED_ODDLY, "accepted"),
        ("delete", 200, OLD, "accepted"),
        ("delete", 200, b'{"response":[{"code":"1001","description":"Queued"}]}', "accepted"),
        ("delete", 200, DONE, "confirmed"),
        ("delete", 202, DONE, "accepted"),
        ("status", 200, DONE, "confirmed"),
        ("status", 200, QUEUED, "accepted"),
        ("status", 200, ALL_FAILED, "exists"),
        ("status", 200, GONE, "not_there"),
        ("delete", 200, GONE, "not_there"),
        ("delete", 200, flat("7014", "app profile not found"), "not_there"),
        ("delete", 404, flat("7203", "not found"), "not_there"),
        ("update", 200, flat("7014", "not found"), "refused"),
        ("status", 200, flat("7600", "No result found"), "pending"),
        ("delete", 200, flat("7001", "Authentication failed"), "broken"),
        ("delete", 200, flat("7002", "Service Key Missing"), "broken"),
        ("delete", 200, flat("7010", "Source IP is not whitelisted"), "broken"),
        ("create", 200, flat("7018", "invalid app profile"), "broken"),
        ("delete", 200, flat("7003", "Mandatory parameters missing"), "refused"),
        ("create", 200, flat("7000", "Invalid JSON"), "refused"),
        ("create", 200, flat("7011", "Invalid Attribute Value"), "refused"),
        ("create", 200, flat("7012", "Batch size limit(100) exceeded"), "refused"),
        ("create", 200, flat("7015", "customer already exists"), "exists"),
        ("delete", 200, flat("7006", "Internal error occurred"), "lost"),
        ("status", 200, flat("7006", "Internal error occurred"), "away"),
        ("delete", 200, flat("7020", "You have reached maximum transaction limit (rate)."), "throttled"),
        ("delete", 200, flat("7020", "You have reached maximum transaction limit"), "throttled"),
        ("delete", 200, flat("7020", "You have reached maximum transaction limit (quota)"), "broken"),
        (
            "delete",
            400,
            b'{"detail":{"response_message":{"code":"7020","message":"... (rate)."}}}',
            "throttled",
        ),
        ("delete", 200, flat("4711", "something new"), "unknown"),
        ("delete", 200, b"{}", "unknown"),
        ("status", 200, flat("1002", "Partial success", ("1000", "SUCCESS"), ("7014", "gone")), "unknown"),
        ("delete", 401, b"", "broken"),
        ("delete", 403, b"<html>", "broken"),
        ("delete", 404, b"<html>", "broken"),
        ("delete", 302, b"", "broken"),
        ("delete", 429, b"", "throttled"),
        ("delete", 502, b"<html>Bad Gateway</html>", "lost"),
        ("status", 502, b"<html>Bad Gateway</html>", "away"),
        ("delete", 200, b"<html>log in</html>", "unknown"),
        ("delete", 200, b"[1,2]", "unknown"),
        ("delete", 200, b"\xff\x00", "unknown"),
    ],
)
def test_an_answer_means(call: Call, http_status: int, body: bytes, outcome: Outcome) -> None:
    assert read(call, http_status, body).outcome == outcome


def test_the_transaction_is_kept_from_either_envelope() -> None:
    assert read("delete", 202, QUEUED).transaction_id == "t-1"
    assert read("delete", 200, OLD).transaction_id == "3457ee77"


def test_what_it_says_is_bounded() -> None:
    assert len(read("delete", 200, flat("7" * 99, "x" * 9999)).text) == 300


PROFILES = {
    "Status": 0,
    "code": "1000",
    "Records": [
        {
            "Attributes": [
                {"Name": "customerId", "Value": "777777", "ID": 86911},
                {"Name": "deviceId", "Value": 4451830998765, "ID": 86913},
                {"Name": "createdOn", "Value": "2016-07-11 17:02:51", "ID": 86924},
                {"Name": "email", "Value": None, "ID": 1},
            ],
            "OutwardLinks": [{"ProfileID": 3030, "Records": [[{"Name": "customerid", "Value": "7"}]]}],
        }
    ],
}


def test_profiles_are_read_with_names_in_small_letters_and_values_as_text() -> None:
    assert records_of(json.dumps(PROFILES).encode()) == [
        {
            "customerid": "777777",
            "deviceid": "4451830998765",
            "createdon": "2016-07-11 17:02:51",
            "email": "",
        }
    ]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"Status":0,"code":"1000","Records":[]}', []),
        (b'{"code":"7014","description":"app profile not found"}', ()),
        (b'{"code":"7001"}', None),
        (b'{"code":"1000","Records":{}}', None),
        (b'{"code":"1000","Records":[{"Attributes":{}}]}', None),
        (b'{"code":"1000","Records":[{"Attributes":[{"Value":"1"}]}]}', None),
        (b"<html>", None),
    ],
)
def test_no_profile_is_told_from_no_readable_answer(body: bytes, found: object) -> None:
    assert records_of(body) == found


def test_a_value_that_is_none_is_neither_a_device_nor_a_time_however_deep() -> None:
    deep = "[" * 1015 + "]" * 1015
    body = f'{{"Records":[{{"Attributes":[{{"Name":"deviceId","Value":{deep}}}]}}]}}'
    assert records_of(body.encode()) == [{"deviceid": "(nested)"}]


def test_its_words_can_be_kept() -> None:
    answer = read("delete", 400, rb'{"code":"7000","description":"a\u0000b","transid":"t\u0000"}')
    assert (answer.text, answer.transaction_id) == ("a\ufffdb", "t\ufffd")
