"""The sweep itself, on doubles: what it asks, gives back and says, and when it leaves an account alone."""

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from io import StringIO

import pytest
from pydantic import SecretStr

from reconciler.core.schedule import Schedule
from reconciler.submit.row import Entry
from reconciler.sweep.answer import Asked
from reconciler.sweep.intents import Intent
from reconciler.sweep.pace import Bounds
from reconciler.sweep.sweep import Sweep, Terms, UnsaidError
from reconciler.thingspace.accounts import ThingSpaceAccount
from reconciler.thingspace.talk import Away, Latched, Rejected, RequestStatus, ThingSpaceError
from schemas.event import PollEvent, RequestEvent
from schemas.ids import AccountName, IntentId, RequestId
from schemas.logline import Log
from tests.support.polling import eventually
from tests.unit.sweep.asked import ACCOUNT, ASKED, START, X, sub

SUCCESS = RequestStatus("v2", "Success", (sub("Success"),), {"status": "Success"})
OTHER = AccountName("1223334444-00002")
STEP = timedelta(minutes=15)


def account(name: AccountName, per_minute: int = 600) -> ThingSpaceAccount:
    return ThingSpaceAccount(
        name,
        "id",
        SecretStr("s"),
        "user",
        SecretStr("p"),
        "https://x.example/",
        requests_per_minute=per_minute,
    )


@dataclass(slots=True)
class Shelf:
    """The ledger: `due` is taken from the front; what was done is kept."""

    due: list[Asked] = field(default_factory=list)
    bounds: list[Bounds] = field(default_factory=list)
    done: list[tuple[int, datetime | None]] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)
    released: list[int] = field(default_factory=list)
    known: list[AccountName] = field(default_factory=list)
    joined: list[Intent] = field(default_factory=list)
    alone: list[Intent] = field(default_factory=list)
    kept: list[Entry] = field(default_factory=list)

    async def lease(self, account: AccountName, bounds: Bounds) -> Sequence[Asked]:
        self.bounds.append(bounds)
        own = [asked for asked in self.due if asked.account == account][: bounds.at_most]
        self.due = [asked for asked in self.due if asked not in own]
        return own

    async def asked(self, asked: Asked, next_at: datetime | None) -> None:
        self.done.append((asked.poll_number, next_at))

    async def not_asked(self, asked: Asked) -> None:
        self.returned.append(asked.poll_number)
        self.due.append(asked)

    async def release(self, asked: Asked) -> None:
        self.released.append(asked.poll_number)

    async def left(self, accounts: Collection[AccountName], apart: timedelta) -> int:
        return sum(asked.account in accounts for asked in self.due)

    async def accounts(self) -> Sequence[AccountName]:
        return self.known

    async def adopt(self) -> None: ...

    async def wake_refused(self) -> int:
        return 0

    async def twins(self, deadline: timedelta) -> Sequence[Intent]:
        return self.joined

    async def left_behind(self, deadline: timedelta) -> Sequence[Intent]:
        return self.alone

    async def unsaid(self, deadline: timedelta) -> Sequence[Entry]:
        return list(self.kept)

    async def said(self, entry: Entry) -> None:
        self.kept.remove(entry)


@dataclass(slots=True)
class Space:
    """ThingSpace: answers, or raises what `says` holds for a request."""

    says: dict[str, ThingSpaceError | RequestStatus] = field(default_factory=dict)
    accounts: dict[AccountName, ThingSpaceAccount] = field(
        default_factory=lambda: {ACCOUNT: account(ACCOUNT)}
    )
    asked: Counter[str] = field(default_factory=Counter)

    async def request_status(
        self, account: AccountName, request_id: RequestId, action: str | None = None
    ) -> RequestStatus:
        self.asked[request_id] += 1
        said = self.says.get(request_id, SUCCESS)
        if isinstance(said, ThingSpaceError):
            raise said
        return said


