"""A submission on doubles that survive: everything around it can be cut at any moment, and run again."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from reconciler.submit.lease import Holder
from reconciler.submit.order import Wanted
from reconciler.submit.row import Answer, Entry, Standing, State
from reconciler.submit.submit import Submission, Terms
from reconciler.thingspace.accounts import ThingSpaceAccount
from reconciler.thingspace.talk import Order, ThingSpaceError
from schemas.event import RequestEvent
from schemas.ids import AccountName, Eid, Iccid, RequestId

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ACCOUNT = AccountName("1223334444-00001")
EID = Eid("89049032000000000000000000000163")
ICCID = Iccid("89148000000840784251")
ACCOUNTS: Mapping[AccountName, ThingSpaceAccount] = {
    ACCOUNT: ThingSpaceAccount(
        ACCOUNT, "c", SecretStr("s"), "u", SecretStr("p"), "https://x.example/", smsr_oid="1.3.6"
    )
}


class Killed(BaseException):
    """The process is gone: nothing after it is done."""


@dataclass(slots=True)
class Fuse:
    """Burns down with every step; `steps` is None: never."""

    steps: int | None = None

    def burn(self) -> None:
        if self.steps is not None:
            self.steps -= 1
            if self.steps < 0:
                raise Killed


@dataclass(slots=True)
class World:
    """What is left when a process dies: the database, Kafka, ThingSpace."""

    fuse: Fuse = field(default_factory=Fuse)
    rows: dict[str, Entry] = field(default_factory=dict)
    leases: dict[str, Entry] = field(default_factory=dict)
    standings: dict[str, Standing] = field(default_factory=dict)
    events: list[RequestEvent] = field(default_factory=list)
    sent: list[Order] = field(default_factory=list)
    """What ThingSpace carried out, or may have."""
    answers: Iterator[ThingSpaceError | None] = field(default_factory=lambda: iter(()))
    """None, and where there is none: yes."""
    happened: tuple[type[ThingSpaceError], ...] = ()
    """Errors after which ThingSpace has done it all the same."""
    asked: int = 0

    def submission(self, *, force: bool = False) -> Submission:
        terms = Terms("anna@host", timedelta(hours=1), force=force)
        return Submission(self, self, self.say, terms, now=lambda: NOW)

    # The ledger

    async def latest(self, order_key: str) -> Entry | None:
        self.fuse.burn()
        await asyncio.sleep(0)  # a real question lets others go on
        found = [row for row in self.rows.values() if row.order_key == order_key]
        return max(found, key=lambda row: row.attempt, default=None)

    async def begin(self, entry: Entry, device: str, lasting: timedelta, *, force: bool) -> Holder | None:
        self.fuse.burn()
        held = self._held(entry, device)
        if held is not None and not force:
            return held
        self.leases[device] = entry
        self.rows.setdefault(entry.intent_id, entry)
        self.fuse.burn()
        return None

    async def holder(self, entry: Entry, device: str, lasting: timedelta) -> Holder | None:
        return self._held(entry, device)

    def _held(self, entry: Entry, device: str) -> Holder | None:
        lease = self.leases.get(device)
        if lease is None or lease.intent_id == entry.intent_id:
            return None
        standing = self.standings.get(lease.intent_id)
        state = self.rows[lease.intent_id].state
        if state in ("rejected", "withdrawn") or (standing is not None and standing.final):
            return None
        return Holder(lease.account, lease.intent_id, None, lease.action, lease.requested_by, NOW)

    async def move(self, entry: Entry, expected: State, answer: Answer) -> bool:
        self.fuse.burn()
        row = self.rows[entry.intent_id]
        if row.state != expected:
            return False
        self.rows[entry.intent_id] = replace(
            row,
            state=answer.state,
            said=False,
            request_id=answer.request_id,
            error_code=answer.code,
            error_text=answer.text,
        )
        self.fuse.burn()
        return True

    async def said(self, entry: Entry) -> None:
        self.fuse.burn()
        self.rows[entry.intent_id] = replace(self.rows[entry.intent_id], said=True)
        self.fuse.burn()

    async def standing(self, entry: Entry) -> Standing | None:
        return self.standings.get(entry.intent_id)

    # ThingSpace and Kafka

    async def submit(self, order: Order) -> RequestId:
        self.fuse.burn()
        self.asked += 1
        error = next(self.answers, None)
        if error is None or isinstance(error, self.happened):
            self.sent.append(order)
        self.fuse.burn()
        if error is not None:
            raise error
        return RequestId(f"R{self.asked}")

    async def say(self, event: RequestEvent) -> None:
        self.fuse.burn()
        self.events.append(event)
        self.fuse.burn()

    def phases(self) -> list[str]:
        """Distinct events by what they say, as the ledger counts them."""
        return list({event.event_id: event.phase for event in self.events}.values())


def order(action: str = "enable", eid: Eid = EID, iccid: Iccid = ICCID) -> Order:
    return Order(action, ACCOUNT, eid, iccid)


def wanted(key: str = "key", action: str = "enable", eid: Eid = EID, line: int | None = None) -> Wanted:
    return Wanted(key, order(action, eid), line)
