"""Bodies that want to be misread, to grow, or to be believed."""

import gzip
import json

import orjson

from deploy.local.stack import Stack
from schemas.topics import Topics
from tests.integration.receiver.attack import STRANGER, attack, statuses
from tests.integration.receiver.served import Served
from tests.support.kafka import read_topic
from tests.unit.receiver.endpoint import PASSWORD, PATH, callback, request

LIMIT = 65_536
KIB = 1024


def with_member(member: bytes, **members: object) -> bytes:
    """A callback with one more member, as it is spelled."""
    return callback(**members)[:-1] + b"," + member + b"}"


UNREADABLE = {
    "too_deep": with_member(b'"x":' + b"[" * 30_000 + b"]" * 30_000),
    "number_out_of_range": with_member(b'"x":1e999'),
    "number_out_of_range again": with_member(b'"x":' + b"9" * 5_000),
    "not_utf8": with_member(b'"x":"\xff\xfe"'),
    "not_utf8 again": with_member(b'"x":"\xed\xa0\x80"'),
    "lone_surrogate": with_member(b'"x":"\\ud800"'),
    "not_json": with_member(b'"x":"\x00"'),
    "not_json again": b"\x00" * LIMIT,
    "deciding_member_twice": with_member(b'"password":"other"'),
    "deciding_member_twice again": with_member(b'"st\\u0061tus":"Failed"'),
    "not_object": b"[" * 50 + b"]" * 50,
    "request_id_too_long": callback(requestId="r" * 257),
}
READABLE = {
    "a hundred deep": with_member(b'"x":' + b"[" * 99 + b"]" * 99),
    "NUL as an escape": with_member(b'"x":"\\u0000"', requestId="nul"),
    "a wide number": with_member(b'"x":' + b"9" * 300),
    "a tiny number": with_member(b'"x":1e-999'),
    "another member twice": with_member(b'"x":1,"x":2'),
    "a byte order mark": b"\xef\xbb\xbf" + callback(),
    "trailing commas": callback()[:-1] + b",}",
    "ten thousand members": with_member(b",".join(b'"m%d":0' % number for number in range(5000))),
}


async def test_what_cannot_be_read_is_kept_aside_with_its_reason_and_what_can_be_is_taken(
    served: Served, stack: Stack, topics: Topics
) -> None:
    async with attack(await served.start()) as attacker:
        for name, body in {**UNREADABLE, **READABLE}.items():
            assert (name, await attacker.post(body)) == (name, 200)
        await attacker.until_sent()
    events = await read_topic(stack.bootstrap, topics.events)
    aside = [
        orjson.loads(record.value or b"") for record in await read_topic(stack.bootstrap, topics.quarantine)
    ]
    assert sorted(entry["reason"] for entry in aside) == sorted(name.partition(" ")[0] for name in UNREADABLE)
    assert len(events) == len(READABLE) + 2
    kept = b"".join((record.value or b"") + (record.key or b"") for record in events) + orjson.dumps(aside)
    assert PASSWORD.encode() not in kept


async def test_compressed_bombs_are_told_that_they_are_too_large(served: Served) -> None:
    bomb = gzip.compress(b" " * (1000 * LIMIT), 9)
    nested = gzip.compress(gzip.compress(b" " * (1000 * LIMIT), 9), 9)
    many = gzip.compress(b"") * 17
    assert len(bomb) < LIMIT
    async with attack(await served.start()) as attacker:
        for _ in range(50):
            assert await attacker.post(bomb[:LIMIT], Content_Encoding="gzip") == 413
        for body in (nested, many, bomb[: len(bomb) // 2][:1000], b"\x1f\x8b" + b"\x00" * 50):
            assert await attacker.post(body, Content_Encoding="gzip") in (200, 413)
        assert await attacker.post(bomb, Content_Encoding="gzip, gzip") == 415
        for coding in ("deflate", "br", "zstd", "compress"):
            assert await attacker.post(callback(), Content_Encoding=coding) == 415
        assert await attacker.post(gzip.compress(callback()), Content_Encoding="gzip") == 200


async def test_a_forwarded_address_is_believed_of_nobody_but_a_trusted_proxy(
    served: Served, stack: Stack, topics: Topics
) -> None:
    async with attack(await served.start({"RECEIVER_ALLOW_MODE": "enforce"})) as attacker:
        for spoofed in ("127.0.0.1", "127.0.0.1, 127.0.0.1", "[::1]", "unknown", "127.0.0.1" * 100):
            status = await attacker.post(callback(), source=STRANGER, X_Forwarded_For=spoofed)
            assert status == 403
        assert await attacker.post(callback(requestId="true"), X_Forwarded_For="203.0.113.9") == 200
        await attacker.until_sent()
    events = [
        orjson.loads(record.value or b"") for record in await read_topic(stack.bootstrap, topics.events)
    ]
    assert {event["source_ip"] for event in events} == {"127.0.0.1"}


async def test_through_a_trusted_proxy_the_last_address_that_it_saw_counts(served: Served) -> None:
    trusting = {"RECEIVER_ALLOW_MODE": "enforce", "RECEIVER_TRUSTED_PROXIES": f"{STRANGER}/32"}
    async with attack(await served.start(trusting)) as attacker:
        for said, status in (
            ("127.0.0.1", 200),
            ("127.0.0.1, 203.0.113.9", 403),
            ("203.0.113.9, 127.0.0.1", 200),
            ("nonsense", 403),
            ("", 403),
        ):
            told = await attacker.post(callback(), source=STRANGER, X_Forwarded_For=said)
            assert (said, told) == (said, status)


async def test_floods_of_refused_and_unreadable_bodies_stay_within_their_quota_of_the_spool(
    served: Served,
) -> None:
    """Without Kafka all goes to the spool; what nobody proved may fill a twentieth of it."""
    small = {"PROFILE_KAFKA_BOOTSTRAP": "127.0.0.1:9", "RECEIVER_SPOOL_BYTES_MAX": str(4 * KIB * KIB)}
    wrong = callback(password="guess", requestId="x" * 200)
    noise = b"?" * 60_000
    async with attack(await served.start(small)) as attacker:
        answers = b""
        for _ in range(20):
            flood = request(noise, close=False) * 4 + request(wrong, close=False) * 40
            answers += await attacker.say(flood + request(wrong), STRANGER)
        told = statuses(answers)
        assert set(told) <= {200, 403, 503}
        assert told.count(403) == 20 * 41
        for number in range(200):
            assert await attacker.post(callback(requestId=f"honest-{number}")) == 200
        assert await attacker.count("receiver_spool_bytes") < 4 * KIB * KIB / 2
        assert await attacker.count('receiver_stored_total{where="spool"}') > 200


async def test_guessing_a_password_is_refused_each_time_and_no_guess_is_kept(
    served: Served, stack: Stack, topics: Topics
) -> None:
    async with attack(await served.start()) as attacker:
        guesses = [
            PASSWORD[:-1],
            PASSWORD + " ",
            PASSWORD.upper(),
            "",
            "\x00",
            None,
            [PASSWORD],
            {"a": PASSWORD},
        ]
        for guess in guesses:
            assert await attacker.post(callback(password=guess)) == 403
        assert await attacker.post(json.dumps({"password": PASSWORD}).encode()) == 403
        assert await attacker.post(callback(), PATH.replace("1223334444-00001", "other")) == 404
        await attacker.until_sent()
    aside = [record.value or b"" for record in await read_topic(stack.bootstrap, topics.quarantine)]
    assert len(aside) == len(guesses) + 1
    assert all(orjson.loads(value)["bytes_base64"] == "" for value in aside)
