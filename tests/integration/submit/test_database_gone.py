"""The database goes while ThingSpace is asked: what ThingSpace answered is on the topic all the same."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from reconciler.kafka.admin import ClusterError
from reconciler.postgres.admin import Access, DatabaseError
from reconciler.readable import ReadableError
from reconciler.submit.file import FileRun, Habits
from reconciler.submit.ledger import SubmitLedger, submit_ledger
from reconciler.submit.order import Wanted
from reconciler.submit.submit import Submission, Terms
from reconciler.thingspace.talk import Order
from schemas.event import RequestEvent
from schemas.ids import Eid, RequestId
from schemas.logline import Log
from tests.support.database import Database
from tests.unit.submit.desk import ACCOUNT, EID, ICCID

END = (
    "select pg_terminate_backend(pid) from pg_stat_activity "
    "where application_name = 'profile-reconciler submit' and datname = $1"
)


@dataclass(slots=True)
class World:
    """ThingSpace, which takes every order, and the topic. The first order ends the ledger's session."""

    database: Database
    taken: list[RequestId] = field(default_factory=list)
    said: list[RequestEvent] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    deaf: bool = False

    async def submit(self, order: Order) -> RequestId:
        taken = RequestId(f"request of {order.eid}")
        self.taken.append(taken)
        if len(self.taken) == 1:
            async with self.database.connect() as connection:
                await connection.fetch(END, self.database.name)
            self.gone.set()
        await self.gone.wait()
        return taken

    async def say(self, event: RequestEvent) -> None:
        if self.deaf and event.phase == "submitted":
            raise ClusterError("Kafka is away, too.")
        self.said.append(event)

    def submission(self, ledger: SubmitLedger) -> Submission:
        return Submission(ledger, self, self.say, Terms("anna@host", timedelta(hours=1)))

    def heard(self) -> set[RequestId | None]:
        return {event.request_id for event in self.said if event.phase == "submitted"}


def wanted(number: int) -> Wanted:
    eid = Eid(f"{int(EID) + number}")
    return Wanted(f"order-{number}", Order("enable", ACCOUNT, eid, ICCID))


def access(database: Database) -> Access:
    return Access(database.writer_dsn, "PROFILE_POSTGRES_DSN")


async def test_the_answer_to_one_order_is_said(database: Database) -> None:
    world = World(database)
    with pytest.raises(DatabaseError):
        async with submit_ledger(access(database)) as ledger:
            with pytest.raises(DatabaseError):
                await world.submission(ledger).carry_out(wanted(0), None)
            await ledger.latest("order-0")
    assert world.heard() == set(world.taken)


async def test_where_kafka_has_gone_too_the_person_is_told(database: Database) -> None:
    world = World(database, deaf=True)
    with pytest.raises(DatabaseError):
        async with submit_ledger(access(database)) as ledger:
            with pytest.raises(ReadableError, match=r"as request request of .*announce --intent order-0"):
                await world.submission(ledger).carry_out(wanted(0), None)
            await ledger.latest("order-0")


async def test_every_order_of_a_file_has_an_outcome_and_every_answer_is_said(database: Database) -> None:
    world = World(database)
    rows = [wanted(number) for number in range(20)]
    with pytest.raises(DatabaseError):
        async with submit_ledger(access(database)) as ledger:
            run = FileRun(world.submission(ledger), ledger, Habits(60, 60), lambda _: None, Log("test"))
            await run.run(rows)
            await ledger.latest("order-0")
    assert isinstance(run.broken, DatabaseError)
    assert sorted(one.wanted.key for one in run.outcomes) == sorted(row.key for row in rows)
    assert world.taken
    assert world.heard() == set(world.taken)
