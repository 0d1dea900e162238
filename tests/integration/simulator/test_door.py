"""Tokens and sessions over a socket: what opens, what stays shut, and how it says so."""

from __future__ import annotations

import pytest

from tests.integration.simulator.caller import ACCOUNT, settings, simulated

LISTED = f"/m2m/v1/callbacks/{ACCOUNT}"


async def test_a_token_is_the_same_within_its_hour_and_another_afterwards() -> None:
    async with simulated() as (caller, _):
        first = (await caller.token()).json()
        assert first["token_type"] == "Bearer"
        await caller.advance(3000)
        second = (await caller.token()).json()
        assert second["access_token"] == first["access_token"]
        assert isinstance(second["expires_in"], int)
        assert 500 < second["expires_in"] <= 600
        await caller.advance(601)
        assert (await caller.call("GET", LISTED)).status == 401
        assert (await caller.token()).json()["access_token"] != first["access_token"]


async def test_a_wrong_client_secret_is_an_oauth_error() -> None:
    async with simulated() as (caller, _):
        answer = await caller.token(secret="guessed")
        assert answer.status == 401
        assert answer.json()["error"] == "invalid_client"


@pytest.mark.parametrize(
    ("authorization", "status", "said"),
    [
        (None, 401, "900902"),
        ("Bearer guessed", 401, "900901"),
        ("Basic Z3Vlc3NlZA==", 403, "<am:fault xmlns:am="),
    ],
)
async def test_the_gateway_refuses_in_its_own_shapes(
    authorization: str | None, status: int, said: str
) -> None:
    async with simulated() as (caller, _):
        headers = {"X-Nothing": "x"} if authorization is None else {"Authorization": authorization}
        answer = await caller.call("GET", LISTED, headers=headers)
        assert answer.status == status
        assert said in answer.text


@pytest.mark.parametrize(
    ("session", "code"),
    [
        (None, "REQUEST_FAILED.SessionToken.Format"),
        ("not a guid", "INPUT_INVALID.SessionToken.Invalid"),
        ("bcce3ea6-fe4f-4952-bacf-eadd80718e83", "REQUEST_FAILED.SessionToken.Expired"),
    ],
)
async def test_a_session_that_is_none_is_refused_with_its_code(session: str | None, code: str) -> None:
    async with simulated() as (caller, _):
        headers = {"Authorization": caller.headers["Authorization"]}
        answer = await caller.call(
            "GET", LISTED, headers=headers | ({"VZ-M2M-Token": session} if session else {})
        )
        assert answer.status == 401
        assert answer.json()["errorCode"] == f"UnifiedWebService.{code}"


async def test_a_session_lives_while_it_is_used() -> None:
    async with simulated(settings(auth={"token_s": 1_000_000})) as (caller, _):
        for _ in range(3):
            await caller.advance(1100)
            assert (await caller.call("GET", LISTED)).status == 200
        await caller.advance(1300)
        assert (await caller.call("GET", LISTED)).status == 401


async def test_five_wrong_passwords_lock_the_user_until_somebody_unlocks_him() -> None:
    async with simulated() as (caller, _):
        for _ in range(5):
            assert (await caller.login(password="guessed")).status == 401
        locked = await caller.login()
        assert locked.status == 401
        assert "locked" in str(locked.json()["errorMessage"])
        await caller.control("POST", "/auth", {"unlock": "user"})
        assert (await caller.login()).status == 200


async def test_a_good_login_forgets_the_wrong_ones_before() -> None:
    async with simulated() as (caller, _):
        for _ in range(3):
            for _ in range(4):
                await caller.login(password="guessed")
            assert (await caller.login()).status == 200


async def test_callbacks_go_on_after_a_logout() -> None:
    async with simulated() as (caller, sink):
        await caller.accepted("enable")
        assert (await caller.call("POST", "/m2m/v1/session/logout")).status == 200
        assert (await caller.call("GET", LISTED)).status == 401
        await caller.over()
        assert len(sink.seen) == 1


async def test_a_path_nobody_knows_is_the_gateways_fault() -> None:
    async with simulated() as (caller, _):
        answer = await caller.call("POST", "/m2m/v1/devices/profile/actions/explode")
        assert answer.status == 400
        assert "900906" in answer.text


async def test_tokens_and_sessions_can_be_lost() -> None:
    async with simulated() as (caller, _):
        await caller.control("POST", "/auth", {"drop_sessions": True})
        assert (await caller.call("GET", LISTED)).status == 401
        await caller.login()
        await caller.faults("session_refused")
        assert (await caller.call("GET", LISTED)).status == 401
        await caller.login()
        await caller.faults("token_refused")
        assert "900901" in (await caller.call("GET", LISTED)).text
        await caller.login()
        assert (await caller.call("GET", LISTED)).status == 200
