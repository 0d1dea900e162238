"""Profile actions: what is refused at once, what the card does, what the listener hears."""

from __future__ import annotations

import io
import json

import pytest

from tests.integration.simulator.caller import (
    ACCOUNT,
    EID,
    ICCID,
    OTHER_EID,
    OTHER_ICCID,
    Caller,
    bodies,
    order,
    settings,
    simulated,
)
from tests.simulator.content import Json

ACTIONS = "/m2m/v1/devices/profile/actions"


def changed(**members: Json) -> bytes:
    return json.dumps({**order(), **members}).encode()


def devices(*ids: tuple[str, str]) -> Json:
    return [{"deviceIds": [{"kind": kind, "id": value} for kind, value in ids]}]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "INPUT_INVALID.RequestUndefined"),
        (b"{,}", "DeserializationFailed"),
        (b"[]", "DeserializationFailed"),
        (changed(accountName="O'Hara"), "INPUT_INVALID.Request.InvalidCharacter"),
        (changed(accountName=""), "INPUT_INVALID.Account.NotDefined"),
        (changed(accountName="0000000000-00001"), "REQUEST_FAILED.AccountNotFound"),
        (changed(smsrOid="", servicePlan=""), "REQUEST_FAILED.UnexpectedError"),
        (changed(devices=[]), "DeserializationFailed"),
        (changed(devices=[{"deviceIds": []}]), "DeserializationFailed"),
        (changed(devices=devices(("eid", EID))), "INPUT_INVALID.Device.Kind.Invalid"),
        (changed(devices=devices(("shoe", "1"), ("eid", EID))), "INPUT_INVALID.Device.Kind.Invalid"),
        (
            changed(devices=devices(("eid", "12"), ("iccid", ICCID))),
            "INPUT_INVALID.Device.Identifier.Invalid",
        ),
        (changed(devices=[{"deviceIds": []}] * 201), "INPUT_INVALID.NumberofDevices"),
        (changed(devices=[{"deviceIds": []}] * 10_001), "MaxRequestsExceeded"),
    ],
)
async def test_a_bad_order_is_refused_with_its_code_and_nothing_happens(body: bytes, code: str) -> None:
    async with simulated() as (caller, sink):
        answer = await caller.call("POST", f"{ACTIONS}/enable", body)
        assert answer.status == 400
        assert answer.json()["errorCode"] == f"UnifiedWebService.{code}"
        assert (await caller.control("GET", "")).json()["requests"] == 0
        assert not sink.seen


async def test_devices_nobody_knows_and_devices_of_others_are_refused() -> None:
    known: Json = [{"eid": EID, "account": "someone else's"}]
    async with simulated(settings(unknown_devices="refuse", device=known)) as (caller, _):
        assert "Device.Account.Invalid" in (await caller.act("enable")).text
        assert "DeviceNotFound" in (await caller.act("enable", OTHER_EID)).text


@pytest.mark.parametrize(
    "path", [f"/m2m/v1//{ACTIONS.removeprefix('/m2m/v1/')}", ACTIONS.removeprefix("/m2m")]
)
async def test_odd_paths_are_put_up_with(path: str) -> None:
    async with simulated() as (caller, _):
        assert (await caller.call("POST", f"{path}/enable", order())).status == 200


async def test_an_accepted_action_is_answered_with_an_id_and_told_to_the_listener() -> None:
    async with simulated() as (caller, sink):
        request_id = await caller.accepted("enable")
        await caller.over()
        (body,) = bodies(sink)
        assert body["requestId"] == request_id
        assert (body["username"], body["password"]) == ("fleet", "listener password")
        assert {"id": EID, "kind": "eid"} in _list(body["deviceIds"])
        profile = _dict(_dict(body["deviceResponse"])["deviceProfileResponse"])
        assert (profile["profileStatus"], profile["euiccStatus"]) == ("enable", "EXECUTED_SUCCESS")
        assert {"id": ICCID, "kind": "iccid"} in _list(profile["deviceIdentifierCollection"])
        assert sink.seen[0].headers["user-agent"] == "Verizon's callback service"


@pytest.mark.parametrize(
    ("actions", "state", "enabled", "last"),
    [
        (["download_disable"], "disabled", False, "Success"),
        (["download_enable"], "enabled", True, "Success"),
        (["download_enable", "disable"], "disabled", False, "Success"),
        (["download_enable", "delete"], "deleted", False, "Success"),
        (["download_enable", "enable"], "enabled", True, "Failed"),
        (["download_disable", "disable"], "disabled", False, "Failed"),
        (["download_disable", "download_enable"], "disabled", False, "Failed"),
        (["download_disable", "delete", "delete"], "deleted", False, "Failed"),
        (["download_disable", "delete", "download_enable"], "enabled", True, "Success"),
        (["download_disable", "enable", "setfallbackattribute", "delete"], "enabled", True, "Failed"),
    ],
)
async def test_the_card_obeys_or_refuses(actions: list[str], state: str, enabled: bool, last: str) -> None:
    async with simulated() as (caller, sink):
        for action in actions:
            await caller.accepted(action)
            await caller.over()
        card = (await caller.control("GET", f"/devices/{EID}")).json()
        states = {str(one["iccid"]): one["state"] for one in map(_dict, _list(card["profiles"]))}
        assert states[ICCID] == state
        assert (card["enabled"] == ICCID) is enabled
        assert bodies(sink)[-1]["status"] == last