@dataclass(slots=True)
class Rig:
    shelf: Shelf = field(default_factory=Shelf)
    space: Space | None = field(default_factory=Space)
    said: list[PollEvent | RequestEvent] = field(default_factory=list)
    polls: Counter[str] = field(default_factory=Counter)
    lines: StringIO = field(default_factory=StringIO)
    kafka_away: bool = False
    time: float = 0.0

    def polled(self, result: str) -> None:
        self.polls[result] += 1

    async def say(self, event: PollEvent | RequestEvent) -> None:
        if self.kafka_away:
            raise UnsaidError("Kafka is away")
        self.said.append(event)

    def sweep(self) -> Sweep:
        terms = Terms(per_minute=60, schedule=Schedule((STEP,)), intent_deadline=timedelta(minutes=5))
        return Sweep(
            self.shelf,
            self.space,
            self.say,
            self,
            Log("test", stream=self.lines),
            terms,
            now=lambda: START,
            clock=lambda: self.time,
            chance=lambda: 1.0,
        )

    def logged(self, word: str) -> int:
        return self.lines.getvalue().count(f'"event":"{word}"')


def due(*numbers: int, account: AccountName = ACCOUNT) -> list[Asked]:
    return [
        replace(ASKED, poll_number=number, request_id=RequestId(f"R{number}"), account=account)
        for number in numbers
    ]


async def test_an_answer_is_said_as_an_event_and_the_next_look_is_the_schedules() -> None:
    rig = Rig(Shelf(due(1, 2)))
    assert await rig.sweep().round() == {"success": 2}
    assert [event.signal for event in rig.said if isinstance(event, PollEvent)] == ["poll_success"] * 2
    assert {number for number, _ in rig.shelf.done} == {1, 2}
    assert all(at is not None and STEP <= at - START <= STEP * 1.1 for _, at in rig.shelf.done)


async def test_no_more_is_taken_than_the_lower_of_the_two_rates_allows() -> None:
    rig = Rig(space=Space(accounts={ACCOUNT: account(ACCOUNT, 600), OTHER: account(OTHER, 7)}))
    await rig.sweep().round()
    assert [bounds.per_minute for bounds in rig.shelf.bounds] == [60, 7]


async def test_silence_settles_nothing_and_gives_look_and_number_back() -> None:
    rig = Rig(Shelf(due(1)), Space({"R1": Away("no answer")}))
    assert await rig.sweep().round() == {"away": 1}
    assert (rig.said, rig.shelf.done, rig.shelf.returned) == ([], [], [1])


async def test_an_account_that_does_not_answer_rests_and_is_tried_by_one_poll() -> None:
    space = Space({"R1": Away("no answer"), "R2": Away("no answer")})
    rig = Rig(Shelf(due(1, 2)), space)
    sweep = rig.sweep()
    await sweep.round()
    await sweep.round()
    assert space.asked.total() == 2
    rig.time = 2.0
    await sweep.round()
    assert (space.asked.total(), rig.shelf.bounds[-1].at_most) == (3, 1)
    space.says.clear()
    rig.time = 10.0
    assert await sweep.round() == {"success": 1}
    assert (rig.logged("sweep_waiting"), rig.logged("sweep_resumed")) == (2, 1)


async def test_thingspaces_wish_to_be_left_alone_is_obeyed() -> None:
    rig = Rig(Shelf(due(1)), Space({"R1": Away("429", retry_after_s=100.0)}))
    sweep = rig.sweep()
    await sweep.round()
    rig.time = 99.0
    assert not await sweep.round()


async def test_refused_logins_are_said_once_and_keep_no_other_account_waiting() -> None:
    space = Space(
        {f"R{number}": Latched("logins are refused") for number in (1, 2)},
        {ACCOUNT: account(ACCOUNT), OTHER: account(OTHER)},
    )
    rig = Rig(Shelf([*due(1, 2), *due(3, account=OTHER)]), space)
    sweep = rig.sweep()
    assert await sweep.round() == {"latched": 2, "success": 1}
    for _ in range(3):
        rig.time += 61.0
        await sweep.round()
    assert rig.logged("sweep_latched") == 1
    assert len(rig.said) == 1


