"""The second, independent reading of the rule that names messages."""

from __future__ import annotations

import hashlib
import json

import pytest

from tests.simulator import content
from tests.simulator.script import sample

BODY = (
    b'{"username":"u","Password":"p","requestId":"r",'
    b'"deviceIds":[{"kind":"imei","id":"2"},{"kind":"eid","id":"1"}],"callbackCount":1}'
)


def test_the_vendors_sample_is_not_json_until_its_trailing_comma_is_gone() -> None:
    printed = sample("delete_success")
    with pytest.raises(ValueError, match=r"."):
        json.loads(printed)
    found = content.readable(printed)
    assert found is not None
    assert found["requestId"] == "595f5c44-c31c-4552-8670-020a1545a84d"


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ('{"a":1,}', '{"a":1}'),
        ("[1, 2 ,\n ]", "[1, 2 \n ]"),
        ('{"a":",}",}', '{"a":",}"}'),
        (r'{"a":"\",]",}', r'{"a":"\",]"}'),
        ('{"a":[{},],}', '{"a":[{}]}'),
        ('{"a":1}', '{"a":1}'),
    ],
)
def test_only_commas_before_a_closing_bracket_outside_strings_are_dropped(text: str, without: str) -> None:
    assert content.without_trailing_commas(text) == without


def test_the_event_id_is_the_hash_of_the_published_text() -> None:
    text = '["callback","A",{"deviceIds":[{"id":"1","kind":"eid"},{"id":"2","kind":"imei"}],"requestId":"r"}]'
    assert content.event_id(BODY, "A") == hashlib.sha256(text.encode()).hexdigest()


def test_a_secret_inside_a_string_is_masked_before_the_id() -> None:
    one, other = (
        json.dumps({"requestId": "r", "note": f"password {secret} seen"}).encode()
        for secret in ("first-secret", "other-secret")
    )
    secrets = ["first-secret", "other-secret"]
    assert content.event_id(one, "A", secrets) == content.event_id(other, "A", secrets)
    assert content.event_id(one, "A") != content.event_id(other, "A")


def test_attempts_and_credentials_do_not_change_a_message() -> None:
    second = content.with_attempt(BODY, 2).replace(b'"p"', b'"another"')
    assert b'"callbackCount":2' in second
    assert content.payload_id(second) == content.payload_id(BODY)


def test_an_unreadable_body_keeps_its_name_across_attempts() -> None:
    cut = b'{"callbackCount": 1, "requestId":"r", "x'
    assert content.readable(cut) is None
    assert content.event_id(cut, "A") is None
    assert content.payload_id(content.with_attempt(cut, 3)) == content.payload_id(cut)


def test_a_body_without_a_counter_stays_as_it_is() -> None:
    assert content.with_attempt(b"{}", 3) == b"{}"


@pytest.mark.parametrize("body", [b"[]", b"7", b"\xff{}", b"", b'{"a":' * 5000])
def test_what_is_no_object_is_not_readable(body: bytes) -> None:
    assert content.readable(body) is None
