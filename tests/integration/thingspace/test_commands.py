"""`profile-reconciler listeners …` and the watch in `run`, as people start them."""

import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from schemas.ids import AccountName
from tests.integration.reconciler.desk import Desk
from tests.integration.reconciler.said import EIDS, ICCIDS, request
from tests.integration.simulator.caller import ACCOUNT, Caller, simulated
from tests.integration.sweep.conftest import Typed
from tests.support.polling import eventually
from tests.support.program import Programs

RECONCILER = "profile-reconciler"
CANARY = "canary-callback"


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    async with simulated() as (caller, _):
        yield caller


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    """The accounts file; its secrets stand beside it."""
    for name, secret in (("client", "client-secret"), ("login", "password"), ("callback", CANARY)):
        (tmp_path / name).write_text(secret)
    path = tmp_path / "accounts.toml"
    path.write_text(
        f'[[account]]\nname = "{ACCOUNT}"\nclient_id = "client"\nclient_secret_file = "client"\n'
        'username = "user"\npassword_file = "login"\ncallback_url = "http://127.0.0.1:8080"\n'
        'callback_username = "fleet"\ncallback_password_file = "callback"\n'
    )
    return path


@pytest.fixture
def env(caller: Caller, accounts: Path) -> dict[str, str]:
    return {"THINGSPACE_BASE_URL": caller.where.base_url, "THINGSPACE_ACCOUNTS_FILE": str(accounts)}


async def test_from_a_foreign_listener_to_two_of_ours(typed: Typed, env: dict[str, str]) -> None:
    async def listeners(*words: str, code: int = 0) -> str:
        done = await typed(RECONCILER, "listeners", *words, code=code, **env)
        assert CANARY not in done.stdout + done.stderr
        return done.stdout + done.stderr

    said = await listeners("register", code=1)
    assert "`listeners repair` replaces it" in said  # the simulator's caller had registered itself
    assert "registered, and listed" in said
    assert "calls somewhere else" in await listeners("list", code=1)
    assert "not ours to remove" in await listeners("remove", "--account", ACCOUNT, code=1)
    await listeners("repair", "--account", ACCOUNT)
    said = await listeners("list", "--json")
    assert [json.loads(line)["verdict"] for line in said.splitlines()] == ["right", "right"]
    assert "stands already" in await listeners("register")
    await listeners("remove", code=2)
    await listeners("list", "--account", "another", code=2)
    await listeners("remove", "--account", ACCOUNT, "--service", "CarrierService")
    assert "listeners register" in await listeners("list", code=1)


async def test_a_new_password_waits_for_those_who_wait(
    typed: Typed, env: dict[str, str], accounts: Path, desk: Desk
) -> None:
    await typed(RECONCILER, "listeners", "repair", code=0, **env)
    (accounts.parent / "callback").write_text(f"{CANARY}-two")
    assert "other_credentials" in (await typed(RECONCILER, "listeners", "list", code=1, **env)).stdout
    await desk.put(
        request(request="R", eid=EIDS[0], iccid=ICCIDS[0], action="enable", account=AccountName(ACCOUNT))
    )
    refused = await typed(RECONCILER, "listeners", "repair", code=1, **env)
    assert "not touched: 1 operations" in refused.stdout
    done = await typed(RECONCILER, "listeners", "repair", "--force", code=0, **env)
    assert "previous_password_file" in done.stderr
    await typed(RECONCILER, "listeners", "list", code=0, **env)
    refused = await typed(RECONCILER, "listeners", "repair", "--anew", "--json", code=1, **env)
    assert [line["done"] for line in refused.ndjson() if isinstance(line, dict)] == [False, False]


def spoil(accounts: Path) -> None:
    text = accounts.read_text().replace('"client"\nuser', '"none"\nuser')
    accounts.write_text(text.replace("8080", "8080/#x"))


async def test_faults_of_the_accounts_file_are_told_at_once(
    typed: Typed, env: dict[str, str], accounts: Path
) -> None:
    spoil(accounts)
    done = await typed(RECONCILER, "listeners", "list", code=2, **env)
    assert done.stderr.count("THINGSPACE_ACCOUNTS_FILE: ") == 2
    done = await typed(RECONCILER, "listeners", "list", code=2)
    assert "THINGSPACE_ACCOUNTS_FILE: is not set" in done.stderr


async def test_a_listener_that_vanishes_is_an_alarm_of_run(
    programs: Programs, env: dict[str, str], caller: Caller, accounts: Path
) -> None:
    await programs.run(RECONCILER, "listeners", "repair", env=env)
    watching = {**env, "RECONCILER_LISTENER_WATCH_EVERY": "1s", "RECONCILER_OPS_LISTEN": "127.0.0.1:0"}
    run = programs.launch(RECONCILER, "run", env=watching)
    await eventually(lambda: "started" in run.stderr())
    gone = {"account": ACCOUNT, "service": "DeviceProfileService"}
    await caller.control("POST", "/listeners/vanish", dict(gone))
    await eventually(lambda: "listener_wrong" in run.stderr())
    await programs.run(RECONCILER, "listeners", "register", env=env)
    await eventually(lambda: "listener_right_again" in run.stderr())
    (accounts.parent / "login").write_text("canary-wrong")
    run.signal(signal.SIGHUP)
    await eventually(lambda: "thingspace_login_refused" in run.stderr())
    assert await run.stop() == 0
    assert "canary" not in run.stderr()
