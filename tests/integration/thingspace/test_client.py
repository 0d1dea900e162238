"""The client against the full double of ThingSpace: every action, every trouble, nothing executed twice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from reconciler.listeners.change import Change
from reconciler.listeners.listeners import checked
from reconciler.thingspace.accounts import ThingSpaceAccount
from reconciler.thingspace.client import ThingSpace
from reconciler.thingspace.limits import Limits
from reconciler.thingspace.orders import FORMS
from reconciler.thingspace.talk import Away, Latched, Order, Rejected, ThingSpaceError, Unclear
from reconciler.thingspace.veil import Veil
from schemas.ids import AccountName, Eid, Iccid
from tests.integration.simulator.caller import ACCOUNT, EID, ICCID, Caller, settings, simulated
from tests.simulator.content import Json
from tests.simulator.server.settings import Settings
from tests.unit.thingspace.platform import Heard

NAME = AccountName(ACCOUNT)
OPTIONS = {
    "service_plan": "plan",
    "carrier_name": "Verizon Wireless",
    "mdn_zip_code": "12345",
    "reason_code": "FF",
    "smsr_oid": "1.3.6.1.4.1.31746.1.500.200.101.5",
}
PATIENCE = Limits(timeout_s=2, failures_max=99, login_pause_s=0)


def account(password: str = "password") -> ThingSpaceAccount:
    return ThingSpaceAccount(
        name=NAME,
        client_id="client",
        client_secret=SecretStr("client-secret"),
        username="user",
        password=SecretStr(password),
        callback_url="http://127.0.0.1:8080",
        callback_username="fleet",
        callback_password=SecretStr("ours"),
        requests_per_minute=6000,
    )


def order(action: str = "download_disable", eid: str = EID, iccid: str = ICCID) -> Order:
    return Order(action, NAME, Eid(eid), Iccid(iccid), "490154203237518", OPTIONS)


@asynccontextmanager
async def talking(
    wanted: Settings | None = None, password: str = "password"
) -> AsyncIterator[tuple[ThingSpace, Caller, Heard]]:
    async with simulated(wanted) as (caller, _):
        heard = Heard()
        async with ThingSpace(
            {NAME: account(password)}, caller.where.base_url, heard, Veil(), limits=PATIENCE
        ) as space:
            yield space, caller, heard


async def accepted_by(caller: Caller) -> list[dict[str, Json]]:
    """Each action, EID and ICCID that the simulator took on, with how many `times`."""
    accepted = (await caller.control("GET", "/log")).json()["accepted"]
    assert isinstance(accepted, list)
    return [one for one in accepted if isinstance(one, dict)]


@pytest.mark.parametrize("action", sorted(FORMS))
async def test_every_action_is_understood(action: str) -> None:
    async with talking() as (space, caller, _):
        request_id = await space.submit(order(action))
        await caller.over()
        assert [one["action"] for one in await accepted_by(caller)] == [action]
        status = await space.request_status(NAME, request_id)
        assert status.status in ("Success", "Failed")
        assert status.sub_requests


@pytest.mark.parametrize("shape", ["documented", "sdk"])
async def test_a_status_says_the_same_in_both_shapes(shape: str) -> None:
    async with talking(settings(status={"shape": shape})) as (space, caller, _):
        request_id = await space.submit(order())
        await caller.over()
        status = await space.request_status(NAME, request_id)
        assert [(sub.kind, sub.id, sub.status) for sub in status.sub_requests] == [
            ("iccid", ICCID, "Success")
        ]


@pytest.mark.parametrize(
    ("fault", "outcome", "accepted"),
    [
        ("answer_lost", Unclear, 1),
        ("accepted_504", Unclear, 1),
        ("server_error", Unclear, 0),
        ("unavailable", Unclear, 0),
        ("too_many", Away, 0),
        ("forbidden_xml", Rejected, 0),
        ("token_refused", None, 1),
        ("session_refused", None, 1),
        ("answer_last", None, 1),
    ],
)
async def test_a_trouble_has_its_meaning_and_never_a_second_execution(
    fault: str, outcome: type[ThingSpaceError] | None, accepted: int
) -> None:
    async with talking() as (space, caller, _):
        await space.listeners(NAME)
        struck: Json = {"next": [{"fault": fault, "group": "actions"}]}
        assert (await caller.control("POST", "/faults", struck)).status == 200
        if outcome is None:
            await space.submit(order())
        else:
            with pytest.raises(outcome):
                await space.submit(order())
        assert [one["times"] for one in await accepted_by(caller)] == [1] * accepted


@pytest.mark.parametrize("kind", ["refuse", "hang", "unavailable", "html"])
async def test_a_status_call_that_is_away_is_tried_later(kind: str) -> None:
    async with talking() as (space, caller, _):
        request_id = await space.submit(order())
        await caller.control("POST", "/outage", {"seconds": 3600, "kind": kind, "group": "status"})
        with pytest.raises(Away):
            await space.request_status(NAME, request_id)
        await caller.control("POST", "/outage", {"end": True})
        await caller.over()
        assert (await space.request_status(NAME, request_id)).status == "Success"


async def test_keys_that_are_gone_are_renewed_in_the_middle_of_the_work() -> None:
    async with talking() as (space, caller, heard):
        for gone in ("drop_tokens", "drop_sessions"):
            await space.listeners(NAME)
            await caller.control("POST", "/auth", {gone: True})
            await space.listeners(NAME)
        assert heard.words() == []


async def test_a_wrong_password_is_tried_twice_and_does_not_lock_the_account() -> None:
    async with talking(password="wrong") as (space, _, heard):
        with pytest.raises(Away):
            await space.listeners(NAME)
        for _ in range(5):
            with pytest.raises(Latched):
                await space.listeners(NAME)
        assert heard.words() == ["login_refused", "login_refused", "latched"]
        space.configure({NAME: account()})
        assert await space.listeners(NAME)


async def test_a_locked_account_latches_and_works_again_when_a_person_has_looked() -> None:
    async with talking() as (space, caller, _):
        await caller.control("POST", "/auth", {"lock": "user", "drop_sessions": True})
        with pytest.raises(Away, match="refused the login"):
            await space.listeners(NAME)
        with pytest.raises(Latched, match="SIGHUP"):
            await space.listeners(NAME)
        await caller.control("POST", "/auth", {"unlock": "user"})
        with pytest.raises(Latched):
            await space.listeners(NAME)
        space.configure(space.accounts)
        await space.listeners(NAME)


@pytest.mark.parametrize("rules", [{}, {"over_existing": "refuse", "name_key": "name"}])
async def test_listeners_are_registered_found_taken_over_and_repaired(rules: dict[str, Json]) -> None:
    async with talking(settings(callbacks=rules)) as (space, caller, _):
        change = Change(space, account())

        async def verdicts() -> list[str]:
            return [check.verdict for check in checked(account(), await space.listeners(NAME))]

        assert await verdicts() == ["elsewhere", "missing"]
        assert (await change.establish("DeviceProfileService", replaces=True)).done
        assert (await change.establish("CarrierService", replaces=False)).done
        assert await verdicts() == ["right", "right"]
        taken: Json = {"account": ACCOUNT, "service": "CarrierService", "url": "http://127.0.0.1:80/other"}
        await caller.control("POST", "/listeners/take-over", taken)
        await caller.control(
            "POST", "/listeners/vanish", {"account": ACCOUNT, "service": "DeviceProfileService"}
        )
        assert await verdicts() == ["missing", "elsewhere"]
        struck: Json = {"next": [{"fault": fault, "group": "callbacks"} for fault in ("server_error",) * 2]}
        await caller.control("POST", "/faults", struck)
        assert (await change.establish("CarrierService", replaces=True)).done
        assert (await change.remove("CarrierService")).done
        assert await verdicts() == ["missing", "missing"]
