"""What every kind of answer to an order or a question means, on real sockets."""

import asyncio
import socket
import ssl

import pytest

from reconciler.thingspace.exchange import Call, NoAnswerError
from reconciler.thingspace.limits import Limits
from reconciler.thingspace.talk import Away, Rejected, ThingSpaceError, Unclear, Unfit
from reconciler.thingspace.wire import Wire
from schemas.ids import AccountName, RequestId
from tests.unit.thingspace.platform import (
    CANARIES,
    NAME,
    OTHER,
    Platform,
    Reply,
    account,
    hangs_up,
    order,
    says,
    scene,
    stays_silent,
)
from tests.unit.thingspace.test_answers import XML

NO = '{"errorCode":"INPUT_INVALID.Device.Account.Invalid","errorMessage":"not in the account"}'
R = RequestId("r/1")


async def test_an_order_is_sent_as_documented_and_gives_a_request_id() -> None:
    async with scene() as here:
        assert await here.space.submit(order()) == "r-1"
        assert here.platform.asked == [("POST", "/api/m2m/v1/devices/profile/actions/enable")]
        assert b'"accountName":"1223334444-00001"' in here.platform.bodies[0]
        assert here.platform.headers[0]["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("reply", "code", "by_gateway"),
    [
        (says(400, NO), "INPUT_INVALID.Device.Account.Invalid", False),
        (says(403, XML), "404", True),
        (says(404, '{"fault":{"code":"900906","message":"No matching resource found"}}'), "900906", True),
        (says(400, ""), "HTTP.400", False),
        (says(406, "not acceptable"), "HTTP.406", False),
    ],
)
async def test_a_refusal_says_that_nothing_happened(reply: Reply, code: str, by_gateway: bool) -> None:
    async with scene(replies=[reply]) as here:
        with pytest.raises(Rejected) as raised:
            await here.space.submit(order())
        assert (raised.value.code, raised.value.by_gateway) == (code, by_gateway)


@pytest.mark.parametrize(
    "reply",
    [
        hangs_up,
        stays_silent,
        says(500, NO),
        says(502, "<html>bad gateway"),
        says(503, "", Retry_After="7"),
        says(408, ""),
        says(302, "", Location="http://elsewhere.example/"),
        says(307, "", Location="/api/m2m/v1/other"),
        says(200, "<html>welcome to the hotel"),
        says(200, "{}"),
        says(200, "x" * 2_000_000),
    ],
)
async def test_an_order_without_a_usable_answer_is_unclear_and_never_sent_again(reply: Reply) -> None:
    async with scene(replies=[reply], limits=Limits(timeout_s=0.5)) as here:
        with pytest.raises(Unclear, match="do not simply ask again"):
            await here.space.submit(order())
        assert len(here.platform.asked) == 1


@pytest.mark.parametrize(
    ("reply", "retry_after_s"),
    [
        (hangs_up, None),
        (says(500, NO), None),
        (says(503, "", Retry_After="7"), 7.0),
        (says(302, "", Location="/api/m2m/v1/other"), None),
        (says(403, "<html>blocked by the proxy"), None),
        (says(200, "<html>welcome to the hotel"), None),
    ],
)
async def test_a_question_without_a_usable_answer_may_be_asked_later(
    reply: Reply, retry_after_s: float | None
) -> None:
    async with scene(replies=[reply] * 2) as here:
        with pytest.raises(Away) as raised:
            await here.space.request_status(NAME, R)
        assert raised.value.retry_after_s == retry_after_s
        assert len(here.platform.asked) <= 2  # a connection that was closed while idle is tried once more


async def test_a_page_that_refuses_an_order_came_from_something_in_between() -> None:
    async with scene(replies=[says(403, "<!doctype html><title>Blocked</title>")]) as here:
        with pytest.raises(Away, match=r"Something between us .* page for people"):
            await here.space.submit(order())


async def test_nothing_was_sent_where_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{free.getsockname()[1]}/api"
    async with scene(base_url=nowhere) as here:
        with pytest.raises(Away, match=r"cannot be reached .* Nothing was sent"):
            await here.space.submit(order())


async def test_nothing_was_sent_where_the_name_is_unknown() -> None:
    async with scene(base_url="https://nowhere.invalid/api") as here:
        with pytest.raises(Away, match="cannot be reached"):
            await here.space.submit(order())


async def test_nothing_is_sent_to_a_certificate_that_nobody_vouches_for(self_signed: ssl.SSLContext) -> None:
    async with Platform().serving(self_signed) as platform, scene(base_url=platform.url) as here:
        with pytest.raises(Away, match="certificate is not trusted"):
            await here.space.submit(order())
        assert platform.minted == 0


async def test_a_server_that_accepts_and_says_nothing_of_tls_gets_nothing() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, scene(base_url=f"https://127.0.0.1:{port}/api") as here:
        with pytest.raises(Away, match="Nothing was sent"):
            await here.space.submit(order())


async def test_an_account_that_is_not_configured_is_named() -> None:
    async with scene() as here:
        with pytest.raises(Unfit, match="add it, or use one of 1223334444-00001"):
            await here.space.submit(order(name=AccountName("0")))


