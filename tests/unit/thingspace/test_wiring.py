"""One client for a process: said once where there is none, and its accounts read again when a person asks."""

import io
from pathlib import Path

import pytest

from reconciler.metrics import Metrics
from reconciler.settings import ReconcilerSettings
from reconciler.thingspace.wiring import open_thingspace, reload_accounts
from schemas.logline import Log
from tests.unit.thingspace.test_accounts import NAME, WHOLE


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    (tmp_path / "secrets").mkdir()
    for name in ("client", "secrets/login", "callback"):
        (tmp_path / name).write_text(f"canary-{name}")
    path = tmp_path / "accounts.toml"
    path.write_text(WHOLE)
    return path


def written(path: Path, text: str) -> None:
    path.write_text(text)


async def test_without_accounts_there_is_no_client_and_that_is_said_once() -> None:
    out = io.StringIO()
    async with open_thingspace(
        ReconcilerSettings(thingspace_accounts_file=None), Log("test", stream=out)
    ) as space:
        assert space is None
    assert out.getvalue().count("thingspace_unused") == 1


async def test_the_accounts_are_read_again_and_a_faulty_file_changes_nothing(accounts: Path) -> None:
    out, metrics = io.StringIO(), Metrics()
    log, settings = Log("test", stream=out), ReconcilerSettings(thingspace_accounts_file=accounts)
    async with open_thingspace(settings, log, metrics.thingspace) as space:
        assert space is not None
        assert f'reconciler_thingspace_latched{{account="{NAME}"}} 0.0' in metrics.exposition().decode()
        written(accounts, WHOLE.replace("= 30", "= 31"))
        reload_accounts(settings, space, log)
        assert space.accounts[NAME].requests_per_minute == 31
        written(accounts, "canary = [")
        reload_accounts(settings, space, log)
        assert space.accounts[NAME].requests_per_minute == 31
        log.emit("told", reason="canary-secrets/login")
    assert "accounts_reloaded" in out.getvalue()
    assert "the accounts of before stay in use" in out.getvalue()
    assert "canary" not in out.getvalue()


def test_the_names_of_the_metrics_are_an_interface() -> None:
    metrics = Metrics()
    told = metrics.thingspace
    told.asked(NAME, "submit", "answered")
    told.login_refused(NAME)
    told.latched(NAME, latched=True)
    told.away(NAME, away=True)
    told.listener_wrong(NAME, "CarrierService", wrong=True)
    told.listeners_checked(NAME, 1.0)
    told.last_callback(NAME, 2.0)
    exposed = metrics.exposition().decode()
    for line in (
        f'requests_total{{account="{NAME}",call="submit",outcome="answered"}} 1.0',
        f'logins_refused_total{{account="{NAME}"}} 1.0',
        f'latched{{account="{NAME}"}} 1.0',
        f'away{{account="{NAME}"}} 1.0',
    ):
        assert f"reconciler_thingspace_{line}" in exposed
    assert f'reconciler_listeners_wrong{{account="{NAME}",service="CarrierService"}} 1.0' in exposed
    assert f'reconciler_listener_checked_timestamp_seconds{{account="{NAME}"}} 1.0' in exposed
    assert f'reconciler_last_callback_timestamp_seconds{{account="{NAME}"}} 2.0' in exposed
