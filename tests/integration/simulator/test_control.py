"""The control API: what it shows and what it refuses."""

from __future__ import annotations

import pytest

from tests.integration.simulator.caller import ACCOUNT, EID, ICCID, simulated
from tests.simulator.content import Json
from tests.support.polling import eventually


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("/faults", {"probabilities": {"rain": 0.5}}, "rain unknown"),
        ("/faults", {"probabilities": {"lost": 1.5}}, "less than or equal to 1"),
        ("/faults", {"next": [{"fault": "rain"}]}, "rain unknown"),
        ("/outage", {"seconds": 10, "kind": "flood"}, "kind"),
        ("/clock", {"advance_s": -1}, "greater than 0"),
        ("/clock", {}, "advance_s"),
        ("/devices", {"count": 1, "shoes": 2}, "shoes"),
        ("/listeners/vanish", {}, "account"),
    ],
)
async def test_what_it_cannot_use_it_refuses_with_the_reason(path: str, body: Json, named: str) -> None:
    async with simulated() as (caller, _):
        answer = await caller.control("POST", path, body)
        assert answer.status == 400
        assert named in str(answer.json()["error"])


async def test_a_fleet_is_seeded_by_count_and_by_name() -> None:
    async with simulated() as (caller, _):
        by_name: Json = [{"eid": EID, "profiles": [{"iccid": ICCID, "state": "enabled"}]}]
        answer = await caller.control(
            "POST", "/devices", {"count": 3, "state": "disabled", "account": ACCOUNT, "devices": by_name}
        )
        lines = answer.list()
        assert len(lines) == 4
        assert (lines[0]["eid"], lines[0]["enabled"]) == (EID, ICCID)
        assert all(line["enabled"] == line["bootstrap_iccid"] for line in lines[1:])
        assert len((await caller.control("GET", f"/devices?account={ACCOUNT}")).list()) == 4
        assert (await caller.control("GET", "/devices/unknown")).status == 404


async def test_a_device_put_in_anothers_place_gets_new_request_ids() -> None:
    async with simulated() as (caller, _):
        first = await caller.accepted("enable")
        await caller.over()
        await caller.control("POST", "/devices", {"devices": [{"eid": EID}]})
        assert await caller.accepted("enable") != first


async def test_a_card_can_be_made_to_fall_back() -> None:
    async with simulated() as (caller, _):
        await caller.accepted("download_enable")
        await caller.over()
        card = (await caller.control("POST", f"/devices/{EID}/fall-back")).json()
        assert card["enabled"] == card["bootstrap_iccid"]
        assert card["history"] == [f"download_enable {ICCID}: done", "fell back by itself"]
        assert (await caller.control("POST", "/devices/unknown/fall-back")).status == 404


async def test_the_log_counts_calls_and_what_was_accepted() -> None:
    async with simulated() as (caller, _):
        await caller.control("DELETE", "/log")
        await caller.accepted("enable")
        await caller.over()
        await caller.accepted("enable")
        await caller.act("enable", "12")
        log = (await caller.control("GET", "/log?last=1")).json()
        assert log["counts"] == {"actions enable": 3}
        assert log["answers"] == {"actions enable 200": 2, "actions enable 400": 1}
        assert log["accepted"] == [
            {"account": ACCOUNT, "action": "enable", "eid": EID, "iccid": ICCID, "times": 2}
        ]
        assert isinstance(log["calls"], list)
        assert len(log["calls"]) == 1


async def test_what_never_arrived_can_be_sent_again() -> None:
    async with simulated() as (caller, sink):
        await caller.faults("lost")
        request_id = await caller.accepted("enable")
        await caller.over()
        assert not sink.seen
        wanted: Json = {"request_id": request_id}
        assert (await caller.control("POST", "/resend", wanted)).json() == {"callbacks": 1}
        await eventually(lambda: len(sink.seen) == 1)

        async def noted() -> bool:
            return '"fate": "accepted"' in (await caller.control("GET", "/truth")).text

        await eventually(noted)
        assert (await caller.control("POST", "/resend", {"request_id": request_id})).json() == {
            "callbacks": 0
        }
        assert (await caller.control("POST", "/resend", {"request_id": "unknown"})).status == 404


async def test_probabilities_are_added_and_cleared() -> None:
    async with simulated() as (caller, _):
        await caller.control("POST", "/faults", {"probabilities": {"lost": 0.5}})
        await caller.control("POST", "/faults", {"probabilities": {"late": 0.25}})
        view = (await caller.control("GET", "/faults")).json()
        assert view == {"probabilities": {"lost": 0.5, "late": 0.25}, "next": []}
        view = (await caller.control("POST", "/faults", {"clear": True})).json()
        assert view == {"probabilities": {}, "next": []}


async def test_auth_and_listeners_are_shown_without_secrets() -> None:
    async with simulated() as (caller, _):
        await caller.control("POST", "/auth", {"lock": "user", "drop_tokens": True})
        view = await caller.control("GET", "/auth")
        assert view.json()["locked"] == ["user"]
        shown = await caller.control("GET", "/listeners")
        assert "DeviceProfileService" in shown.text
        assert "password" not in shown.text