async def test_a_refused_question_is_an_answer() -> None:
    rig = Rig(Shelf(due(1)), Space({"R1": Rejected("NotFound", "no such request", 404)}))
    assert await rig.sweep().round() == {"refused": 1}
    (event,) = rig.said
    assert isinstance(event, PollEvent)
    assert event.signal == "poll_pending"


async def test_what_kafka_does_not_take_is_due_again_with_its_number_spent() -> None:
    rig = Rig(Shelf(due(1)), kafka_away=True)
    with pytest.raises(UnsaidError):
        await rig.sweep().round()
    assert (rig.shelf.released, rig.shelf.returned, rig.shelf.done) == ([1], [], [])


async def test_without_accounts_nobody_is_asked_and_intents_are_looked_after() -> None:
    rig = Rig(Shelf(due(1), alone=[Intent(ACCOUNT, IntentId("I"), None, X, "enable")]), space=None)
    report = await rig.sweep().once()
    assert (report.polls, report.intents) == ({}, {"unclear": 1})
    (event,) = rig.said
    assert isinstance(event, RequestEvent)
    assert (event.phase, event.intent_id, event.request_id) == ("submit_unclear", "I", None)


async def test_an_intent_with_a_twin_is_joined_and_not_called_unclear_in_one_breath() -> None:
    alone = Intent(ACCOUNT, IntentId("I"), None, X, "enable")
    rig = Rig(Shelf(joined=[replace(alone, request_id=RequestId("R"))], alone=[alone]))
    report = await rig.sweep().once()
    assert report.intents == {"joined": 1}
    (event,) = rig.said
    assert isinstance(event, RequestEvent)
    assert (event.phase, event.intent_id, event.request_id) == ("submitted", "I", "R")


async def test_an_answer_that_submit_kept_is_said_for_it() -> None:
    entry = Entry(
        intent_id=IntentId("I"),
        order_key="I",
        attempt=0,
        account=ACCOUNT,
        eid=ASKED.eid,
        iccid=X,
        imei=None,
        action="enable",
        state="sent",
        said=False,
        request_id=RequestId("R"),
        error_code=None,
        error_text=None,
        requested_by="Anna",
        requested_at=START,
        flags=(),
        remark=None,
    )
    rig = Rig(Shelf(kept=[entry]))
    report = await rig.sweep().once()
    assert (report.intents, rig.shelf.kept) == ({"said": 1}, [])
    (event,) = rig.said
    assert isinstance(event, RequestEvent)
    assert (event.phase, event.request_id, event.requested_by) == ("submitted", "R", "Anna")


async def test_an_account_that_nobody_configured_is_named_once() -> None:
    rig = Rig(Shelf(known=[OTHER]))
    sweep = rig.sweep()
    for _ in range(2):
        report = await sweep.once()
        assert report.unknown_accounts == [OTHER]
    assert rig.logged("sweep_account_unknown") == 1


async def test_once_takes_all_that_is_due_and_tells_what_it_came_to() -> None:
    rig = Rig(Shelf(due(*range(20))))
    report = await rig.sweep().once()
    assert (report.polls, report.left, report.away) == ({"success": 20}, 0, {})


async def test_once_leaves_alone_who_does_not_answer() -> None:
    rig = Rig(Shelf(due(1, 2)), Space({"R1": Away("no answer"), "R2": Away("no answer")}))
    report = await rig.sweep().once()
    assert (report.left, report.away) == (2, {ACCOUNT: "no answer"})


async def test_run_goes_on_until_it_is_ended() -> None:
    rig = Rig(Shelf(due(*range(20))))
    running = asyncio.ensure_future(rig.sweep().run())
    await eventually(lambda: rig.polls.total() == 20)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert rig.polls == {"success": 20}
