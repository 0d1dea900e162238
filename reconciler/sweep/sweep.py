"""The sweep: asks ThingSpace about what is due, and says what it found as events like everybody else.

It never writes state. A poll is numbered and leased before anybody asks, so several reconcilers share the
work and no two polls bear one number. Where ThingSpace is away nothing is concluded from its silence: the
look and its number are given back. Where Kafka is away the look is due again and its number is spent, because
the event may be there all the same.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final, Literal, Protocol

from reconciler.core.schedule import Schedule, look_after
from reconciler.submit.row import Entry, answer_event
from reconciler.sweep.answer import Asked
from reconciler.sweep.event import poll_of, refusal_of
from reconciler.sweep.intents import Intent, told
from reconciler.sweep.pace import FRESH, Bounds, Pace, after_failure, after_latch
from reconciler.thingspace.accounts import ThingSpaceAccount
from reconciler.thingspace.talk import Latched, Rejected, RequestStatus, ThingSpaceError
from schemas.event import PollEvent, RequestEvent
from schemas.ids import AccountName, RequestId
from schemas.logline import Log

AT_ONCE: Final = 8
"""Polls of one account on their way at the same time."""
ASK_WITHIN_S: Final = 120.0
IDLE_S: Final = 1.0
TIDY_EVERY_S: Final = 30.0
"""How often refused callbacks and intents that were left behind are looked for."""


class Ledger(Protocol):
    """The scheduling side of the database; raises `DatabaseError`."""

    async def lease(self, account: AccountName, bounds: Bounds) -> Sequence[Asked]: ...

    async def asked(self, asked: Asked, next_at: datetime | None) -> None: ...

    async def not_asked(self, asked: Asked) -> None: ...

    async def release(self, asked: Asked) -> None: ...

    async def left(self, accounts: Collection[AccountName], apart: timedelta) -> int: ...

    async def accounts(self) -> Sequence[AccountName]: ...

    async def adopt(self) -> None: ...

    async def wake_refused(self) -> int: ...

    async def twins(self, deadline: timedelta) -> Sequence[Intent]: ...

    async def left_behind(self, deadline: timedelta) -> Sequence[Intent]: ...

    async def unsaid(self, deadline: timedelta) -> Sequence[Entry]: ...

    async def said(self, entry: Entry) -> None: ...


class ThingSpace(Protocol):
    """`accounts` may change at any time, when a person edits the file that names them."""

    @property
    def accounts(self) -> Mapping[AccountName, ThingSpaceAccount]: ...

    async def request_status(
        self, account: AccountName, request_id: RequestId, action: str | None = None
    ) -> RequestStatus: ...


class Meter(Protocol):
    def polled(self, result: str) -> None: ...


Say = Callable[[PollEvent | RequestEvent], Awaitable[object]]
"""Produces an event; raises `UnsaidError` where Kafka does not acknowledge it."""


class UnsaidError(Exception):
    """An event that Kafka did not acknowledge; it may be there all the same."""


Word = Literal["said", "joined", "unclear"]
"""Of an intent that was left behind: its kept answer was said, its request was found, or nobody knows."""


@dataclass(frozen=True, slots=True)
class Terms:
    """`per_minute`: polls of one account at most, where its own limit is no lower."""

    per_minute: int
    schedule: Schedule
    intent_deadline: timedelta


@dataclass(frozen=True, slots=True)
class Report:
    """What one sweep did. `away`: why some of it could not be done, by account."""

    polls: Mapping[str, int]
    left: int
    intents: Mapping[Word, int]
    unknown_accounts: Sequence[AccountName]
    away: Mapping[AccountName, str]


@dataclass(slots=True)
class Sweep:
    """One of these in a process. `thingspace` is None where no account is configured."""

    ledger: Ledger
    thingspace: ThingSpace | None
    say: Say
    meter: Meter
    log: Log
    terms: Terms
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    clock: Callable[[], float] = monotonic
    chance: Callable[[], float] = random.random
    _paces: dict[AccountName, Pace] = field(default_factory=dict)
    _away: dict[AccountName, str] = field(default_factory=dict)
    _strangers: set[AccountName] = field(default_factory=set)

    async def run(self) -> None:
        """For ever; raises what ledger and Kafka raise."""
        tidied = -TIDY_EVERY_S
        while True:
            if self.clock() - tidied >= TIDY_EVERY_S:
                tidied = self.clock()
                await self.tidy()
            if not (await self.round()).total():
                await asyncio.sleep(IDLE_S)

    async def once(self) -> Report:
        """Everything that is due now, as fast as the rate allows; leaves alone who does not answer."""
        intents = await self.tidy()
        polls: Counter[str] = Counter()
        first = await self._left()
        while not self._away and (first > polls.total()) and await self._left():
            done = await self.round()
            polls += done
            if not done:
                await asyncio.sleep(IDLE_S)
        left = await self._left()
        return Report(polls, left, intents, sorted(self._strangers), dict(self._away))

    async def _left(self) -> int:
        return await self.ledger.left(self._rates().keys(), self.terms.schedule.apart)

    def _rates(self) -> Mapping[AccountName, int]:
        """Polls a minute, of each account that can be asked about."""
        if self.thingspace is None:
            return {}
        accounts = self.thingspace.accounts
        return {
            name: min(account.requests_per_minute, self.terms.per_minute)
            for name, account in accounts.items()
        }

    async def tidy(self) -> Counter[Word]:
        """What goes on without ThingSpace; gives back what became of how many intents."""
        await self.ledger.adopt()
        woken = await self.ledger.wake_refused()
        if woken:
            self.log.emit("refused_callbacks_wake", count=woken)
        await self._meet_strangers()
        return await self._settle_intents()

    async def _meet_strangers(self) -> None:
        """Says once of each account that nobody can be asked about it."""
        if self.thingspace is None:
            return
        strangers = set(await self.ledger.accounts()) - self.thingspace.accounts.keys()
        for account in sorted(strangers - self._strangers):
            self.log.emit(
                "sweep_account_unknown",
                level="warning",
                account=account,
                remedy="add it to THINGSPACE_ACCOUNTS_FILE; until then its operations only become overdue",
            )
        self._strangers = strangers

    async def _settle_intents(self) -> Counter[Word]:
        deadline = self.terms.intent_deadline
        done: Counter[Word] = Counter()
        for entry in await self.ledger.unsaid(deadline):
            await self._say_of_intent("said", answer_event(entry, self.now()))
            await self.ledger.said(entry)
            done["said"] += 1
        joined = await self.ledger.twins(deadline)
        known = {(intent.account, intent.intent_id) for intent in joined}
        alone = await self.ledger.left_behind(deadline)
        for intent in (*joined, *(one for one in alone if (one.account, one.intent_id) not in known)):
            word: Word = "joined" if intent.request_id else "unclear"
            await self._say_of_intent(word, told(intent, self.now()))
            done[word] += 1
        return done

    async def _say_of_intent(self, word: Word, event: RequestEvent) -> None:
        await self.say(event)
        self.log.emit(
            "intent_left_behind",
            level="warning",
            account=event.account,
            intent_id=event.intent_id,
            request_id=event.request_id,
            outcome=word,
        )

    async def round(self) -> Counter[str]:
        """One handful of polls of each account that answers; how many had which result."""
        if self.thingspace is None:
            return Counter()
        asked: list[Asked] = []
        for account, per_minute in self._rates().items():
            if not self._paces.get(account, FRESH).rests(self.clock()):
                bounds = Bounds(self._at_most(account), self.terms.schedule.apart, per_minute)
                asked += await self.ledger.lease(account, bounds)
        thingspace = self.thingspace
        done = await asyncio.gather(*(self._poll(thingspace, one) for one in asked), return_exceptions=True)
        results: Counter[str] = Counter()
        for result in done:
            if isinstance(result, str):
                results[result] += 1
                self.meter.polled(result)
        for result in done:
            if isinstance(result, BaseException):
                raise result
        return results

    def _at_most(self, account: AccountName) -> int:
        """One, to find out whether an account that did not answer does now."""
        pace = self._paces.get(account, FRESH)
        return 1 if pace.failures or pace.latched else AT_ONCE

    async def _poll(self, thingspace: ThingSpace, asked: Asked) -> str:
        try:
            event, result = await self._answered(thingspace, asked)
        except (ThingSpaceError, TimeoutError) as error:
            await self.ledger.not_asked(asked)
            return self._rest(asked.account, error)
        self._answers(asked.account)
        try:
            await self.say(event)
        except UnsaidError:
            await self.ledger.release(asked)
            raise
        schedule = self.terms.schedule
        next_at = look_after(asked.asked_at, asked.operation_id, asked.first_seen_at, schedule)
        await self.ledger.asked(asked, next_at)
        self.log.emit(
            "polled",
            account=asked.account,
            request_id=asked.request_id,
            eid=asked.eid,
            attempt=asked.poll_number,
            outcome=result,
        )
        return result

    async def _answered(self, thingspace: ThingSpace, asked: Asked) -> tuple[PollEvent, str]:
        """The event, and its result for the metrics: a refusal of the question is an answer too."""
        try:
            async with asyncio.timeout(ASK_WITHIN_S):
                status = await thingspace.request_status(asked.account, asked.request_id, asked.action)
        except Rejected as refusal:
            return refusal_of(asked, refusal, self.now()), "refused"
        event = poll_of(asked, status, self.now())
        return event, event.signal.removeprefix("poll_")

    def _rest(self, account: AccountName, error: ThingSpaceError | TimeoutError) -> str:
        """Leaves the account alone for a while; says so when that begins."""
        pace, now = self._paces.get(account, FRESH), self.clock()
        if isinstance(error, Latched):
            self._paces[account] = after_latch(now)
            if not pace.latched:
                self._away[account] = str(error)
                self.log.emit("sweep_latched", level="error", account=account, reason=str(error))
            return "latched"
        wait_s = getattr(error, "retry_after_s", None)
        self._paces[account] = after_failure(pace, now, self.chance(), wait_s)
        if not pace.rests(now):
            self._away[account] = str(error) or "no answer in time"
            retry_in_s = round(self._paces[account].resumes_at - now, 1)
            self.log.emit(
                "sweep_waiting",
                level="warning",
                account=account,
                reason=self._away[account],
                retry_in_s=retry_in_s,
            )
        return "away"

    def _answers(self, account: AccountName) -> None:
        self._paces.pop(account, None)
        if self._away.pop(account, None) is not None:
            self.log.emit("sweep_resumed", account=account)
