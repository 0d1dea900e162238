"""The two keys: renewed once for all, early, once more when refused, and never until an account is locked."""

import asyncio
from collections import deque

import pytest

from reconciler.thingspace.limits import Limits
from reconciler.thingspace.talk import Away, Latched
from schemas.ids import AccountName
from tests.unit.thingspace.platform import NAME, OTHER, Reply, account, hangs_up, order, says, scene
from tests.unit.thingspace.test_answers import EXPIRED, XML

STALE = '{"errorCode":"UnifiedWebService.REQUEST_FAILED.SessionToken.Expired","errorMessage":"idle"}'
WRONG = '{"errorCode":"REQUEST_FAILED.LoginFailed","errorMessage":"canary-login is wrong"}'
OK = '{"requestId":"r-1"}'


async def test_fifty_at_once_share_one_token_and_one_login() -> None:
    async with scene() as here:
        ids = await asyncio.gather(*(here.space.submit(order()) for _ in range(50)))
        assert set(ids) == {"r-1"}
        assert (here.platform.minted, here.platform.logged_in) == (1, 1)
        keys = {(said["Authorization"], said["VZ-M2M-Token"]) for said in here.platform.headers}
        assert keys == {("Bearer canary-token-1", "canary-session-1")}


async def test_fifty_refused_at_once_renew_once() -> None:
    async with scene(replies=[says(200, OK)]) as here:
        await here.space.submit(order())
        here.platform.stale = "canary-token-1"
        await asyncio.gather(*(here.space.submit(order()) for _ in range(50)))
        assert (here.platform.minted, here.platform.logged_in) == (2, 2)


@pytest.mark.parametrize(
    ("refusal", "minted"),
    [(says(401, EXPIRED), 2), (says(401, ""), 2), (says(400, STALE), 1), (says(401, STALE), 1)],
)
async def test_refused_keys_are_renewed_and_the_question_asked_once_more(refusal: Reply, minted: int) -> None:
    async with scene(replies=[refusal, says(200, OK)]) as here:
        assert await here.space.submit(order()) == "r-1"
        assert (here.platform.minted, here.platform.logged_in) == (minted, 2)
        assert here.platform.headers[-1]["VZ-M2M-Token"] == "canary-session-2"


async def test_keys_refused_twice_end_the_question() -> None:
    async with scene(replies=[says(401, EXPIRED)] * 9) as here:
        with pytest.raises(Away, match=r"fresh keys.*900901.*Nothing happened"):
            await here.space.submit(order())
        assert len(here.platform.asked) == 2
        with pytest.raises(Away, match="left alone"):
            await here.space.submit(order())
        assert len(here.platform.asked) == 2


async def test_a_token_is_renewed_five_minutes_early_and_a_session_after_a_long_rest() -> None:
    async with scene() as here:
        for seconds, minted, logged_in in (
            (0, 1, 1),
            (1100, 1, 1),
            (1100, 1, 1),
            (1080, 1, 1),
            (21, 2, 1),
            (1140, 2, 2),
        ):
            here.clock.seconds += seconds
            await here.space.submit(order())
            assert (here.platform.minted, here.platform.logged_in) == (minted, logged_in)


async def test_the_same_token_again_is_used_and_not_asked_for_each_time() -> None:
    async with scene() as here:
        here.platform.tokens = deque([says(200, '{"access_token":"canary-token-1","expires_in":200}')] * 9)
        for _ in range(5):
            await here.space.submit(order())
        assert here.platform.minted == 1
        here.clock.seconds += 101
        await here.space.submit(order())
        assert here.platform.minted == 2


async def test_an_early_renewal_that_fails_costs_nothing() -> None:
    async with scene() as here:
        await here.space.submit(order())
        here.clock.seconds += 3301
        here.platform.tokens = deque([hangs_up])
        await here.space.submit(order())
        await here.space.submit(order())
        assert here.platform.minted == 2


async def test_two_refused_logins_latch_until_a_person_has_looked() -> None:
    async with scene(account(), account(OTHER)) as here:
        here.platform.logins = deque([says(400, WRONG)] * 9)
        with pytest.raises(Away, match="One more refusal") as first:
            await here.space.submit(order())
        assert first.value.retry_after_s == Limits().login_pause_s
        with pytest.raises(Away, match="was refused"):
            await here.space.submit(order())
        assert here.platform.logged_in == 1
        here.clock.seconds += 31
        for _ in range(3):
            with pytest.raises(Latched, match="SIGHUP") as raised:
                await here.space.submit(order())
            assert "canary" not in str(raised.value)
        assert here.platform.logged_in == 2
        assert here.space.latched(NAME)
        assert here.heard.words() == ["login_refused", "login_refused", "latched"]
        with pytest.raises(Latched):  # it has the same user
            await here.space.submit(order(name=OTHER))
        here.space.configure(here.space.accounts)
        assert here.space.latched(NAME) is None
        assert here.heard.words()[3:] == ["latched", "latch_cleared", "latch_cleared"]
        here.platform.logins.clear()
        await here.space.submit(order())


