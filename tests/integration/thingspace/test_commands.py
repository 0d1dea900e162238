"""`profile-reconciler listeners …` and the watch in `run`, as people start them."""

import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.simulator.caller import ACCOUNT, Caller, simulated
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


async def test_from_no_listener_to_two_and_a_new_password(
    programs: Programs, env: dict[str, str], accounts: Path
) -> None:
    async def listeners(*arguments: str) -> tuple[int, str]:
        finished = await programs.run(RECONCILER, "listeners", *arguments, env=env)
        assert CANARY not in finished.stdout + finished.stderr
        return finished.exit_code, finished.stdout + finished.stderr

    code, said = await listeners("register")
    assert code == 1
    assert "`listeners repair` replaces it" in said  # the simulator's caller had registered itself
    assert (await listeners("repair", "--account", ACCOUNT))[0] == 0
    code, said = await listeners("list", "--json")
    assert code == 0
    assert [json.loads(line)["verdict"] for line in said.splitlines()] == ["right", "right"]
    (accounts.parent / "callback").write_text(f"{CANARY}-two")
    code, said = await listeners("list")
    assert code == 1
    assert "other_credentials" in said
    code, said = await listeners("repair")
    assert code == 0
    assert "previous_password_file" in said
    assert (await listeners("remove", "--account", ACCOUNT, "--service", "CarrierService"))[0] == 0


def spoil(accounts: Path) -> None:
    text = accounts.read_text().replace('"client"\nuser', '"none"\nuser')
    accounts.write_text(text.replace("8080", "8080/#x"))


async def test_faults_of_the_accounts_file_are_told_at_once(
    programs: Programs, env: dict[str, str], accounts: Path
) -> None:
    spoil(accounts)
    finished = await programs.run(RECONCILER, "listeners", "list", env=env)
    assert finished.exit_code == 2
    assert finished.stderr.count("THINGSPACE_ACCOUNTS_FILE: ") == 2


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
