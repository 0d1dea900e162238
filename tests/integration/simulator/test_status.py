"""Asking: both statuses, both shapes, and the lists of devices."""

from __future__ import annotations

import pytest

from tests.integration.simulator.caller import ACCOUNT, EID, ICCID, bodies, order, settings, simulated
from tests.simulator.content import Json
from tests.support.polling import eventually

SLOW: Json = {"work_s": [100, 100], "audit_s": [1000, 1000]}
BOTH_SHAPES = [
    ("documented", "subRequests", [{"id": ICCID, "kind": "iccid"}]),
    ("sdk", "subrequests", {"id": ICCID, "kind": "iccid"}),
]


@pytest.mark.parametrize(("shape", "member", "ids"), BOTH_SHAPES)
async def test_v2_tells_of_each_profile_in_either_shape(shape: str, member: str, ids: Json) -> None:
    async with simulated(settings(times=SLOW, status={"shape": shape})) as (caller, _):
        request_id = await caller.accepted("enable")
        pending: Json = {
            "requestId": request_id,
            "status": "Pending",
            member: [{"ids": ids, "status": "Pending"}],
        }
        assert (await caller.status(request_id)).json() == pending
        await caller.advance(100)
        await caller.over()
        done: Json = {
            "requestId": request_id,
            "status": "Success",
            member: [{"ids": ids, "status": "Success"}],
        }
        assert (await caller.status(request_id)).json() == done


async def test_what_failed_on_the_card_is_told_as_failed() -> None:
    async with simulated() as (caller, _):
        await caller.faults("half_done")
        request_id = await caller.accepted("download_enable")
        await caller.over()
        assert (await caller.status(request_id)).json()["status"] == "Failed"
        card = (await caller.control("GET", f"/devices/{EID}")).json()
        assert card["enabled"] == card["bootstrap_iccid"]
        assert '"state": "disabled"' in (await caller.control("GET", f"/devices/{EID}")).text


async def test_after_expired_nobody_knows_until_the_audit() -> None:
    async with simulated(settings(times=SLOW)) as (caller, sink):
        await caller.faults("expired")
        request_id = await caller.accepted("enable")
        await caller.advance(100)
        await caller.over()
        assert '"euiccStatus":"EXPIRED"' in sink.seen[0].body.decode()
        assert (await caller.status(request_id)).json()["status"] == "Pending"
        await caller.advance(1000)
        done = (await caller.truth(request_id))["state"] == "succeeded"
        assert (await caller.status(request_id)).json()["status"] == ("Success" if done else "Failed")


async def test_an_id_that_is_unknown_too_old_or_anothers_is_an_error() -> None:
    async with simulated(settings(status={"kept_s": 1000}, auth={"session_idle_s": 5000})) as (caller, _):
        request_id = await caller.accepted("enable")
        assert (await caller.status("86c83330-4bf5-4235-9c4e-a83f93aeae4c")).status == 400
        assert (await caller.status(request_id)).status == 200
        await caller.advance(1001)
        assert (await caller.status(request_id)).status == 400
        path = f"/m2m/v2/accounts/another/requests/{request_id}/status"
        assert "AccountNotFound" in (await caller.call("GET", path)).text


async def test_requests_nobody_made_can_be_pending_for_ever() -> None:
    async with simulated(settings(status={"unknown_requests": "pending"})) as (caller, _):
        answer = await caller.status("made-up")
        assert answer.json() == {"requestId": "made-up", "status": "Pending", "subRequests": []}


@pytest.mark.parametrize(
    ("action", "rule", "status", "said"),
    [
        ("enable", "error", 400, "errorCode"),
        ("enable", "pending", 200, "Pending"),
        ("deactivate", "error", 200, "Success"),
        ("device_suspend", "error", 200, "Success"),
    ],
)
async def test_v1_knows_of_lines_only(action: str, rule: str, status: int, said: str) -> None:
    async with simulated(settings(status={"v1_profile_requests": rule})) as (caller, _):
        request_id = await caller.accepted(action)
        await caller.over()
        answer = await caller.status(request_id, "v1")
        assert answer.status == status
        assert said in answer.text


async def test_the_old_list_is_answered_at_once_and_spells_icc_id() -> None:
    async with simulated() as (caller, _):
        await caller.accepted("download_enable")
        await caller.over()
        wanted: Json = {"deviceId": {"id": EID, "kind": "eid"}}
        answer = await caller.call("POST", "/m2m/v1/devices/actions/list", wanted)
        assert f'{{"id": "{ICCID}", "kind": "iccId"}}' in answer.text
        everything = await caller.call("POST", "/m2m/v1/devices/actions/list", {"accountName": ACCOUNT})
        assert everything.text.count('"accountName"') == 1
        nobody: Json = {"deviceId": {"id": "1" * 15, "kind": "imei"}}
        assert (await caller.call("POST", "/m2m/v1/devices/actions/list", nobody)).status == 400


@pytest.mark.parametrize("path", ["devices/actions/list", "devices/history/actions/list"])
async def test_the_new_lists_come_as_callbacks(path: str) -> None:
    async with simulated() as (caller, sink):
        answer = await caller.call("POST", f"/m2m/v2/{path}", order())
        assert answer.status == 200
        await eventually(lambda: sink.seen)
        assert bodies(sink)[0]["requestId"] == answer.json()["requestId"]
