"""The rows of the callback endpoint."""

import gzip
import json

import pytest

from tests.unit.receiver.endpoint import (
    FLEET,
    OPEN,
    OPEN_PATH,
    PASSWORD,
    PATH,
    PATH_SECRET,
    callback,
    house,
    policy,
    request,
    status,
)


async def test_a_callback_that_is_stored_is_answered_200_with_nothing() -> None:
    async with house() as at:
        answer = await at.post(callback())
        assert answer.startswith(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n")
        assert b"Server" not in answer
        (event,) = at.values("profile.events")
        assert event["account"] == FLEET
        assert event["service"] == "DeviceProfileService"
        assert event["source_ip"] == "127.0.0.1"
        assert PASSWORD not in json.dumps(event)
        assert at.count("receiver_callbacks_total", account=FLEET, outcome="stored") == 1
        assert at.count("receiver_ack_seconds_count") == 1


async def test_the_previous_password_is_good_too() -> None:
    async with house() as at:
        assert status(await at.post(callback(password="nachtigall"))) == 200


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"what", "not_json"),
        (b"[1]", "not_object"),
        (b"\xff{}", "not_utf8"),
        (b'{"status": 1, "status": 2}', "deciding_member_twice"),
        (b'{"a":' * 200 + b"1" + b"}" * 200, "too_deep"),
        (callback(requestId="x" * 300), "request_id_too_long"),
        (f'{{"password": "{PASSWORD}"'.encode(), "not_json"),
    ],
)
async def test_a_body_that_says_nothing_is_kept_scrubbed_and_answered_200(body: bytes, reason: str) -> None:
    async with house() as at:
        assert status(await at.post(body)) == 200
        (entry,) = at.values("profile.quarantine")
        assert (entry["reason"], entry["account"], entry["length"]) == (reason, FLEET, len(body))
        assert PASSWORD not in json.dumps(entry)
        assert at.values("profile.events") == []


async def test_trailing_commas_are_forgiven_and_flagged() -> None:
    async with house() as at:
        assert status(await at.post(callback()[:-1] + b",}")) == 200
        (event,) = at.values("profile.events")
        assert "repaired_json" in str(event["flags"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "wrong"},
        {"username": "x"},
        {"password": None},
        {"password": ["kanarienvogel"]},
        {"username": "", "password": ""},
    ],
)
async def test_wrong_credentials_are_refused_and_noted_without_the_body(wrong: dict[str, object]) -> None:
    async with house() as at:
        body = callback(**wrong)
        assert status(await at.post(body)) == 403
        (entry,) = at.values("profile.quarantine")
        assert entry["reason"] == "unauthenticated"
        assert entry["request_id"] == "595f5c44-c31c-4552-8670-020a1545a84d"
        assert (entry["bytes_base64"], entry["length"], entry["source"]) == ("", len(body), "127.0.0.1")
        assert at.values("profile.events") == []


async def test_http_credentials_are_of_no_interest() -> None:
    async with house() as at:
        assert status(await at.post(callback(), Authorization="Basic Zm9vOmJhcg==")) == 200


async def test_an_unlisted_source_is_flagged_or_in_enforce_mode_refused_before_its_body() -> None:
    async with house(rules=policy(allowed="verizon")) as at:
        assert status(await at.post(callback())) == 200
        assert "source_unlisted" in str(at.values("profile.events")[0]["flags"])
        assert at.count("receiver_source_unlisted_total") == 1
    async with house(rules=policy(allowed="verizon", mode="enforce")) as at:
        assert status(await at.post(callback())) == 403
        assert at.broker.records == []
        assert at.count("receiver_callbacks_total", account=FLEET, outcome="source_refused") == 1


async def test_behind_a_trusted_proxy_the_forwarded_source_counts() -> None:
    rules = policy(allowed="verizon", proxies="127.0.0.1", mode="enforce")
    async with house(rules=rules) as at:
        assert status(await at.post(callback(), X_Forwarded_For="203.0.113.9, 3.87.163.45")) == 200
        assert at.values("profile.events")[0]["source_ip"] == "3.87.163.45"
        assert status(await at.post(callback(), X_Forwarded_For="3.87.163.45, 203.0.113.9")) == 403


@pytest.mark.parametrize(
    "path",
    [
        PATH + "/x",
        PATH.replace("Device", "Vice"),
        "/v1/callbacks/nobody/DeviceProfileService",
        "/v1/callbacks/",
        "/v1/callbacks/" + FLEET,
        "/",
        "/v2" + PATH,
        OPEN_PATH.rsplit("/", 1)[0],
        OPEN_PATH + "x",
        OPEN_PATH + "/x",
        OPEN_PATH.rsplit("/", 1)[0] + "/",
        "/v1/callbacks/%ff/%fe",
    ],
)
async def test_a_path_that_is_not_configured_or_not_opened_is_404_and_logged_once(path: str) -> None:
    async with house() as at:
        for _ in range(3):
            assert status(await at.post(callback(), path)) == 404
        assert at.count("receiver_callbacks_total", account="", outcome="unknown_path") == 3
        assert len(at.logged("unknown_path")) == 1
        assert at.broker.records == []


