"""What is kept of a body that could not be read."""

import json
import time

import pytest

from schemas.redaction import redacted, request_id_in
from schemas.scrub import Secrets

SECRETS = Secrets(["canary-1234"])


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (b"plain words", b"plain words"),
        (b'{"a":"canary-1234"', b'{"a":"***"'),
        (b"canary-1234", b"***"),
        (b'{"a":"c\\u0061nary-1234"', b'{"a":"***"'),
        (b'{"a":"\\u0063\\u0061\\u006E\\u0061ry\\u002d1234"', b'{"a":"***"'),
        (b'{"password":"x\\"y","b":1', b'{"password":"***","b":1'),
        (b'{"PassWord" : "x"}}', b'{"PassWord" : "***"}}'),
        (b'{"pass\\u0077ord":"x"', b'{"password":"***"'),
        (b'{"password":12345,"b":1}}', b'{"password":***,"b":1}}'),
        (
            b'{"deviceCredential":{"username":"u","password":["p","q"]},"b":1',
            b'{"deviceCredential":***,"b":1',
        ),
        (b'{"secrets":["a","b"],"c":1', b'{"secrets":***,"c":1'),
        (b'{"token":{"a":"}"', b'{"token":***'),
        (b'{"password":"cut of', b'{"password":"***"'),
        (b"{'pwd':'it','b':1}", b"{'pwd':***,'b':1}"),
        (b"user=a&passwd=b c&requestId=1", b"user=a&passwd=***&requestId=1"),
        (b"<password>p</password>", b"<password>***</password>"),
        (b"Authorization: Basic Zm9vOmJhcg==\nX: 1", b"Authorization: ***\nX: 1"),
        (b'{\\"password\\":\\"abc\\",\\"b\\":1}', b'{\\"password\\":***,\\"b\\":1}'),
        (b"the password is missing", b"the password is missing"),
        (b'"token" of "secret"', b'"token" of "secret"'),
        (b'{"a":"\xe9","password":"q"' + b" " * 40, '{"a":"\ufffd","password":"***"'.encode() + b" " * 40),
    ],
)
def test_secrets_go_and_the_rest_is_kept(raw: bytes, kept: bytes) -> None:
    assert redacted(raw, SECRETS) == kept


@pytest.mark.parametrize(
    "raw",
    [
        '{"a":"canary-1234"'.encode("utf-16"),
        '{"a":"canary-1234"'.encode("utf-16-le"),
        '{"a":"canary-1234"'.encode("utf-32-be"),
        "canary-1234".encode("cp037"),
        bytes(range(128, 256)),
        b"c%61nary-1234",
        b"c&#97;nary-1234",
        b'{"a":"canary\\u005c\\u00751234 c\\\\x61nary-1234"',
        b"%" + b"25" * 40 + b"41",
    ],
)
def test_where_no_secret_can_be_excluded_nothing_is_kept(raw: bytes) -> None:
    assert redacted(raw, SECRETS) == b""


def test_a_secret_with_other_letters_forbids_guessing_the_encoding() -> None:
    raw = '{"a":"pässword-1"'.encode("latin-1") + b" " * 100
    assert redacted(raw, Secrets(["pässword-1"])) == b""
    assert redacted(raw, SECRETS) != b""


@pytest.mark.parametrize(
    ("raw", "request_id"),
    [
        (b'{"requestId":"595f5c44-c31c-4552-8670-020a1545a84d"', "595f5c44-c31c-4552-8670-020a1545a84d"),
        (b'{"RequestID" : 17, x', "17"),
        (b"request_id=ab.c:1&b", "ab.c:1"),
        (b"<requestId>x</requestId>", "x"),
        (b'{\\"requestId\\":\\"a\\"}', "a"),
        (b'{"requestId":"a","x":{"requestId":"a"}', "a"),
        (b'{"requestId":"a","requestId":"b"', None),
        (b'{"requestId":""', None),
        (b'{"requestId":"' + b"r" * 257 + b'"', None),
        (b'{"requestId":"' + b"r" * 256 + b'"', "r" * 256),
        (b'{"requestId":"canary-1234"', None),
        (b"\xff\xfe requestId: x1", "x1"),
        (b"nothing", None),
    ],
)
def test_a_request_id_is_found_when_the_body_names_exactly_one(raw: bytes, request_id: str | None) -> None:
    assert request_id_in(raw, SECRETS) == request_id


@pytest.mark.parametrize(
    "piece",
    [
        *(b"password", b"password ", b'password"', b"password:{", b'password:"\\', b'"', b'\\"', b"{", b"\\"),
        *(
            b"requestid",
            b"requestid:",
            b"%25",
            b"&#x26;",
            b"\\u0041",
            b"a\\",
            b"'",
            b"token='",
            b"[]",
            b"\\u005c",
        ),
    ],
)
def test_the_largest_body_of_any_piece_is_done_quickly(piece: bytes) -> None:
    raw = piece * (65_536 // len(piece))
    started = time.process_time()
    redacted(raw, SECRETS)
    request_id_in(raw, SECRETS)
    assert time.process_time() - started < 1


def test_what_is_kept_reads_like_the_original() -> None:
    raw = json.dumps({"requestId": "r", "note": "ünïcode\u2028"}).encode() + b"}"
    assert redacted(raw, SECRETS).decode().startswith('{"requestId": "r", "note": "')
