"""The small parts: the clock, paths, ports, limits and the configurations that come along."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.simulator.server import settings as settings_module
from tests.simulator.server.auth import Door
from tests.simulator.server.clock import SimulatedClock
from tests.simulator.server.faults import FAULTS
from tests.simulator.server.fleet import Fleet
from tests.simulator.server.limits import RateLimit
from tests.simulator.server.listeners import PORTS, refused_url
from tests.simulator.server.routes import find
from tests.simulator.server.settings import Account, Auth, SettingsError, read_settings, settings_file


async def test_simulated_time_runs_faster_and_jumps() -> None:
    real = [0.0]
    clock = SimulatedClock(60.0, monotonic=lambda: real[0])
    before = clock.now()
    real[0] = 2.0
    assert clock.now() - before == pytest.approx(120)
    clock.advance(3600)
    assert clock.now() - before == pytest.approx(3720)


async def test_a_jump_wakes_whoever_sleeps_no_longer_and_nobody_else() -> None:
    clock = SimulatedClock(monotonic=lambda: 0.0)
    short, long = (asyncio.create_task(clock.sleep(seconds)) for seconds in (1000, 5000))
    await asyncio.sleep(0)
    clock.advance(2000)
    await short
    assert not long.done()
    clock.advance(3000)
    await long


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("/api/ts/v1/oauth2/token", "oauth2/token"),
        ("/ts/v1/oauth2/token", "oauth2/token"),
        ("/api/m2m/v1//devices/profile/actions/enable", "actions enable"),
        ("/api/v1/devices/profile/actions/setfallbackattribute", "actions setfallbackattribute"),
        ("/api/m2m/v1/callbacks/A%201", "callbacks register"),
        ("/api/m2m/v1/devices/profile/actions/explode", None),
        ("/api/m2m/v3/devices/actions/list", None),
    ],
)
def test_paths_are_found_in_every_spelling(path: str, label: str | None) -> None:
    found = find("POST", path)
    assert (found.label if found else None) == label
    assert found is None or found.names.get("account", "A 1") == "A 1"


def test_a_method_belongs_to_its_path() -> None:
    assert find("GET", "/api/m2m/v1/session/login") is None


@pytest.mark.parametrize(
    ("url", "strict", "fine"),
    [
        *((f"https://fleet.example:{port}/x", None, True) for port in sorted(PORTS)[:3]),
        ("https://fleet.example/x", None, True),
        ("http://fleet.example/x", None, True),
        ("https://fleet.example:8080/x", None, False),
        ("https://fleet.example:8080/x", False, True),
        ("http://127.0.0.1:8080/x", None, True),
        ("http://localhost:8080/x", None, True),
        ("http://[::1]:8080/x", None, True),
        ("http://127.0.0.1:8080/x", True, False),
        ("http://127.0.0.1:99999/x", None, False),
        ("fleet.example/x", None, False),
    ],
)
def test_ports_are_verizons_but_not_on_loopback(url: str, strict: bool | None, fine: bool) -> None:
    assert (refused_url(url, strict) is None) is fine


def test_a_limit_slides() -> None:
    limit = RateLimit(2)
    assert [limit.wait_s("a", now) for now in (0.0, 30.0, 31.0, 60.0, 61.0)] == [None, None, 29, None, 29]
    assert limit.wait_s("b", 31.0) is None
    assert RateLimit(None).wait_s("a", 0.0) is None


def test_configurations_come_along_and_files_are_files() -> None:
    coming = sorted((Path(settings_module.__file__).parent / "configurations").glob("*.toml"))
    assert [path.stem for path in coming] == ["fleet-day", "rough-day"]
    for path in coming:
        assert settings_file(path.stem) == path
        assert read_settings(path).faults
    assert settings_file("./fleet-day.toml") == Path("fleet-day.toml")


def test_the_fleets_day_has_the_shares_it_promises() -> None:
    faults = read_settings(settings_file("fleet-day")).faults
    shares = [faults[name] for name in ("lost", "late", "contradicting", "expired")]
    assert shares == [0.30, 0.10, 0.05, 0.02]
    assert not {"answer_lost", "warning_only", "unknown_request"} & faults.keys()


def test_a_configuration_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere"):
        read_settings(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("client", "grant", "status"),
    [
        (None, "client_credentials", 401),
        (("client", "client-secret"), None, 400),
        (("client", "client-secret"), "password", 400),
        (("client", "client-secret"), "client_credentials", 200),
    ],
)
def test_a_token_wants_a_client_and_a_grant(
    client: tuple[str, str] | None, grant: str | None, status: int
) -> None:
    door = Door([Account()], Auth(), "seed", 1.0)
    assert door.token(client, grant, 0.0).status == status


def test_a_revoked_token_is_refused_and_the_next_is_another() -> None:
    door = Door([Account()], Auth(), "seed", 1.0)
    client = ("client", "client-secret")
    first = door.token(client, "client_credentials", 0.0).body
    token = first.decode().split('"')[3]
    assert door.refused_token(token, 0.0) is None
    door.revoke(client, token)
    assert door.refused_token(token, 0.0) is not None
    assert door.token(client, "client_credentials", 0.0).body != first


def test_the_same_seed_gives_the_same_fleet() -> None:
    one, other = (Fleet("seed", "account").add_many(None, 3, "enabled") for _ in range(2))
    assert [line.view() for line in one] == [line.view() for line in other]
    assert len({line.card.eid for line in one}) == 3
    assert all(line.card.enabled != line.card.fallback for line in one)


def test_the_readme_lists_every_fault_as_it_is() -> None:
    readme = (Path(settings_module.__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    for name, text in FAULTS.items():
        assert f"| `{name}` | {text} |" in readme
