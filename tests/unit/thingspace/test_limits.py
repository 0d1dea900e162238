"""How hard and how long ThingSpace is asked."""

import asyncio
from collections import deque

import pytest

from reconciler.thingspace.limits import Breaker, Bucket, Limits, retry_after_s
from reconciler.thingspace.talk import Away, Unclear
from schemas.ids import RequestId
from tests.unit.thingspace.platform import EPOCH, NAME, account, hangs_up, order, says, scene

R = RequestId("r")
STATUS = '{"status":"Pending"}'


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("Tue, 24 Nov 2026 12:02:00 GMT", 120),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 1),
        ("0", 1),
        ("999999999999999999", 3600),
        ("soon", 60),
        ("Tue, 24 Nov 99999999999 12:02:00 GMT", 60),
        (f"Tue, 24 Nov 2026 12:02:00 +{'9' * 20}", 60),
        (f"Tue, 24 Nov 2026 {'9' * 5000}:02:00 GMT", 60),
        ("-5", 60),
        (None, 60),
    ],
)
def test_retry_after_is_read_in_both_forms_and_bounded(header: str | None, seconds: float) -> None:
    assert retry_after_s(header, EPOCH, Limits()) == seconds


def test_a_bucket_gives_a_tenth_at_once_and_the_rest_evenly() -> None:
    bucket = Bucket(60, now=0)
    assert [bucket.turn(0, 60) for _ in range(8)] == [0, 0, 0, 0, 0, 0, 1, 2]
    assert bucket.turn(100, 60) == 0
    assert [Bucket(1, now=0).turn(0, 60)] == [0]


def test_a_turn_too_far_away_is_not_taken() -> None:
    bucket = Bucket(1, now=0)
    assert bucket.turn(0, 60) == 0
    assert bucket.turn(0, 59) is None
    assert bucket.wait_s(0) == 60
    assert bucket.turn(1, 59) == 59


def test_a_breaker_lets_one_try_and_waits_longer_each_time() -> None:
    breaker = Breaker(Limits(failures_max=2, open_s=10, open_s_max=30))
    breaker.failed(0)
    assert breaker.wait_s(0) == 0
    for _ in range(9):
        breaker.failed(0)  # those under way when it opened do not make it worse
    assert breaker.wait_s(0) == 10
    now = 10.0
    for waits in (20, 30, 30):
        assert breaker.wait_s(now) == 0
        assert breaker.enter(now)
        assert breaker.wait_s(now) > 0
        breaker.failed(now)
        assert breaker.wait_s(now) == waits
        now += waits
    assert breaker.enter(now)
    breaker.succeeded()
    assert breaker.wait_s(now) == 0
    assert not breaker.enter(now)


def test_a_try_that_was_given_up_lets_the_next_one_try() -> None:
    breaker = Breaker(Limits(failures_max=1, open_s=10))
    breaker.failed(0)
    assert breaker.enter(10)
    breaker.leave()
    assert breaker.wait_s(10) == 0


async def test_orders_keep_to_the_accounts_rate() -> None:
    async with scene(account(per_minute=60)) as here:
        for _ in range(9):
            await here.space.submit(order())
        assert here.clock.waited == [1, 1, 1]


async def test_more_than_can_be_sent_soon_is_turned_away_unsent() -> None:
    async with scene(account(per_minute=1)) as here:
        await here.space.submit(order())
        here.clock.seconds -= 1
        with pytest.raises(Away, match="1 requests a minute") as raised:
            await here.space.submit(order())
        assert raised.value.retry_after_s == 61


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry_After": "30"}, 30), ({"Retry_After": "Tue, 24 Nov 2026 12:10:00 GMT"}, 600), ({}, 60)],
)
async def test_after_too_many_the_account_rests_as_long_as_asked(
    headers: dict[str, str], seconds: float
) -> None:
    async with scene(replies=[says(429, "slow down", **headers)]) as here:
        with pytest.raises(Away) as raised:
            await here.space.submit(order())
        assert raised.value.retry_after_s == seconds
        with pytest.raises(Away, match="left alone"):
            await here.space.submit(order())
        assert len(here.platform.asked) == 1
        here.clock.seconds += seconds
        await here.space.submit(order())


async def test_a_login_that_is_too_many_lets_the_account_rest_too() -> None:
    async with scene() as here:
        here.platform.logins = deque([says(429, "", Retry_After="9")])
        with pytest.raises(Away) as raised:
            await here.space.submit(order())
        assert raised.value.retry_after_s == 9


async def test_a_breaker_opens_tries_once_and_closes() -> None:
    async with scene(
        replies=[hangs_up] * 5 + [says(500, "")], limits=Limits(failures_max=5, open_s=15)
    ) as here:
        for _ in range(5):
            with pytest.raises(Unclear):
                await here.space.submit(order())
        with pytest.raises(Away, match="several times") as raised:
            await here.space.submit(order())
        assert raised.value.retry_after_s == 15
        assert len(here.platform.asked) == 5
        here.clock.seconds += 15
        with pytest.raises(Away):
            await here.space.request_status(NAME, R)
        with pytest.raises(Away, match="several times") as raised:
            await here.space.submit(order())
        assert raised.value.retry_after_s == 30
        here.clock.seconds += 30
        here.platform.replies = deque([says(200, STATUS)])
        results = await asyncio.gather(
            *(here.space.request_status(NAME, R) for _ in range(5)), return_exceptions=True
        )
        assert [isinstance(result, Away) for result in results] == [False, True, True, True, True]
        await here.space.submit(order())
        assert here.heard.words() == ["open", "closed"]


async def test_a_person_who_looked_closes_the_breaker_and_ends_a_pause() -> None:
    async with scene(replies=[says(429, ""), hangs_up], limits=Limits(failures_max=1)) as here:
        with pytest.raises(Away):
            await here.space.submit(order())
        here.space.configure(here.space.accounts)
        with pytest.raises(Unclear):
            await here.space.submit(order())
        here.space.configure(here.space.accounts)
        await here.space.submit(order())
