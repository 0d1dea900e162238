"""A file on doubles: order within a device, pauses, refusals, and ends."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from io import StringIO

from reconciler.kafka.admin import ClusterError
from reconciler.submit.file import FileRun, Habits
from reconciler.submit.outcome import Outcome
from reconciler.submit.row import Standing
from reconciler.thingspace.talk import Away, Latched, Order, Rejected, Unclear
from schemas.event import RequestEvent
from schemas.ids import Eid, RequestId
from schemas.logline import Log
from tests.unit.submit.desk import World, wanted

A, B = Eid("89049032000000000000000000000001"), Eid("89049032000000000000000000000002")


@dataclass
class Clock:
    """Goes on by itself, a little with every look."""

    now: float = 0.0

    def __call__(self) -> float:
        self.now += 0.5
        return self.now


@dataclass
class Settling(World):
    """A world whose ledger hears at once what became of everything, unless told otherwise."""

    becomes: str | None = "succeeded"
    order_of_asking: list[str] = field(default_factory=list)
    kafka_takes: int | None = None

    async def submit(self, order: Order) -> RequestId:
        self.order_of_asking.append(f"{order.action} {order.eid}")
        return await World.submit(self, order)

    async def say(self, event: RequestEvent) -> None:
        if self.kafka_takes is not None and len(self.events) >= self.kafka_takes:
            raise ClusterError("away")
        await World.say(self, event)
        if event.phase == "submitted" and event.intent_id is not None and self.becomes is not None:
            self.standings[event.intent_id] = Standing(self.becomes, True, event.request_id)


def running(world: World, *, go_on: bool = False, patience_s: float = 1000.0) -> FileRun:
    habits = Habits(lasting_s=100.0, patience_s=patience_s, go_on=go_on)
    log = Log("test", stream=StringIO())
    return FileRun(world.submission(), world, habits, lambda _: None, log, Clock(), look_every_s=0.0)


def words(run: FileRun) -> Counter[str]:
    return Counter(one.word for one in run.outcomes)


async def test_rows_of_one_device_go_in_the_order_of_the_file() -> None:
    world = Settling()
    rows = [
        wanted("1", "enable", A),
        wanted("2", "enable", B),
        wanted("3", "disable", A),
        wanted("4", "delete", A),
    ]
    run = running(world)
    await run.run(rows)
    assert words(run) == {"submitted": 4}
    assert [one for one in world.order_of_asking if A in one] == [
        f"enable {A}",
        f"disable {A}",
        f"delete {A}",
    ]


async def test_the_same_rows_again_are_known_and_not_sent() -> None:
    world = Settling()
    rows = [wanted(str(number), eid=Eid(f"8904{number:028d}")) for number in range(50)]
    await running(world).run(rows)
    again = running(world)
    await again.run(rows)
    assert all(one.earlier and one.word == "submitted" for one in again.outcomes)
    assert world.asked == 50


async def test_behind_a_failure_the_rest_of_the_device_is_held_back() -> None:
    world = Settling(becomes="failed")
    rows = [wanted("1", "enable", A), wanted("2", "delete", A), wanted("3", "enable", B)]
    run = running(world)
    await run.run(rows)
    assert words(run) == {"submitted": 2, "held_back": 1}
    assert f"delete {A}" not in world.order_of_asking


async def test_behind_a_refusal_too_unless_told_to_go_on() -> None:
    rows = [wanted("1", "enable", A), wanted("2", "delete", A)]
    world = Settling(answers=iter([Rejected("X", "no", 400)]))
    run = running(world)
    await run.run(rows)
    assert words(run) == {"rejected": 1, "held_back": 1}
    again = running(world, go_on=True)
    await again.run(rows)
    assert words(again) == {"rejected": 1, "submitted": 1}


async def test_a_row_waits_for_the_one_before_no_longer_than_the_lease() -> None:
    world = Settling(becomes=None)
    run = running(world)
    await run.run([wanted("1", "enable", A), wanted("2", "delete", A)])
    assert words(run) == {"submitted": 1, "held_back": 1}


async def test_after_an_answer_that_never_came_nothing_more_is_sent_to_the_device() -> None:
    world = Settling(answers=iter([Unclear("?")]))
    run = running(world)
    await run.run([wanted("1", "enable", A), wanted("2", "delete", A)])
    assert words(run) == {"unclear": 1, "held_back": 1}
    assert world.asked == 1


async def test_while_thingspace_is_away_the_file_pauses_and_goes_on() -> None:
    world = Settling(answers=iter([Away("later", 3.0), Away("later", 3.0)]))
    run = running(world)
    await run.run([wanted("1", "enable", A), wanted("2", "enable", B)])
    assert words(run) == {"submitted": 2}
    assert len(world.sent) == 2


async def test_a_thingspace_that_stays_away_ends_the_account_and_withdraws_what_was_meant() -> None:
    world = Settling(answers=iter([Away("later")] * 10_000))
    run = running(world, patience_s=20.0)
    await run.run([wanted("1", "enable", A), wanted("2", "enable", B)])
    assert words(run)["submitted"] == 0
    assert not world.sent
    assert all(row.state == "withdrawn" and row.said for row in world.rows.values())


async def test_a_latch_stops_the_account() -> None:
    world = Settling(answers=iter([Latched("look")] * 100))
    rows = [wanted(str(number), eid=Eid(f"8904{number:028d}")) for number in range(100)]
    run = running(world)
    await run.run(rows)
    assert set(words(run)) == {"not_sent", "not_started"}
    assert words(run).total() == 100
    assert world.asked <= 8
    again = running(world)
    world.answers = iter(())
    await again.run(rows)
    assert words(again) == {"submitted": 100}
    assert len(world.sent) == 100


async def test_stopped_it_finishes_what_is_on_its_way_and_the_next_run_goes_on() -> None:
    world = Settling()
    rows = [wanted(str(number), eid=Eid(f"8904{number:028d}")) for number in range(100)]
    run = running(world)
    told: list[Outcome] = []

    def tell(outcome: Outcome) -> None:
        told.append(outcome)
        if len(told) == 10:
            run.stop()

    run.tell = tell
    await run.run(rows)
    assert words(run).total() == 100
    assert 10 <= words(run)["submitted"] < 100
    assert {row.state for row in world.rows.values()} == {"sent"}
    again = running(world)
    await again.run(rows)
    assert words(again) == {"submitted": 100}
    assert world.asked == 100


async def test_kafka_away_ends_the_run_and_loses_nothing() -> None:
    world = Settling()
    rows = [wanted(str(number), eid=Eid(f"8904{number:028d}")) for number in range(40)]
    world.kafka_takes = 40
    run = running(world)
    await run.run(rows)
    assert isinstance(run.broken, ClusterError)
    assert words(run).total() == 40
    world.kafka_takes = None
    again = running(world)
    await again.run(rows)
    assert words(again) == {"submitted": 40}
    assert len(world.sent) == world.asked == 40


async def test_a_device_that_somebody_else_uses_is_waited_for() -> None:
    world = Settling(becomes=None)
    await world.submission().carry_out(wanted("other", "enable", A), None)
    run = running(world)
    task = asyncio.create_task(run.run([wanted("1", "disable", A)]))
    for _ in range(50):
        await asyncio.sleep(0)
    assert not task.done()
    world.standings["other"] = Standing("failed", True, None)
    await task
    assert words(run) == {"submitted": 1}
