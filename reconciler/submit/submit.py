"""Submitting one order: a lease on the device, the intent, the one request, and what came of it.

Every step is committed before the next, so that this may end anywhere and be started again: the rules are in
`reconciler.submit.row`. Nothing here waits for a device that is in use or for a ThingSpace that is away; who
calls decides whether to come back.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, Protocol

from reconciler.readable import ReadableError
from reconciler.submit.lease import Holder
from reconciler.submit.order import Wanted
from reconciler.submit.row import (
    BACK,
    FORCED,
    LOST,
    NO_ANSWER,
    NOT_SENT,
    WITHOUT_LISTENER,
    Answer,
    Entry,
    State,
    answer_event,
    intended_event,
    intent_id_of,
    next_step,
)
from reconciler.thingspace.talk import Away, Latched, Order, Rejected, ThingSpaceError, Unclear
from schemas.event import RequestEvent
from schemas.ids import RequestId

TEXT_CHARS_MAX: Final = 2000


class TakenError(ReadableError):
    """Somebody else moved the row: two do the same work."""


class Ledger(Protocol):
    """The ledger of intents; each call is committed when it returns. Raises `DatabaseError`."""

    async def latest(self, order_key: str) -> Entry | None: ...

    async def begin(self, entry: Entry, device: str, lasting: timedelta, *, force: bool) -> Holder | None:
        """Takes the lease and writes the row, as one; the holder, and nothing done, where there is one."""
        ...

    async def holder(self, entry: Entry, device: str, lasting: timedelta) -> Holder | None: ...

    async def move(self, entry: Entry, expected: State, answer: Answer) -> bool:
        """False, and nothing done, where the row is not in the state expected."""
        ...

    async def said(self, entry: Entry) -> None: ...


class ThingSpace(Protocol):
    async def submit(self, order: Order) -> RequestId: ...


Say = Callable[[RequestEvent], Awaitable[object]]
"""Produces an event; returns when Kafka has it on all replicas, raises `ClusterError` otherwise."""


@dataclass(frozen=True, slots=True)
class Terms:
    """`lasting`: how long an operation holds its device, at most."""

    requested_by: str
    lasting: timedelta
    force: bool = False
    without_listener: bool = False


@dataclass(frozen=True, slots=True)
class Busy:
    """The device has another operation under way; nothing was said or sent."""

    holder: Holder


@dataclass(frozen=True, slots=True)
class Waits:
    """Nothing happened, and the intent stands. `whole`: no other order of the account would fare better."""

    entry: Entry
    error: ThingSpaceError
    whole: Literal["away", "refused"]


Came = Entry | Busy | Waits
"""An entry has its answer, and the answer is on the topic."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One at a time for each order; for different devices as many as you like."""

    ledger: Ledger
    thingspace: ThingSpace
    say: Say
    terms: Terms
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def latest(self, wanted: Wanted) -> Entry | None:
        """The row of the order, with all done that an earlier run left, short of asking; None: it is new."""
        entry = await self.ledger.latest(wanted.key)
        if entry is not None and next_step(entry) == "lose":
            entry = await self._moved(entry, "sending", LOST)
        if entry is not None and next_step(entry) == "say":
            entry = await self._told(entry)
        return entry

    async def carry_out(self, wanted: Wanted, entry: Entry | None) -> Came:
        """Asks ThingSpace, unless it was or may have been asked. `entry` is what `latest` gave."""
        if entry is not None and next_step(entry) == "send":
            return await self._begin(wanted, entry)
        if entry is None or next_step(entry) == "begin":
            return await self._begin(wanted, self._new(wanted, entry))
        return entry

    async def withdraw(self, entry: Entry, why: str) -> Entry:
        """Of an intent that was certainly not sent: nobody will send it, and the ledger may know."""
        return await self._told(
            await self._moved(entry, "intended", Answer("withdrawn", None, NOT_SENT, why))
        )

    def _new(self, wanted: Wanted, before: Entry | None) -> Entry:
        order, attempt = wanted.order, 0 if before is None else before.attempt + 1
        return Entry(
            intent_id=intent_id_of(wanted.key, attempt),
            order_key=wanted.key,
            attempt=attempt,
            account=order.account,
            eid=order.eid,
            iccid=order.iccid,
            imei=order.imei,
            action=order.action,
            state="intended",
            said=False,
            request_id=None,
            error_code=None,
            error_text=None,
            requested_by=self.terms.requested_by,
            requested_at=self.now(),
            flags=(WITHOUT_LISTENER,) if self.terms.without_listener else (),
            remark=None,
        )

    async def _begin(self, wanted: Wanted, entry: Entry) -> Came:
        lasting, force = self.terms.lasting, self.terms.force
        if force and (holder := await self.ledger.holder(entry, wanted.device, lasting)) is not None:
            remark = f"forced: {holder.words()}"
            entry = replace(entry, flags=(*entry.flags, FORCED), remark=remark)
        held = await self.ledger.begin(entry, wanted.device, lasting, force=force)
        if held is not None:
            return Busy(held)
        await self.say(intended_event(entry, self.now()))
        entry = await self._moved(entry, "intended", Answer("sending"))
        return await self._answered(wanted, entry)

    async def _answered(self, wanted: Wanted, entry: Entry) -> Came:
        try:
            answer = Answer("sent", await self.thingspace.submit(wanted.order))
        except Rejected as error:
            if error.by_gateway:
                return Waits(await self._moved(entry, "sending", BACK), error, "refused")
            answer = Answer("rejected", None, error.code, error.text[:TEXT_CHARS_MAX])
        except Unclear as error:
            answer = Answer("unclear", None, NO_ANSWER, str(error)[:TEXT_CHARS_MAX])
        except Away as error:
            return Waits(await self._moved(entry, "sending", BACK), error, "away")
        except Latched as error:
            return Waits(await self._moved(entry, "sending", BACK), error, "refused")
        except ThingSpaceError as error:  # unfit, since the accounts file has changed
            return await self.withdraw(await self._moved(entry, "sending", BACK), str(error)[:TEXT_CHARS_MAX])
        return await self._kept(entry, answer)

    async def _kept(self, entry: Entry, answer: Answer) -> Entry:
        """An answer is worth more than the row: where the database is away, Kafka hears it all the same."""
        try:
            answered = await self._moved(entry, "sending", answer)
        except ReadableError as error:
            await self._said_at_least(_with(entry, answer), error)
            raise
        return await self._told(answered)

    async def _said_at_least(self, answered: Entry, lost: ReadableError) -> None:
        """Where nobody takes it, the person at the keyboard is the last who can keep a request's name."""
        try:
            await self.say(answer_event(answered, self.now()))
        except ReadableError as error:
            if answered.request_id is None:
                raise
            raise ReadableError(
                f"ThingSpace took intent {answered.intent_id} as request {answered.request_id}, and neither "
                f"PostgreSQL nor Kafka could keep that. Note it: when both are back, `profile-reconciler "
                f"announce --intent {answered.intent_id} --request-id {answered.request_id} …` does. {lost} "
                f"{error}"
            ) from error

    async def _moved(self, entry: Entry, expected: State, answer: Answer) -> Entry:
        if not await self.ledger.move(entry, expected, answer):
            raise TakenError(
                f"Intent {entry.intent_id} was moved by somebody else meanwhile. Nothing more was sent. See "
                "that only one process submits it, then run the command again."
            )
        return _with(entry, answer)

    async def _told(self, entry: Entry) -> Entry:
        await self.say(answer_event(entry, self.now()))
        await self.ledger.said(entry)
        return replace(entry, said=True)


def _with(entry: Entry, answer: Answer) -> Entry:
    return replace(
        entry,
        state=answer.state,
        said=False,
        request_id=answer.request_id,
        error_code=answer.code,
        error_text=answer.text,
    )