async def test_accounts_of_one_user_do_not_lock_it_together() -> None:
    names = [AccountName(f"1223334444-0000{number}") for number in range(8)]
    async with scene(*map(account, names)) as here:
        here.platform.logins = deque([says(401, WRONG)] * 9)
        for _ in range(3):
            orders = (here.space.submit(order(name=name)) for name in names)
            results = await asyncio.gather(*orders, return_exceptions=True)
            assert {type(result) for result in results} <= {Away, Latched}
            here.clock.seconds += 31
        assert here.platform.logged_in == 2


async def test_fifty_at_once_make_one_refused_login_and_not_two() -> None:
    async with scene() as here:
        here.platform.logins = deque([says(401, WRONG)] * 9)
        results = await asyncio.gather(
            *(here.space.submit(order()) for _ in range(50)), return_exceptions=True
        )
        assert {type(result) for result in results} == {Away}
        assert here.platform.logged_in == 1


async def test_a_login_that_worked_forgives_the_one_before() -> None:
    async with scene() as here:
        for _ in range(3):
            here.platform.logins = deque([says(400, WRONG)])
            with pytest.raises(Away):
                await here.space.deregister(NAME, "CarrierService")
            here.clock.seconds += 31
            await here.space.deregister(NAME, "CarrierService")
        assert here.space.latched(NAME) is None


async def test_a_wrong_client_secret_latches_too() -> None:
    async with scene() as here:
        here.platform.tokens = deque([says(401, '{"error":"invalid_client"}')] * 9)
        with pytest.raises(Away, match="invalid_client"):
            await here.space.listeners(NAME)
        here.clock.seconds += 31
        with pytest.raises(Latched, match="invalid_client"):
            await here.space.listeners(NAME)
        assert here.platform.logged_in == 0


@pytest.mark.parametrize(
    "unwell",
    [
        hangs_up,
        says(500, ""),
        says(503, "<html>"),
        says(403, "<html><body>blocked"),
        says(200, "{}"),
        says(302, ""),
    ],
)
async def test_a_login_that_was_not_refused_counts_towards_nothing(unwell: Reply) -> None:
    async with scene(limits=Limits(failures_max=99)) as here:
        here.platform.logins = deque([unwell] * 9)
        for _ in range(3):
            with pytest.raises(Away):
                await here.space.listeners(NAME)
        assert here.space.latched(NAME) is None
        assert here.heard.words() == []


async def test_the_gateways_own_refusal_renews_the_token_before_it_counts() -> None:
    async with scene() as here:
        here.platform.logins = deque([says(401, EXPIRED)])
        await here.space.submit(order())
        assert (here.platform.minted, here.platform.logged_in) == (2, 2)
        assert here.platform.headers[-1]["Authorization"] == "Bearer canary-token-2"


async def test_a_gateway_that_is_out_of_order_latches_nothing_and_is_not_hurried() -> None:
    async with scene() as here:
        here.platform.tokens = deque([says(403, XML)] * 2)
        for _ in range(2):
            for _ in range(3):
                with pytest.raises(Away, match=r"gateway refused .*404 Not Found|was refused; the next"):
                    await here.space.submit(order())
            here.clock.seconds += 31
        assert here.platform.minted == 2
        assert here.heard.words() == []
        await here.space.submit(order())


async def test_a_login_that_the_gateway_refuses_twice_latches_because_it_may_have_seen_the_password() -> None:
    async with scene() as here:
        here.platform.logins = deque([says(403, XML)] * 2)
        with pytest.raises(Away, match="404 Not Found"):
            await here.space.submit(order())
        here.clock.seconds += 31
        with pytest.raises(Latched, match="404 Not Found"):
            await here.space.submit(order())


async def test_who_gives_up_waiting_does_not_end_the_login_of_the_others() -> None:
    async with scene() as here:
        waiting = [asyncio.ensure_future(here.space.submit(order())) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        ids = await asyncio.gather(*waiting, return_exceptions=True)
        assert ids[1:] == ["r-1", "r-1"]
        assert here.platform.logged_in == 1
