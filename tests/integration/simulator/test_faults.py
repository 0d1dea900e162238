"""What goes wrong, one fault at a time: what the caller sees, what the listener hears, what is true."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.integration.simulator.caller import ACCOUNT, ICCID, bodies, settings, simulated
from tests.simulator import content
from tests.simulator.content import Json
from tests.support.polling import eventually


async def test_an_answer_that_is_lost_was_an_order_that_was_taken() -> None:
    async with simulated() as (caller, sink):
        await caller.faults("answer_lost")
        assert (await caller.act("enable")).status is None
        await caller.over()
        (body,) = bodies(sink)
        truth = await caller.truth(str(body["requestId"]))
        assert truth["state"] == "succeeded"
        log = (await caller.control("GET", "/log")).json()
        assert isinstance(log["accepted"], list)
        assert [_of(one, "times") for one in log["accepted"]] == [1]


async def test_a_gateways_time_out_may_hide_an_accepted_order() -> None:
    async with simulated() as (caller, sink):
        await caller.faults("accepted_504")
        assert (await caller.act("enable")).status == 504
        await caller.over()
        assert len(sink.seen) == 1


async def test_a_callback_can_overtake_the_answer() -> None:
    async with simulated() as (caller, sink):
        await caller.faults("answer_last")
        request_id = await caller.accepted("enable")
        assert [body["requestId"] for body in bodies(sink)] == [request_id]


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        ("server_error", 502, "<html>"),
        ("unavailable", 503, "<html>"),
        ("too_many", 429, "Too many"),
        ("forbidden_xml", 403, "am:fault"),
        ("token_refused", 401, "900901"),
        ("session_refused", 401, "SessionToken.Expired"),
    ],
)
async def test_what_stands_in_the_way_leaves_nothing_done(fault: str, status: int, said: str) -> None:
    async with simulated() as (caller, _):
        await caller.faults(fault)
        answer = await caller.act("enable")
        assert answer.status == status
        assert said in answer.text
        assert ("Retry-After" in answer.headers) is (status == 429)
        assert (await caller.control("GET", "")).json()["requests"] == 0


@pytest.mark.parametrize(
    ("fault", "statuses"),
    [
        ("lost", []),
        ("warning_only", ["Warning"]),
        ("warning", ["Warning", "Success"]),
        ("final_first", ["Success", "Warning"]),
        ("duplicate", ["Success", "Success"]),
        ("overlap", ["Success", "Success"]),
        ("bare_status", ["Success"]),
        ("odd_status", ["SUCCESS"]),
        ("card_fails", ["Failed"]),
        ("rolls_back", ["Failed"]),
    ],
)
async def test_news_of_an_enable(fault: str, statuses: list[str]) -> None:
    async with simulated() as (caller, sink):
        await caller.faults(fault)
        request_id = await caller.accepted("enable")
        await caller.over(advancing_s=10)
        assert [body["status"] for body in bodies(sink)] == statuses
        told = await caller.status(request_id)
        assert told.json()["status"] == ("Failed" if "Failed" in statuses else "Success")


async def test_a_late_final_comes_days_after_the_status_knew() -> None:
    wanted = settings(times={"late_s": [86400, 86400]}, auth={"session_idle_s": 1e6})
    async with simulated(wanted) as (caller, sink):
        await caller.faults("late")
        request_id = await caller.accepted("enable")

        async def known() -> bool:
            return (await caller.status(request_id)).json()["status"] == "Success"

        await eventually(known)
        assert not sink.seen
        await caller.over(advancing_s=86400)
        assert len(sink.seen) == 1


async def test_two_finals_contradict_and_the_status_tells_the_truth() -> None:
    async with simulated() as (caller, sink):
        await caller.faults("contradicting")
        request_id = await caller.accepted("enable")
        await caller.over(advancing_s=10)
        assert sorted(str(body["status"]) for body in bodies(sink)) == ["Failed", "Success"]
        assert (await caller.status(request_id)).json()["status"] == "Success"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("pascal", '"RequestId"'),
        ("odd_kinds", '"kind":"iccId"'),
        ("numeric_ids", f'"id":{ICCID}'),
        ("trailing_commas", ",\n  }"),
        ("with_warning", '"EXECUTED_WITHWARNING"'),
        ("unknown_members", '"correlationTag"'),
        ("wrong_password", '"password":"drowssap renetsil-not"'),
    ],
)
async def test_odd_looks(fault: str, said: str) -> None:
    async with simulated() as (caller, sink):
        await caller.faults(fault)
        await caller.accepted("enable")
        await caller.over()
        assert said in sink.seen[0].body.decode()
        assert content.readable(sink.seen[0].body) is not None


async def test_a_callback_without_credentials_and_one_about_nothing() -> None:
    async with simulated() as (caller, sink):
        await caller.faults("no_password", "unknown_request")
        request_id = await caller.accepted("enable")
        await caller.over()
        first, second = bodies(sink)
        assert "password" not in first
        assert first["requestId"] == request_id != second["requestId"]


async def test_a_failure_can_come_in_the_documented_envelope() -> None:
    async with simulated() as (caller, sink):
        await caller.faults("fault_envelope", "card_fails")
        await caller.accepted("enable")
        await caller.over()
        (body,) = bodies(sink)
        assert "deviceResponse" not in body
        assert "UnifiedWebService" in json.dumps(body["faultResponse"])


async def test_a_failure_can_be_told_twice_in_one_message() -> None:
    async with simulated() as (caller, sink):
        await caller.faults("fault_and_response", "card_fails")
        await caller.accepted("enable")
        await caller.over()
        (body,) = bodies(sink)
        assert {"deviceResponse", "faultResponse"} <= body.keys()


async def test_a_card_can_fall_back_by_itself() -> None:
    async with simulated(settings(times={"fall_back_s": [1000, 1000]})) as (caller, sink):
        await caller.faults("falls_back")
        request_id = await caller.accepted("enable")
        await caller.over(advancing_s=1000)
        eid = (await caller.truth(request_id))["eid"]
        card = (await caller.control("GET", f"/devices/{eid}")).json()
        assert card["enabled"] == card["bootstrap_iccid"]
        assert len(sink.seen) == 1


@pytest.mark.parametrize(
    ("kind", "status"), [("unavailable", 503), ("html", 502), ("refuse", None), ("hang", None)]
)
async def test_the_api_is_away_for_a_while(kind: str, status: int | None) -> None:
    async with simulated() as (caller, _):
        await caller.control("POST", "/outage", {"seconds": 100, "kind": kind, "group": "actions"})
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(caller.act("enable"))
            if kind == "hang":
                assert not (await asyncio.wait({asked}, timeout=0.1))[0]
                await caller.advance(101)
        assert asked.result().status == status
        assert (await caller.call("GET", f"/m2m/v1/callbacks/{ACCOUNT}")).status == 200
        await caller.advance(101)
        assert (await caller.act("enable")).status == 200


async def test_being_away_for_a_share_of_the_time_can_be_ended() -> None:
    always: Json = [{"group": "status", "share": 1.0, "period_s": 10}]
    async with simulated(settings(away=always)) as (caller, _):
        request_id = await caller.accepted("enable")
        assert (await caller.status(request_id)).status == 503
        await caller.control("POST", "/outage", {"end": True})
        assert (await caller.status(request_id)).status == 200


async def test_asking_too_often_is_told_when_to_come_back() -> None:
    async with simulated(settings(limits={"actions_per_minute": 2})) as (caller, _):
        answers = [await caller.act("enable", f"8904903200000000000000000000{n:04d}") for n in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert 0 < int(answers[2].headers["Retry-After"]) <= 60


async def test_faults_of_one_device_leave_others_alone() -> None:
    async with simulated() as (caller, _):
        wanted: Json = [{"fault": "card_fails", "eid": "8" * 32, "action": "enable", "times": 2}]
        await caller.control("POST", "/faults", {"next": wanted})
        first = await caller.accepted("enable")
        second = await caller.accepted("enable", "8" * 32)
        await caller.over()
        assert (await caller.truth(first))["state"] == "succeeded"
        assert (await caller.truth(second))["state"] == "failed"


def _of(value: Json, name: str) -> Json:
    assert isinstance(value, dict)
    return value[name]