@pytest.mark.parametrize(
    "path", [PATH + "?a=b", PATH + "/", PATH.replace("-", "%2D"), "http://elsewhere.example" + PATH]
)
async def test_other_spellings_of_a_path_are_understood(path: str) -> None:
    async with house() as at:
        assert status(await at.post(callback(), path)) == 200


async def test_an_account_without_credentials_lives_by_its_path_and_the_list() -> None:
    async with house() as at:
        assert status(await at.post(callback(username="", password=""), OPEN_PATH)) == 200
        assert at.values("profile.events")[0]["account"] == OPEN
    async with house(rules=policy(allowed="verizon")) as at:
        assert status(await at.post(callback(), OPEN_PATH)) == 403


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "OPTIONS", "DELETE"])
async def test_only_post_is_allowed(method: str) -> None:
    async with house() as at:
        answer = await at.say(request(b"", method=method))
        assert status(answer) == 405
        assert b"\r\nAllow: POST\r\n" in answer


async def test_an_empty_body_is_400() -> None:
    async with house() as at:
        assert status(await at.post(b"")) == 400
        assert status(await at.post(gzip.compress(b""), Content_Encoding="gzip")) == 400
        assert at.count("receiver_callbacks_total", account=FLEET, outcome="empty") == 2


async def test_gzip_is_taken_and_its_limit_is_after_decoding() -> None:
    async with house() as at:
        assert status(await at.post(gzip.compress(callback()), Content_Encoding="gzip")) == 200
        assert status(await at.post(gzip.compress(bytes(10_000_000)), Content_Encoding="gzip")) == 413
        assert len(at.broker.records) == 1


async def test_gzip_that_is_none_is_kept_as_a_length() -> None:
    async with house() as at:
        assert status(await at.post(PASSWORD.encode(), Content_Encoding="gzip")) == 200
        (entry,) = at.values("profile.quarantine")
        assert (entry["reason"], entry["length"], entry["bytes_base64"]) == ("gzip_undecodable", 13, "")


async def test_other_codings_are_415() -> None:
    async with house() as at:
        assert status(await at.post(callback(), Content_Encoding="br")) == 415
        assert status(await at.post(callback(), Content_Encoding="gzip, gzip")) == 415


async def test_a_body_over_the_limit_is_413_however_it_is_framed() -> None:
    async with house() as at:
        assert status(await at.post(b"x" * 4097)) == 413
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        assert status(await at.say(head + b"1000\r\n" + b"x" * 4096 + b"\r\n1\r\nx\r\n")) == 413
        assert status(await at.post(b" " * (4096 - len(callback())) + callback())) == 200


async def test_where_nothing_stores_it_is_503_with_a_time_and_counted_as_a_probable_loss() -> None:
    async with house(patience_s=0.02) as at:
        at.broker.holding = True
        answer = await at.post(callback())
        assert status(answer) == 503
        assert b"\r\nRetry-After: 5\r\n" in answer
        assert at.count("receiver_probable_loss_total") == 1
        assert at.count("receiver_callbacks_total", account=FLEET, outcome="not_stored") == 1
        assert status(await at.post(callback(password="wrong"))) == 403
        assert at.count("receiver_probable_loss_total") == 1


async def test_what_an_alarm_wants_to_know_is_counted() -> None:
    async with house() as at:
        await at.post(callback(callbackCount=2))
        await at.post(callback(callbackCount=3))
        await at.post(callback(callbackCount=4, novelty=1))
        assert at.count("receiver_first_seen_late_total") == 2
        assert at.count("receiver_last_attempt_total") == 1
        assert at.count("receiver_unknown_member_total") == 1


async def test_a_new_policy_counts_from_the_next_request_on() -> None:
    async with house() as at:
        rules = policy(allowed="verizon", mode="enforce")
        at.callbacks.adopt(rules)
        at.peers.adopt(rules.sources)
        assert status(await at.post(callback())) == 403


async def test_no_secret_is_in_any_log_line_metric_or_record() -> None:
    async with house(sample_one_in=1) as at:
        for body, path in (
            (callback(note=PASSWORD, deep=[{PASSWORD: PATH_SECRET}]), PATH),
            (callback(password=PASSWORD + "!"), PATH),
            (callback(), OPEN_PATH),
            (callback(), OPEN_PATH + "!"),
            (b'{"x": "' + PASSWORD.encode(), PATH),
            (PASSWORD.encode(), OPEN_PATH),
        ):
            await at.post(body, path)
        await at.say(f"POST /{PASSWORD} HTTP/9\r\n{PASSWORD}\r\n\r\n".encode())
        shown = at.lines.getvalue() + repr(at.broker.records) + at.metrics.text().decode()
        assert PASSWORD not in shown
        assert PATH_SECRET not in shown
        assert len(at.logged("request")) >= 5
