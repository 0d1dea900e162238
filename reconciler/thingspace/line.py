"""One account's line to ThingSpace: its turn, its breaker, its keys, and what any answer means.

Accounts do not wait for each other: a locked or throttled one leaves the others alone.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from reconciler.thingspace.accounts import ThingSpaceAccount
from reconciler.thingspace.answers import refusal_of, refuses_session, refuses_token
from reconciler.thingspace.exchange import Answer, Call, NoAnswerError, NotSentError
from reconciler.thingspace.limits import Breaker, Bucket, Limits, retry_after_s
from reconciler.thingspace.login import Keys, Latch, Login
from reconciler.thingspace.login import Notices as LoginNotices
from reconciler.thingspace.talk import Away, Rejected, ThingSpaceError, Unclear
from reconciler.thingspace.veil import Veil
from schemas.ids import AccountName

TOO_MANY = 429
TIMED_OUT_THERE = 408
NO_CODE = "HTTP.{status}"


class Notices(LoginNotices, Protocol):
    """Who hears what a person or a metric should know."""

    def asked(self, account: AccountName, call: str, outcome: str) -> None: ...

    def breaker_moved(self, account: AccountName, why: str | None) -> None:
        """Opened by `why`; closed again where it is None."""


@dataclass(frozen=True, slots=True)
class World:
    """What a line borrows: all lines of a client share one."""

    exchange: Callable[[Call], Awaitable[Answer]]
    limits: Limits
    veil: Veil
    notices: Notices
    clock: Callable[[], float]
    now: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    latches: defaultdict[str, Latch] = field(default_factory=lambda: defaultdict(Latch))
    """By username."""


class Line:
    def __init__(self, account: ThingSpaceAccount, world: World) -> None:
        self.account = account
        self._world = world
        self._bucket = Bucket(account.requests_per_minute, world.clock())
        self._breaker = Breaker(world.limits)
        self._paused_until = 0.0
        self.login = Login(
            account,
            self._login_exchange,
            world.limits,
            world.veil,
            world.notices,
            world.clock,
            world.latches[account.username],
        )

    async def ask(self, call: Call) -> Answer:
        """An answer below 300. Raises `Rejected`, `Away`, `Latched`, and `Unclear` for a call that changes.

        Keys that ThingSpace refuses are renewed once, and the call is made once more: it did nothing yet.
        """
        await self._turn()
        try:
            async with self._passing():
                answer = await self._asked(call)
            self._judge(call, answer)
        except ThingSpaceError as error:
            self._world.notices.asked(self.account.name, call.name, type(error).__name__.lower())
            raise
        self._world.notices.asked(self.account.name, call.name, "answered")
        return answer

    def clear(self) -> None:
        """A person has looked: nothing that was held against ThingSpace counts any more."""
        self.login.clear_latch()
        self._paused_until = 0.0
        self._breaker = Breaker(self._world.limits)

    async def _turn(self) -> None:
        """Waits for one under the rate limit, unless it is clear already that nothing may be sent."""
        self._open_or_away()
        world = self._world
        wait_s = self._bucket.turn(world.clock(), world.limits.turn_wait_max_s)
        if wait_s is None:
            raise Away(
                f"More is asked for account {self.account.name} than its {self.account.requests_per_minute} "
                "requests a minute. Nothing was sent.",
                self._bucket.wait_s(world.clock()),
            )
        if wait_s > 0:
            await world.sleep(wait_s)
            self._open_or_away()

    def _open_or_away(self) -> None:
        now, name = self._world.clock(), self.account.name
        if (wait_s := self._paused_until - now) > 0:
            raise Away(
                f"Account {name} is left alone for {wait_s:.0f} s more, because ThingSpace asked to wait or "
                "refused its keys. Nothing was sent.",
                wait_s,
            )
        if (wait_s := self._breaker.wait_s(now)) > 0:
            raise Away(
                f"ThingSpace did not answer account {name} several times; next try in {wait_s:.0f} s. "
                "Nothing was sent.",
                wait_s,
            )

    @asynccontextmanager
    async def _passing(self) -> AsyncIterator[None]:
        """Through the breaker; who is let through to try holds the others back until it knows."""
        breaker = self._breaker
        tries = breaker.enter(self._world.clock())
        try:
            yield
        finally:
            if tries:
                breaker.leave()

    async def _asked(self, call: Call) -> Answer:
        keys = await self.login.keys()
        answer = await self._exchange(_with_keys(call, keys))
        if not self._forgotten(keys, answer):
            return answer
        answer = await self._exchange(_with_keys(call, await self.login.keys()))
        if refuses_token(answer) or refuses_session(answer):
            wait_s = self._world.limits.login_pause_s
            self._paused_until = self._world.clock() + wait_s
            raise Away(
                f"ThingSpace refused fresh keys of account {self.account.name}: {self._said(answer)} Nothing "
                "happened. If it lasts, ask Verizon whether the application may use this API.",
                wait_s,
            )
        return answer

    def _forgotten(self, keys: Keys, answer: Answer) -> bool:
        """Whether ThingSpace refused the keys, which then are no longer used."""
        if refuses_session(answer):
            self.login.forget_session(keys)
            return True
        if refuses_token(answer):
            self.login.forget_token(keys)
            return True
        return False

    async def _login_exchange(self, call: Call) -> Answer:
        """A login that got lost has changed nothing that matters."""
        answer = await self._exchange(call)
        if answer.status == TOO_MANY:
            self._judge(call, answer)
        return answer

    async def _exchange(self, call: Call) -> Answer:
        name = self.account.name
        try:
            answer = await self._world.exchange(call)
        except NotSentError as error:
            self._fail(str(error))
            raise Away(
                f"ThingSpace cannot be reached for account {name} ({error}). Nothing was sent."
            ) from None
        except NoAnswerError as error:
            self._fail(str(error))
            raise self._no_answer(call, f"{error}") from None
        if answer.status == TOO_MANY:
            wait_s = retry_after_s(answer.retry_after, self._world.now(), self._world.limits)
            self._paused_until = self._world.clock() + wait_s
        elif self._is_usable(answer):
            self._recover()
        else:
            self._fail(f"HTTP {answer.status}")
        return answer

    def _is_usable(self, answer: Answer) -> bool:
        """Whether it came from ThingSpace itself, in good health."""
        if answer.status < 300:
            return True
        return 400 <= answer.status < 500 and refusal_of(answer) is not None

    def _judge(self, call: Call, answer: Answer) -> None:
        """Raises what any answer but a good one means."""
        if answer.status < 300:
            return
        if answer.status == TOO_MANY:
            wait_s = self._paused_until - self._world.clock()
            raise Away(
                f"ThingSpace takes no more for account {self.account.name} at the moment (HTTP 429); nothing "
                f"happened. It is left alone for {wait_s:.0f} s.",
                wait_s,
            )
        if not 400 <= answer.status < 500 or answer.status == TIMED_OUT_THERE:
            raise self._no_answer(call, f"HTTP {answer.status}", answer)
        refusal = refusal_of(answer)
        if refusal is None:
            raise Away(
                f"Something between us and ThingSpace refused for account {self.account.name}: HTTP "
                f"{answer.status} with a page for people. Nothing happened; let the network's people look."
            )
        code, text = self._world.veil.refusal(refusal)
        raise Rejected(
            code or NO_CODE.format(status=answer.status),
            text or "no text",
            answer.status,
            by_gateway=refusal.by_gateway,
        )

    def _no_answer(self, call: Call, why: str, answer: Answer | None = None) -> Away | Unclear:
        if call.changes:
            return Unclear(
                f"ThingSpace was asked for account {self.account.name} and gave no usable answer ({why}). It "
                "may have done it or not; do not simply ask again."
            )
        wait_s = None
        if answer is not None and answer.retry_after is not None:
            wait_s = retry_after_s(answer.retry_after, self._world.now(), self._world.limits)
        return Away(
            f"ThingSpace gave no usable answer for account {self.account.name} ({why}). Nothing happened.",
            wait_s,
        )

    def _said(self, answer: Answer) -> str:
        refusal = refusal_of(answer)
        words = () if refusal is None else self._world.veil.refusal(refusal)
        return " ".join((f"HTTP {answer.status}", *filter(None, words))) + "."

    def _fail(self, why: str) -> None:
        was_open = self._breaker.is_open
        self._breaker.failed(self._world.clock())
        if self._breaker.is_open and not was_open:
            self._world.notices.breaker_moved(self.account.name, why)

    def _recover(self) -> None:
        if self._breaker.is_open:
            self._world.notices.breaker_moved(self.account.name, None)
        self._breaker.succeeded()


def _with_keys(call: Call, keys: Keys) -> Call:
    headers = {
        "Authorization": f"Bearer {keys.token}",
        "VZ-M2M-Token": keys.session,
        "Content-Type": "application/json",
    }
    return replace(call, headers=headers)
