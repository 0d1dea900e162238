"""`profile-receiver` as its operator meets it: start, check, reload, stop."""

import asyncio
import json
import signal
import ssl
import subprocess
import time
from pathlib import Path

import aiohttp
import pytest

from deploy.local.stack import Stack
from schemas.topics import Topics
from tests.integration.receiver.served import Running, Served, post
from tests.support.kafka import read_topic
from tests.support.polling import eventually
from tests.unit.receiver.endpoint import PASSWORD, PATH, callback


async def test_a_callback_is_on_the_topic_when_it_is_answered(
    served: Served, stack: Stack, topics: Topics
) -> None:
    at = await served.start()
    await eventually(lambda: at.logged("lane_turned"))
    assert await at.post() == 200
    (record,) = await read_topic(stack.bootstrap, topics.events)
    assert record.key == b"89049032000000000000000000000163"
    assert dict(record.headers)["ce_type"] == b"profile.callback.v1"
    assert dict(record.headers)["ce_id"].decode() == json.loads(record.value or b"")["event_id"]
    assert await at.program.stop() == 0
    assert PASSWORD not in at.program.stderr()


async def test_without_kafka_it_says_yes_from_its_first_second(served: Served) -> None:
    at = await served.start({"PROFILE_KAFKA_BOOTSTRAP": "127.0.0.1:9"})
    began = time.monotonic()
    assert await at.post() == 200
    assert time.monotonic() - began < 0.4
    await eventually(lambda: at.logged("kafka_not_connected"))
    async with aiohttp.ClientSession() as session:
        for page, status in (("/livez", 200), ("/readyz", 200), ("/metrics", 200)):
            async with session.get(at.ops_url + page) as answer:
                assert answer.status == status
                text = await answer.text()
    assert "receiver_probable_loss_total 0.0" in text
    assert "receiver_spool_records 1.0" in text
    assert 'receiver_stored_total{where="spool"} 1.0' in text
    assert await at.program.stop() == 0


async def test_bad_settings_are_one_message_and_exit_code_2(served: Served) -> None:
    served.accounts.write_text('[[account]]\nname = "a"\n')
    env = served.environment({"RECEIVER_ALLOW": "verizone", "RECEIVER_BODY_BYTES_MAX": "-1"})
    ended = await served.programs.run("profile-receiver", "serve", env=env)
    assert ended.exit_code == 2
    assert ended.stdout == ""
    for part in ("RECEIVER_ALLOW: 'verizone'", "RECEIVER_BODY_BYTES_MAX:", "RECEIVER_ACCOUNTS_FILE:"):
        assert part in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_an_address_in_use_is_one_message_and_exit_code_1(served: Served) -> None:
    at = await served.start()
    for name in ("RECEIVER_LISTEN", "RECEIVER_OPS_LISTEN"):
        env = served.environment(
            {name: at.url.removeprefix("http://"), "RECEIVER_SPOOL_DIR": str(served.folder / "other")}
        )
        ended = await served.programs.run("profile-receiver", "serve", env=env)
        assert ended.exit_code == 1
        assert name in ended.stderr
        assert "Traceback" not in ended.stderr


async def test_check_tells_what_is_wrong_in_words_and_as_json(served: Served) -> None:
    fine = await served.programs.run("profile-receiver", "check", "--json", env=served.environment())
    assert (fine.exit_code, fine.json()) == (0, {"ok": True, "faults": []})
    away = served.environment({"PROFILE_KAFKA_BOOTSTRAP": "127.0.0.1:9"})
    ended = await served.programs.run("profile-receiver", "check", env=away)
    assert ended.exit_code == 1
    assert ended.stdout.startswith("PROFILE_KAFKA_BOOTSTRAP: no broker answers")
    assert ended.stderr == ""
    bad = served.environment({"RECEIVER_SPOOL_DIR": str(served.accounts)})
    ended = await served.programs.run("profile-receiver", "check", env=bad)
    assert ended.exit_code == 2
    assert ended.stdout.startswith("RECEIVER_SPOOL_DIR: the spool folder")
    away |= {"RECEIVER_SPOOL_DIR": str(served.accounts), "RECEIVER_ALLOW_MODE": "maybe"}
    ended = await served.programs.run("profile-receiver", "check", "--json", env=away)
    assert ended.exit_code == 2
    assert "RECEIVER_ALLOW_MODE" in ended.stdout


