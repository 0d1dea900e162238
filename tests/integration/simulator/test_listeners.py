"""Listeners over a socket: registered, listed with their passwords, lost, taken over."""

from __future__ import annotations

import pytest

from tests.integration.simulator.caller import ACCOUNT, EID, OTHER_EID, bodies, settings, simulated

LISTED = f"/m2m/v1/callbacks/{ACCOUNT}"


@pytest.mark.parametrize("key", ["serviceName", "name"])
async def test_the_list_shows_passwords_in_clear(key: str) -> None:
    async with simulated(settings(callbacks={"name_key": key})) as (caller, sink):
        (line,) = (await caller.call("GET", LISTED)).list()
        assert line == {
            "accountName": ACCOUNT,
            key: "DeviceProfileService",
            "url": sink.url + "/hook",
            "username": "fleet",
            "password": "listener password",
        }


@pytest.mark.parametrize(
    ("service", "url", "password"),
    [
        ("ShoeService", "https://fleet.example/hook", "p"),
        ("CarrierService", "https://fleet.example:8443/hook", "p"),
        ("CarrierService", "ftp://fleet.example/hook", "p"),
        ("CarrierService", "https://fleet.example/hook", "p" * 41),
    ],
)
async def test_a_listener_against_the_rules_is_refused(service: str, url: str, password: str) -> None:
    async with simulated() as (caller, _):
        assert (await caller.register(url, service, password)).status == 400
        assert len((await caller.call("GET", LISTED)).list()) == 1


async def test_one_url_for_a_service_and_another_replaces_it_or_is_refused() -> None:
    async with simulated() as (caller, sink):
        assert (await caller.register(sink.url + "/other")).status == 200
        assert [one["url"] for one in (await caller.call("GET", LISTED)).list()] == [sink.url + "/other"]
    async with simulated(settings(callbacks={"over_existing": "refuse"})) as (caller, sink):
        assert (await caller.register(sink.url + "/other")).status == 400
        assert (await caller.call("DELETE", f"{LISTED}/name/DeviceProfileService")).status == 200
        assert (await caller.call("DELETE", f"{LISTED}/name/DeviceProfileService")).status == 400
        assert (await caller.register(sink.url + "/other")).status == 200


async def test_what_is_raised_while_nobody_is_registered_never_arrives() -> None:
    async with simulated() as (caller, sink):
        gone = {"account": ACCOUNT, "service": "DeviceProfileService"}
        assert (await caller.control("POST", "/listeners/vanish", {**gone})).status == 200
        assert (await caller.control("POST", "/listeners/vanish", {**gone})).status == 404
        await caller.accepted("enable")
        await caller.over()
        await caller.register(sink.url + "/hook")
        await caller.accepted("enable", OTHER_EID)
        await caller.over()
        assert [seen.path for seen in sink.seen] == ["/hook"]
        assert EID not in sink.seen[0].body.decode()


async def test_somebody_elses_url_takes_the_callbacks() -> None:
    async with simulated() as (caller, sink):
        taken = {"account": ACCOUNT, "service": "DeviceProfileService", "url": sink.url + "/thief"}
        await caller.control("POST", "/listeners/take-over", {**taken})
        await caller.accepted("enable")
        await caller.over()
        assert [seen.path for seen in sink.seen] == ["/thief"]


async def test_the_old_password_comes_now_and_then_until_its_time_is_up() -> None:
    async with simulated(settings(callbacks={"old_password_s": 800})) as (caller, sink):
        await caller.call("DELETE", f"{LISTED}/name/DeviceProfileService")
        await caller.register(sink.url + "/hook", password="the new one")
        eids = [f"890490320000000000000000000{number:05d}" for number in range(40)]
        for eid in eids[:20]:
            await caller.accepted("enable", eid)
        await caller.over()
        assert {body["password"] for body in bodies(sink)} == {"listener password", "the new one"}
        await caller.advance(801)
        del sink.seen[:]
        for eid in eids[20:]:
            await caller.accepted("enable", eid)
        await caller.over()
        assert {body["password"] for body in bodies(sink)} == {"the new one"}
