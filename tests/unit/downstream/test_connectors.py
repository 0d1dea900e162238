"""Both connectors over real sockets, against the stand-ins."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiohttp import web
from pydantic import SecretStr
from yarl import URL

from reconciler.downstream.exchange import Exchange
from reconciler.downstream.imiconnect import ImiConnect, ProfileIds
from reconciler.downstream.job import was_not_done
from reconciler.downstream.oracle_risk import OracleRisk, basic
from tests.targets import imiconnect, oracle

IDS = ProfileIds("a_635736738702976937", "9876", "dev-1")
KEY = SecretStr("a profile key of tests")
LINKED = datetime(2026, 1, 1, tzinfo=UTC)


@asynccontextmanager
async def at(application: web.Application) -> AsyncIterator[URL]:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield URL(f"http://127.0.0.1:{runner.addresses[0][1]}")
    finally:
        await runner.cleanup()


@asynccontextmanager
async def imi(state: imiconnect.Profiles) -> AsyncIterator[ImiConnect]:
    async with at(imiconnect.application(state)) as base:
        yield ImiConnect(base, KEY, Exchange(timeout_s=5))


def profiles(**faults: object) -> imiconnect.Profiles:
    made = imiconnect.Profiles(KEY.get_secret_value(), {IDS.app_id})
    for name, value in faults.items():
        setattr(made.faults, name, value)
    return made


@pytest.mark.parametrize("envelope", ["old", "new"])
async def test_a_profile_is_made_changed_read_and_deleted(envelope: str) -> None:
    state = profiles(envelope=envelope)
    async with imi(state) as client:
        made = await client.create(IDS, {"imei": "490154203237518"})
        assert (made.outcome, made.transaction_id is not None) == ("accepted", True)
        assert (await client.status(made.transaction_id or "")).outcome == "confirmed"
        again = await client.create(IDS, {})
        assert (await client.status(again.transaction_id or "")).outcome == "exists"
        changed = await client.update(IDS, {"imsi": "311480852590999"})
        assert (await client.status(changed.transaction_id or "")).outcome == "confirmed"
        (found,) = (await client.get(IDS)).profiles or ()
        assert (found["deviceid"], found["imsi"]) == (IDS.device_id, "311480852590999")
        gone = await client.delete(IDS)
        assert (await client.status(gone.transaction_id or "")).outcome == "confirmed"
        assert (await client.get(IDS)).profiles == []
        missing = await client.update(IDS, {})
        assert (await client.status(missing.transaction_id or "")).outcome == "not_there"
        assert (await client.status("never heard of")).outcome == "pending"


async def test_an_attribute_that_profiles_do_not_have_is_refused_before_anything_is_sent() -> None:
    async with imi(state := profiles()) as client:
        with pytest.raises(ValueError, match="no attribute colour"):
            await client.create(IDS, {"colour": "red"})
        assert state.calls == []


async def test_a_request_that_is_shown_hides_its_key() -> None:
    client = ImiConnect(URL("https://api.eu.webexconnect.io"), KEY, Exchange(timeout_s=5))
    shown = client.deletion(IDS).shown()
    assert KEY.get_secret_value() not in shown + repr(client.deletion(IDS)) + repr(client)
    assert shown.startswith("DELETE https://api.eu.webexconnect.io/resources/v2/customerappprofile/")


async def test_a_redirect_is_not_followed() -> None:
    async def elsewhere(request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect("/resources/v2/customerappprofile/a/9876")

    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", elsewhere)
    async with at(application) as base:
        answer = await ImiConnect(base, KEY, Exchange(timeout_s=5)).delete(IDS)
    assert (answer.outcome, answer.http_status) == ("broken", 307)


async def test_a_target_that_quotes_its_key_is_heard_without_it() -> None:
    async def quote(request: web.Request) -> web.Response:
        said = f"{request.headers.get('key')} {request.headers.get('Authorization')} a/pass\\\\word"
        return web.json_response(
            {
                "code": "7001",
                "description": f"wrong key: {said}",
                "responseCode": "1",
                "responseMessage": said,
            },
            status=401,
        )

    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", quote)
    async with at(application) as base:
        refused = await ImiConnect(base, KEY, Exchange(timeout_s=5)).delete(IDS)
        assert (refused.outcome, refused.code) == ("broken", "7001")
        assert KEY.get_secret_value() not in repr(refused)
        header = basic("R-risk-cc", SecretStr("YS9wYXNzd29yZA=="))
        denied = await OracleRisk(base, header, Exchange(timeout_s=5)).unregister_devices("42")
        assert denied.outcome == "broken"
        assert "YS9" not in repr(denied)
        assert "password" not in repr(denied).replace("\\", "")


async def test_a_time_to_wait_beyond_all_calendars_is_none() -> None:
    async def soon(_: web.Request) -> web.Response:
        return web.json_response(
            {"code": "7020", "description": "slower"},
            status=429,
            headers={"Retry-After": "Mon, 01 Jan 99999999999 00:00:00 GMT"},
        )

    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", soon)
    async with at(application) as base:
        answer = await ImiConnect(base, KEY, Exchange(timeout_s=5)).delete(IDS)
    assert (answer.outcome, answer.retry_after_s) == ("throttled", None)


async def test_nobody_at_the_address_is_away_and_an_end_without_an_answer_is_lost() -> None:
    async with at(web.Application()) as base:
        pass
    assert (await ImiConnect(base, KEY, Exchange(timeout_s=5)).delete(IDS)).outcome == "away"
    state = profiles(hang_ups_after_effect=1)
    state.link(IDS, LINKED)
    async with imi(state) as client:
        assert (await client.delete(IDS)).outcome == "lost"
    assert len(state.calls) == 1, "a client that repeats by itself deletes twice"


async def test_an_answer_without_end_is_not_read_to_it() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)

    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", endless)
    async with at(application) as base:
        answer = await ImiConnect(base, KEY, Exchange(timeout_s=20)).delete(IDS)
    assert (answer.outcome, answer.text) == ("lost", "an answer without end")


def care(**faults: object) -> oracle.Care:
    made = oracle.Care("release-risk-cc", "a password", {"jdoe": {"phone", "browser"}})
    for name, value in faults.items():
        setattr(made.faults, name, value)
    return made


@pytest.mark.parametrize(
    ("state", "customer", "outcome"),
    [
        (care(), "jdoe", "confirmed"),
        (care(), "nobody", "not_there"),
        (care(unknown_as="empty"), "nobody", "not_there"),
        (care(unknown_as="text"), "nobody", "not_there"),
        (care(status_false=1), "jdoe", "unknown"),
        (care(response_code="1"), "jdoe", "unknown"),
        (care(login_page=1), "jdoe", "broken"),
        (care(errors=[500]), "jdoe", "away"),
        (care(errors=[503]), "jdoe", "away"),
    ],
)
async def test_a_customer_is_signed_off_or_it_is_said_why_not(
    state: oracle.Care, customer: str, outcome: str
) -> None:
    async with at(oracle.application(state)) as base:
        authorization = basic("release-risk-cc", SecretStr("YSBwYXNzd29yZA=="))
        client = OracleRisk(base / "risk-cc", authorization, Exchange(timeout_s=5))
        assert (await client.unregister_devices(customer)).outcome == outcome
    assert state.ran in ([], [("jdoe", "unregisterDevices")])


async def test_wrong_credentials_are_a_matter_of_the_target() -> None:
    async with at(oracle.application(care())) as base:
        client = OracleRisk(base / "risk-cc", SecretStr("Basic bad"), Exchange(timeout_s=5))
        assert (await client.unregister_devices("jdoe")).outcome == "broken"


async def test_a_customer_may_be_signed_off_where_no_answer_came() -> None:
    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", hang_up)
    async with at(application) as base:
        client = OracleRisk(base, basic("r", SecretStr("YSBwYXNzd29yZA==")), Exchange(timeout_s=5))
        answer = await client.unregister_devices("jdoe")
        assert (answer.outcome, answer.may_be_done, was_not_done(answer)) == ("away", True, False)
    never_reached = await client.unregister_devices("jdoe")
    assert (never_reached.outcome, was_not_done(never_reached)) == ("away", True)
