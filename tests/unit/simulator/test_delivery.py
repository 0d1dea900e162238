"""The two worlds in which ThingSpace delivers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from tests.simulator.delivery import MODES, Answer, deliver, deliver_copies

DOCUMENTED, OBSERVED = MODES["documented"], MODES["observed"]


@dataclass
class NoWaiting:
    """A clock that notes how long it was asked to wait."""

    waits: list[float] = field(default_factory=list)

    async def sleep(self, simulated_s: float) -> None:
        self.waits.append(simulated_s)


class Endpoint:
    def __init__(self, statuses: Sequence[int | None]) -> None:
        self._statuses = list(statuses)
        self.counts: list[int] = []

    async def __call__(self, count: int) -> Answer:
        self.counts.append(count)
        status = self._statuses[len(self.counts) - 1]
        return Answer(status, None if status else "ServerDisconnectedError")


@pytest.mark.parametrize(
    ("mode", "statuses", "counts", "fate"),
    [
        ("documented", [200], [1], "accepted"),
        ("documented", [503, 500, None, 204], [1, 2, 3, 4], "accepted"),
        ("documented", [403] * 4, [1, 2, 3, 4], "archived"),
        ("observed", [200], [1], "accepted"),
        ("observed", [403, 200], [1, 2], "accepted"),
        ("observed", [None, 503], [1, 2], "lost"),
        ("observed", [301, 302], [1, 2], "lost"),
    ],
)
async def test_a_message_is_sent_until_it_is_accepted_or_given_up(
    mode: str, statuses: list[int | None], counts: list[int], fate: str
) -> None:
    endpoint = Endpoint(statuses)
    assert await deliver(endpoint, MODES[mode], NoWaiting(), random.Random(1)) == fate
    assert endpoint.counts == counts


async def test_documented_waits_five_minutes_between_attempts() -> None:
    clock = NoWaiting()
    await deliver(Endpoint([503] * 4), DOCUMENTED, clock, random.Random(1))
    assert clock.waits == [300.0, 300.0, 300.0]


async def test_observed_comes_back_within_two_seconds() -> None:
    clock = NoWaiting()
    await deliver(Endpoint([403, 403]), OBSERVED, clock, random.Random(1))
    assert len(clock.waits) == 1
    assert 1.15 <= clock.waits[0] <= 1.69


async def test_observed_sends_a_second_copy_beside_a_first_that_is_not_answered() -> None:
    open_at_once: list[int] = []
    second = asyncio.Event()

    async def slow(count: int) -> Answer:
        open_at_once.append(count)
        if count == 1:
            await second.wait()
        second.set()
        return Answer(200)

    mode = replace(OBSERVED, overlap_s=0.001)
    assert await deliver(slow, mode, NoWaiting(), random.Random(1)) == "accepted"
    assert open_at_once == [1, 2]


async def test_documented_never_overlaps() -> None:
    assert DOCUMENTED.overlap_s is None


async def test_the_retry_after_a_refusal_may_carry_the_old_count() -> None:
    endpoint = Endpoint([503, 200])
    await deliver(endpoint, replace(OBSERVED, refusals_count=False), NoWaiting(), random.Random(1))
    assert endpoint.counts == [1, 1]


async def test_a_message_at_its_threshold_is_sent_once() -> None:
    endpoint = Endpoint([503])
    assert await deliver(endpoint, DOCUMENTED, NoWaiting(), random.Random(1), first_attempt=4) == "archived"
    assert endpoint.counts == [4]


async def test_copies_leave_together_and_are_not_repeated() -> None:
    everyone = asyncio.Barrier(4)

    async def together(count: int) -> Answer:
        await everyone.wait()
        return Answer(503 if count < 4 else 200)

    assert await deliver_copies(together, 4) == "accepted"