async def test_sighup_takes_new_accounts_and_keeps_the_old_ones_when_the_new_are_bad(served: Served) -> None:
    at = await served.start()
    await at.until_ready()
    served.accounts.write_text("what")
    at.program.signal(signal.SIGHUP)
    await eventually(lambda: at.logged("reload_refused"))
    assert await at.post() == 200
    served.write_accounts("zeisig")
    at.program.signal(signal.SIGHUP)
    await eventually(lambda: at.logged("reloaded"))
    assert await at.post() == 403
    assert await at.post(callback(password="zeisig")) == 200
    assert "zeisig" not in at.program.stderr()


async def test_sighup_changes_the_certificate_and_a_bad_pair_keeps_the_old(
    served: Served, tmp_path: Path
) -> None:
    first, second = certificate(tmp_path, "first"), certificate(tmp_path, "second")
    used = tmp_path / "used"
    copy(first, used)
    at = await served.start({"RECEIVER_TLS_CERT": f"{used}.crt", "RECEIVER_TLS_KEY": f"{used}.key"})
    await at.until_ready()
    assert await at.post(trusting=trust(first)) == 200
    copy(second, used, "crt")
    at.program.signal(signal.SIGHUP)
    await eventually(lambda: at.logged("reload_refused"))
    assert await at.post(trusting=trust(first)) == 200
    copy(second, used)
    at.program.signal(signal.SIGHUP)
    await eventually(lambda: at.logged("reloaded"))
    assert await at.post(trusting=trust(second)) == 200
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await at.post(trusting=trust(first))


def certificate(folder: Path, name: str) -> Path:
    """A pair `NAME.crt`, `NAME.key` for 127.0.0.1."""
    stem = folder / name
    subject = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", f"{stem}.key", "-out", f"{stem}.crt"]
    subprocess.run(
        ["openssl", "req", "-x509", "-days", "2", *key, *files, *subject], check=True, capture_output=True
    )
    return stem


def copy(source: Path, target: Path, *endings: str) -> None:
    for ending in endings or ("crt", "key"):
        Path(f"{target}.{ending}").write_bytes(Path(f"{source}.{ending}").read_bytes())


def trust(stem: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=f"{stem}.crt")


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "one each"])
async def test_sigterm_under_load_fails_no_request(
    served: Served, stack: Stack, topics: Topics, kept: bool
) -> None:
    at = await served.start()
    await at.until_ready()
    sent = await asyncio.gather(*(hammer(at, number, kept=kept) for number in range(8)), stop_soon(at))
    assert await at.program.ended() == 0
    answered = [status for statuses in sent[:-1] for status in statuses]
    assert set(answered) == {200}
    records = await read_topic(stack.bootstrap, topics.events)
    assert len(records) == len(answered)


async def hammer(at: Running, number: int, *, kept: bool) -> list[int]:
    """Posts until nobody listens any more; any other end is an error."""
    statuses: list[int] = []
    connector = aiohttp.TCPConnector(force_close=not kept)
    async with aiohttp.ClientSession(connector=connector) as session:
        while True:
            body = callback(requestId=f"{number}-{len(statuses)}")
            try:
                statuses.append(await post(session, at.url + PATH, body))
            except aiohttp.ClientConnectorError:
                return statuses


async def stop_soon(at: Running) -> list[int]:
    async def is_busy() -> bool:
        async with aiohttp.ClientSession() as session, session.get(at.ops_url + "/metrics") as answer:
            text = await answer.text()
        stored = [
            line for line in text.splitlines() if line.startswith('receiver_stored_total{where="kafka"}')
        ]
        return float(stored[0].split()[-1]) > 200

    await eventually(is_busy)
    at.program.signal(signal.SIGTERM)
    return []