async def test_a_second_request_finds_the_card_busy() -> None:
    async with simulated(settings(times={"work_s": [100, 100]})) as (caller, sink):
        first, second = await caller.accepted("enable"), await caller.accepted("delete")
        await caller.advance(100)
        await caller.over()
        assert (await caller.truth(first))["state"] == "succeeded"
        assert (await caller.truth(second))["what"] == "refused"
        assert {"Success", "Failed"} == {str(body["status"]) for body in bodies(sink)}
        codes = [
            _dict(_dict(body["deviceResponse"])["deviceProfileResponse"])["euiccStatusCode"]
            for body in bodies(sink)
        ]
        assert "1.2.4.4" in codes


async def test_a_device_suspend_tells_of_each_profile_and_of_the_device() -> None:
    async with simulated() as (caller, sink):
        await caller.accepted("enable")
        await caller.over()
        await caller.accepted("profile_suspend")
        await caller.over()
        request_id = await caller.accepted("device_suspend")
        await caller.over()
        told = [body for body in bodies(sink) if body["requestId"] == request_id]
        assert sorted(str(body["status"]) for body in told) == ["Failed", "Success", "Success"]
        assert "Profile is already suspended" in json.dumps(told)
        subs = _list((await caller.status(request_id)).json()["subRequests"])
        assert sorted(str(_dict(sub)["status"]) for sub in subs) == ["Failed", "Success"]


async def test_several_devices_of_a_request_end_each_on_their_own() -> None:
    async with simulated() as (caller, sink):
        await caller.control("POST", "/faults", {"next": [{"fault": "card_fails", "eid": OTHER_EID}]})
        both = [*_list(order()["devices"]), *_list(order(OTHER_EID, OTHER_ICCID)["devices"])]
        answer = await caller.call("POST", f"{ACTIONS}/enable", changed(devices=both))
        assert answer.status == 200
        await caller.over()
        assert sorted(str(body["status"]) for body in bodies(sink)) == ["Failed", "Success"]
        status = (await caller.status(str(answer.json()["requestId"]))).json()
        assert status["status"] == "Failed"
        assert [_dict(sub)["status"] for sub in _list(status["subRequests"])] == ["Success", "Failed"]


async def test_the_global_rule_wants_a_profile_disabled_before_it_is_deleted() -> None:
    async with simulated(settings(delete_of_enabled="refused")) as (caller, _):
        await _enabled(caller)
        request_id = await caller.accepted("delete")
        await caller.over()
        assert (await caller.truth(request_id))["state"] == "failed"


async def test_results_can_come_through_another_service() -> None:
    wanted = settings(callbacks={"to_carrier_service": ["deactivate"]})
    async with simulated(wanted) as (caller, sink):
        request_id = await caller.accepted("deactivate")
        await caller.over()
        assert not sink.seen
        assert "no listener" in json.dumps(await caller.truth(request_id))
        await caller.register(sink.url + "/carrier", "CarrierService")
        await caller.accepted("deactivate")
        await caller.over()
        assert [seen.path for seen in sink.seen] == ["/carrier"]


async def test_actions_can_be_refused_while_nobody_listens() -> None:
    async with simulated(settings(callbacks={"required": True})) as (caller, _):
        assert (await caller.act("enable")).status == 200
        await caller.call("DELETE", f"/m2m/v1/callbacks/{ACCOUNT}/name/DeviceProfileService")
        assert (await caller.act("enable")).status == 400


async def test_the_journal_tells_attempts_and_truths_of_a_ledger() -> None:
    stream = io.StringIO()
    async with simulated(journal=stream) as (caller, _):
        request_id = await caller.accepted("enable")
        await caller.over()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    kinds = {line["type"]: line for line in lines}
    assert kinds.keys() == {"attempt", "message", "truth"}
    assert {line["request_id"] for line in lines} == {request_id}
    assert (kinds["truth"]["device"], kinds["truth"]["state"]) == (EID, "succeeded")
    assert kinds["attempt"]["status"] == 200


async def test_the_same_orders_give_the_same_ids_and_the_same_faults() -> None:
    found = []
    for _ in range(2):
        async with simulated(settings(faults={"card_fails": 0.5, "lost": 0.5})) as (caller, _sink):
            ids = [await caller.accepted("enable")]
            ids += [await caller.accepted("enable", OTHER_EID, OTHER_ICCID)]
            await caller.over()
            found.append([(one, (await caller.truth(one))["what"]) for one in ids])
    assert found[0] == found[1]


async def _enabled(caller: Caller) -> None:
    await caller.accepted("download_enable")
    await caller.over()


def _dict(value: Json) -> dict[str, Json]:
    assert isinstance(value, dict)
    return value


def _list(value: Json) -> list[Json]:
    assert isinstance(value, list)
    return value