async def test_an_order_that_lacks_something_is_not_sent() -> None:
    async with scene() as here:
        with pytest.raises(Unfit, match="mdn_zip_code"):
            await here.space.submit(order("activate"))
        assert here.platform.minted == 0


async def test_status_is_asked_of_v2_with_its_path_quoted() -> None:
    body = '{"requestId":"r/1","status":"Pending","subRequests":[]}'
    async with scene(replies=[says(200, body)]) as here:
        status = await here.space.request_status(NAME, R)
        assert (status.endpoint, status.status) == ("v2", "Pending")
        assert here.platform.paths() == [f"/api/m2m/v2/accounts/{NAME}/requests/r%2F1/status"]


async def test_v1_is_asked_where_v2_refuses_and_may_know() -> None:
    replies = [says(400, NO), says(200, '{"requestId":"r/1","status":"Success"}')]
    async with scene(replies=replies) as here:
        status = await here.space.request_status(NAME, R, "deactivate")
        assert (status.endpoint, status.status, status.sub_requests) == ("v1", "Success", ())
        assert "/m2m/v1/" in here.platform.paths()[1]


async def test_v1_is_not_asked_about_what_it_never_knew() -> None:
    async with scene(replies=[says(400, NO)]) as here:
        with pytest.raises(Rejected):
            await here.space.request_status(NAME, R, "enable")
        assert len(here.platform.asked) == 1


async def test_where_neither_knows_the_refusal_of_v2_is_told() -> None:
    async with scene(replies=[says(404, NO), says(400, '{"errorCode":"other"}')]) as here:
        with pytest.raises(Rejected, match=r"INPUT_INVALID\.Device\.Account\.Invalid"):
            await here.space.request_status(NAME, R)


async def test_a_status_shows_no_secret_even_if_thingspace_repeats_one() -> None:
    async with scene(
        replies=[says(200, '{"status":"Failed","note":"canary-login, canary-session-1"}')]
    ) as here:
        status = await here.space.request_status(NAME, R)
        assert status.body == {"status": "Failed", "note": "***, ***"}


async def test_listeners_are_listed_registered_and_removed_each_change_with_a_new_session() -> None:
    listed = '[{"name":"CarrierService","url":"https://h","username":"u","password":"canary-foreign"}]'
    async with scene(replies=[says(200, listed), says(200, "{}"), says(200, "")]) as here:
        found = await here.space.listeners(NAME)
        assert [(one.service, one.url, one.username) for one in found] == [
            ("CarrierService", "https://h", "u")
        ]
        assert "canary" not in repr(found)
        await here.space.deregister(NAME, "CarrierService")
        await here.space.register(NAME, "CarrierService", "https://h", "u", "canary-callback")
        assert here.platform.asked[1:] == [
            ("DELETE", f"/api/m2m/v1/callbacks/{NAME}/name/CarrierService"),
            ("POST", f"/api/m2m/v1/callbacks/{NAME}"),
        ]
        assert [said["VZ-M2M-Token"] for said in here.platform.headers] == [
            f"canary-session-{number}" for number in (1, 2, 3)
        ]
        assert b'"password":"canary-callback"' in here.platform.bodies[2]


async def test_one_device_is_looked_up_at_once() -> None:
    async with scene(replies=[says(200, '{"hasMoreData":false,"devices":[]}')]) as here:
        assert await here.space.device(NAME, "iccid", "89") == {"hasMoreData": False, "devices": []}


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
@pytest.mark.parametrize(
    "shape",
    [
        '{"errorCode":"%s","errorMessage":"%s"}',
        "<am:fault><am:code>%s</am:code><am:message>%s</am:message></am:fault>",
        "<html>%s %s",
        "%s %s",
    ],
)
async def test_no_secret_is_in_any_error_or_notice(status: int, shape: str) -> None:
    echoed = " ".join([*CANARIES[:3], "canary-token-1", "canary-session-1", "a2V5OmNhbmFyeS1jbGllbnQ="])
    async with scene(replies=[says(status, shape % (echoed, echoed))] * 2) as here:
        with pytest.raises(ThingSpaceError) as raised:
            await here.space.submit(order())
        for shown in (str(raised.value), repr(raised.value), repr(vars(raised.value)), repr(here.heard.said)):
            assert "canary" not in shown
            assert "a2V5OmNhbmFyeS1jbGllbnQ" not in shown
        assert raised.value.__cause__ is None
        assert "canary" not in repr(here.space.accounts)


async def test_accounts_do_not_wait_for_each_other() -> None:
    async with scene(account(), account(OTHER), replies=[says(429, "", Retry_After="60")]) as here:
        with pytest.raises(Away):
            await here.space.submit(order())
        assert await here.space.submit(order(name=OTHER)) == "r-1"


@pytest.mark.parametrize(
    "greeting", [b"SSH-2.0-server\r\n", b"HTTP/1.1 nonsense\r\n\r\n", b"", b"\x00" * 999]
)
async def test_an_answer_that_is_no_http_leaves_an_order_unclear(greeting: bytes) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(greeting)
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with server:
        wire = Wire(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", Limits())
        with pytest.raises(NoAnswerError) as raised:
            await wire.exchange(Call("submit", "POST", "/", body=b"{}", changes=True))
        assert raised.value.__cause__ is None
        await wire.close()
