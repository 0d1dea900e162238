"""Registrations are judged, changed to the end or shouted about, and watched."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from prometheus_client import CollectorRegistry

from reconciler.listeners.change import Change, Changed
from reconciler.listeners.listeners import Check, checked, registered
from reconciler.listeners.view import check_document, remedies
from reconciler.listeners.watch import Watch
from reconciler.metrics_thingspace import ThingSpaceMetrics
from reconciler.postgres.admin import DatabaseError
from reconciler.thingspace.accounts import ThingSpaceAccount
from reconciler.thingspace.talk import Away, Listener, Rejected, ThingSpaceError, Unclear
from schemas.ids import AccountName
from schemas.logline import Log
from tests.unit.thingspace.platform import NAME, account

PROFILE, CARRIER = "DeviceProfileService", "CarrierService"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def url_of(service: str) -> str:
    return f"https://callbacks.example.com/v1/callbacks/{NAME}/{service}"


def ours(service: str, **changes: str | bool | None) -> Listener:
    said: dict[str, str | bool | None] = {
        "url": url_of(service),
        "username": "caller",
        "fits": True,
        **changes,
    }
    fits = said["fits"]
    return Listener(service, str(said["url"]), str(said["username"]), None if fits is None else bool(fits))


@dataclass
class Registry:
    """What is registered. Each trouble strikes the next call of its name, and says whether it happened."""

    standing: dict[str, Listener] = field(default_factory=dict)
    troubles: list[tuple[str, ThingSpaceError, bool]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    async def listeners(self, account: AccountName) -> Sequence[Listener]:
        async with self._called("list"):
            return tuple(self.standing.values())

    async def register(
        self, account: AccountName, service: str, url: str, username: str, password: str
    ) -> None:
        async with self._called("register") as happens:
            if happens:
                self.standing[service] = Listener(service, url, username, password == "canary-callback")

    async def deregister(self, account: AccountName, service: str) -> None:
        async with self._called("deregister") as happens:
            if happens:
                self.standing.pop(service, None)

    @asynccontextmanager
    async def _called(self, name: str) -> AsyncIterator[bool]:
        self.calls.append(name)
        struck = bool(self.troubles) and self.troubles[0][0] == name
        _, error, happens = self.troubles.pop(0) if struck else ("", None, True)
        yield happens
        await asyncio.sleep(0)
        if error is not None:
            raise error


async def at_once(_: float) -> None:
    await asyncio.sleep(0)


def verdicts(checks: Sequence[Check]) -> list[str]:
    return [check.verdict for check in checks]


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([], "missing"),
        ([ours(PROFILE)], "right"),
        ([ours(PROFILE, fits=None)], "right"),
        ([ours(PROFILE, fits=False)], "other_credentials"),
        ([ours(PROFILE, username="other")], "other_credentials"),
        ([ours(PROFILE, url="https://other.example")], "elsewhere"),
        ([ours(PROFILE), ours(PROFILE, url="https://other.example")], "elsewhere"),
    ],
)
def test_a_registration_is_right_only_if_all_of_it_is_ours(found: list[Listener], verdict: str) -> None:
    assert verdicts(checked(account(), found)) == [verdict, "missing"]


def test_what_others_registered_is_shown_and_left_alone() -> None:
    checks = checked(account(), [ours("DeviceUsage"), ours(PROFILE), ours(CARRIER)])
    assert verdicts(checks) == ["right", "right", "foreign"]
    assert list(remedies(checks)) == []
    assert check_document(checks[2], lambda text: "***")["url"] == "***"


def test_a_remedy_is_the_gentlest_command_that_helps() -> None:
    assert "listeners register" in next(remedies(checked(account(), [])))
    elsewhere = checked(account(), [ours(PROFILE, url="https://other.example")])
    assert "listeners repair" in next(remedies(elsewhere))


async def test_an_account_is_registered_if_results_go_anywhere() -> None:
    registry = Registry()
    assert not await registered(registry, NAME)
    registry.standing[CARRIER] = ours(CARRIER)
    assert not await registered(registry, NAME)
    registry.standing[PROFILE] = ours(PROFILE)
    assert await registered(registry, NAME)


async def changed(registry: Registry) -> Changed:
    return await Change(registry, account(), at_once).establish(PROFILE, replaces=bool(registry.standing))


async def test_a_change_deletes_registers_and_verifies() -> None:
    registry = Registry({PROFILE: ours(PROFILE, url="https://old.example")})
    assert (await changed(registry)).done
    assert registry.calls == ["deregister", "register", "list"]
    assert registry.standing[PROFILE] == ours(PROFILE)


AWAY, UNCLEAR, NO = Away("away"), Unclear("unclear"), Rejected("X", "no", 400)


@pytest.mark.parametrize(
    "troubles",
    [
        [("register", AWAY, False)],
        [("register", UNCLEAR, False)],
        [("register", UNCLEAR, True)],
        [("register", NO, False), ("register", AWAY, False)],
        [("deregister", UNCLEAR, True)],
        [("deregister", UNCLEAR, False)],
        [("list", AWAY, False)],
    ],
)
async def test_a_half_done_change_is_finished(troubles: list[tuple[str, ThingSpaceError, bool]]) -> None:
    registry = Registry({PROFILE: ours(PROFILE, url="https://old.example")}, troubles)
    assert (await changed(registry)).done
    assert registry.standing[PROFILE] == ours(PROFILE)


@pytest.mark.parametrize("error", [AWAY, NO])
async def test_a_change_that_could_not_begin_changed_nothing(error: ThingSpaceError) -> None:
    registry = Registry({PROFILE: ours(PROFILE, url="https://old.example")}, [("deregister", error, False)])
    told = await changed(registry)
    assert not told.done
    assert "nothing was changed" in told.says
    assert registry.calls == ["deregister"]


async def test_a_change_that_cannot_be_finished_is_shouted_with_the_remedy() -> None:
    registry = Registry({PROFILE: ours(PROFILE)}, [("register", AWAY, False)] * 9)
    told = await changed(registry)
    assert not told.done
    assert told.says.startswith("NOT KNOWN TO BE REGISTERED")
    assert f"listeners repair --account {NAME}" in told.says
    assert registry.calls.count("register") == 4


async def test_a_change_that_began_is_finished_though_the_person_gives_up() -> None:
    registry = Registry({PROFILE: ours(PROFILE, url="https://old.example")})
    task = asyncio.ensure_future(changed(registry))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert registry.standing[PROFILE] == ours(PROFILE)


async def test_a_removal_is_done_when_the_list_says_so() -> None:
    registry = Registry({PROFILE: ours(PROFILE)})
    assert (await Change(registry, account(), at_once).remove(PROFILE)).done
    registry = Registry({PROFILE: ours(PROFILE)}, [("deregister", AWAY, False)])
    assert not (await Change(registry, account(), at_once).remove(PROFILE)).done


@dataclass
class Watched:
    """A space and a ledger to be watched, with a clock."""

    registry: Registry
    heard: dict[AccountName, datetime] = field(default_factory=dict)
    database_away: bool = False
    now: datetime = NOON
    log: io.StringIO = field(default_factory=io.StringIO)
    metrics: CollectorRegistry = field(default_factory=CollectorRegistry)

    @property
    def accounts(self) -> Mapping[AccountName, ThingSpaceAccount]:
        return {NAME: account()}

    async def listeners(self, account: AccountName) -> Sequence[Listener]:
        return await self.registry.listeners(account)

    def shown(self, text: str) -> str:
        return text

    async def look(self, accounts: Set[AccountName]) -> Mapping[AccountName, datetime]:
        if self.database_away:
            raise DatabaseError("away")
        return self.heard

    def watch(self) -> Watch:
        gauges, log = ThingSpaceMetrics(self.metrics), Log("test", stream=self.log)
        return Watch(self, self, gauges, log, timedelta(hours=24), now=lambda: self.now)

    def events(self) -> list[tuple[str, str]]:
        lines = [orjson.loads(line) for line in self.log.getvalue().splitlines()]
        self.log.truncate(0)
        self.log.seek(0)
        return [(line["event"], line.get("service") or line.get("account") or "") for line in lines]

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.get_sample_value(name, {"account": NAME, **labels})


async def test_a_registration_that_disappears_is_said_once_an_hour_until_it_is_back() -> None:
    scene = Watched(Registry({PROFILE: ours(PROFILE), CARRIER: ours(CARRIER)}))
    watch = scene.watch()
    await watch.look()
    assert scene.events() == []
    assert scene.value("reconciler_listeners_wrong", service=PROFILE) == 0
    assert scene.value("reconciler_listener_checked_timestamp_seconds") == NOON.timestamp()
    scene.registry.standing[PROFILE] = ours(PROFILE, url="https://other.example")
    del scene.registry.standing[CARRIER]
    await watch.look()
    assert scene.events() == [("listener_wrong", PROFILE), ("listener_wrong", CARRIER)]
    assert scene.value("reconciler_listeners_wrong", service=CARRIER) == 1
    await watch.look()
    assert scene.events() == []
    scene.now += timedelta(hours=1)
    await watch.look()
    assert len(scene.events()) == 2
    scene.registry.standing |= {PROFILE: ours(PROFILE), CARRIER: ours(CARRIER)}
    await watch.look()
    assert scene.events() == [("listener_right_again", PROFILE), ("listener_right_again", CARRIER)]
    assert scene.value("reconciler_listeners_wrong", service=CARRIER) == 0


async def test_what_cannot_be_seen_is_no_alarm_and_ends_none() -> None:
    scene = Watched(Registry(), database_away=True)
    watch = scene.watch()
    await watch.look()
    scene.events()
    scene.now += timedelta(minutes=5)
    scene.registry.troubles = [("list", AWAY, False)] * 2
    await watch.look()
    await watch.look()
    assert scene.events() == [("listeners_unseen", NAME)]
    assert scene.value("reconciler_listeners_wrong", service=PROFILE) == 1
    assert scene.value("reconciler_listener_checked_timestamp_seconds") == NOON.timestamp()


async def test_an_account_that_falls_silent_is_an_alarm_and_one_that_never_called_is_not() -> None:
    scene = Watched(Registry({PROFILE: ours(PROFILE), CARRIER: ours(CARRIER)}))
    watch = scene.watch()
    await watch.look()
    assert scene.value("reconciler_last_callback_timestamp_seconds") is None
    scene.heard[NAME] = NOON
    scene.now = NOON + timedelta(hours=23)
    await watch.look()
    assert scene.events() == []
    scene.now = NOON + timedelta(hours=24)
    await watch.look()
    assert scene.events() == [("account_silent", NAME)]
    assert scene.value("reconciler_last_callback_timestamp_seconds") == NOON.timestamp()
    scene.heard[NAME] = scene.now
    await watch.look()
    assert scene.events() == [("account_calls_again", NAME)]
