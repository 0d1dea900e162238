"""Any mixture of records, a broker that comes and goes, slow, refusing and dead disks: what must hold then.

No answer "kafka" or "spool" for a record that is neither on the topic nor on disk; everybody gets an answer;
no record of a key stands on the topic before an older one of it; when all is well again, the spool is empty
and the lane direct.
"""

import asyncio
from collections.abc import Callable
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from receiver.lane import Batch, Lane, Place
from tests.unit.receiver.doubles import FakeBroker, FakeSpool, VirtualTimeLoop, Watched
from tests.unit.receiver.lanes import numbers, numbers_of, record

PATIENCE_S = 0.5
PARTITIONS_USED = 2


class LaneMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.small_pages = patch("receiver.drain.PAGE_ROWS", 2)
        self.small_pages.start()
        self.loop = VirtualTimeLoop()
        self.broker, self.spool = FakeBroker(up=False), FakeSpool()
        self.answers: dict[int, asyncio.Future[Place]] = {}
        self.poison: set[int] = set()
        self.topic: list[tuple[int, int]] = []
        self.lane, self.running = self.loop.run_until_complete(self._made())

    async def _made(self) -> tuple[Lane, "asyncio.Task[None]"]:
        lane = Lane(self.broker, self.spool, Watched(), patience_s=PATIENCE_S, bytes_max=10_000_000)
        return lane, self.loop.create_task(lane.run())

    def teardown(self) -> None:
        try:
            self._settle()
        finally:
            self.running.cancel()
            self.loop.run_until_complete(asyncio.wait((self.running,)))
            self.loop.close()
            self.small_pages.stop()

    # What may happen

    @rule(partition=st.integers(0, PARTITIONS_USED - 1), size=st.sampled_from([10, 50_000]))
    def submit(self, partition: int, size: int) -> None:
        number = len(self.answers)
        self.answers[number] = self.lane.submit(record(number, partition=partition, size=size))

    @rule(partition=st.integers(0, PARTITIONS_USED - 1))
    def submit_poison(self, partition: int) -> None:
        self.poison.add(len(self.answers))
        self.submit(partition, 10)

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.3, 1.0, 5.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.loop.run_until_complete(_pass(seconds))

    @rule()
    def kafka_comes(self) -> None:
        if not self.broker.up:
            self.broker.up = True
            self._in_loop(self.lane.broker_changed)

    @rule()
    def kafka_goes(self) -> None:
        """What was in flight is given up; some of it was stored all the same."""
        if self.broker.up:
            for index, batch in enumerate(self._out()):
                self._answer(batch, stored=index % 2 == 0, acknowledged=False)
            self.broker.up = False
            self._in_loop(self.lane.broker_changed)

    @precondition(lambda self: self._out())
    @rule(data=st.data())
    def kafka_takes_one(self, data: st.DataObject) -> None:
        self._kafka_takes(data.draw(st.sampled_from(self._out())))

    @rule()
    def the_disk_fills(self) -> None:
        self.spool.room = False

    @rule()
    def the_disk_has_room(self) -> None:
        self.spool.room = True

    @rule()
    def the_disk_is_slow(self) -> None:
        self.spool.holding = True

    @rule()
    def the_disk_answers(self) -> None:
        self._in_loop(self.spool.release)

    # What must hold

    @invariant()
    def what_is_acknowledged_is_somewhere(self) -> None:
        safe = {number for number, _ in self.topic} | set(numbers_of(self.spool.kept)) | self._dead()
        for number, answer in self.answers.items():
            assert not answer.done() or answer.result() == "nowhere" or number in safe, number

    def _settle(self) -> None:
        """All well again: everything must come to its end, in a bounded time."""
        self.spool.room = True
        self.the_disk_answers()
        for _ in range(200):
            self.kafka_comes()
            self.let_time_pass(0.1)
            for batch in self._out():
                if id(batch) in self.broker.backs:
                    self._kafka_takes(batch)
            is_told = all(answer.done() for answer in self.answers.values())
            if self.broker.up and is_told and not self.spool.rows and not self._out():
                break
        self.let_time_pass(2.0)
        assert not self.spool.rows
        assert all(answer.done() for answer in self.answers.values())
        direct = self.lane.submit(record(len(self.answers)))
        self.let_time_pass(0.0)
        self._kafka_takes(self._out()[0])
        assert direct.result() == "kafka"
        self.what_is_acknowledged_is_somewhere()
        self._in_order()

    def _in_order(self) -> None:
        """The first time each stands there; one that was never acknowledged may come late or not at all."""
        acknowledged = {number for number, answer in self.answers.items() if answer.result() != "nowhere"}
        for partition in range(PARTITIONS_USED):
            seen = dict.fromkeys(number for number, where in self.topic if where == partition)
            firsts = [number for number in seen if number in acknowledged]
            assert firsts == sorted(firsts)

    def _dead(self) -> set[int]:
        return set(numbers_of(self.spool.dead))

    def _out(self) -> list[Batch]:
        return [
            batch for batches in self.broker.rounds for batch in batches if id(batch) in self.broker.backs
        ]

    def _kafka_takes(self, batch: Batch) -> None:
        """Or refuses, which costs the producer."""
        if self.poison.isdisjoint(numbers(batch)):
            self._answer(batch, stored=True, acknowledged=True)
            return
        batch.refusal = "MessageSizeTooLargeError"
        self._answer(batch, stored=False, acknowledged=False)
        self.kafka_goes()

    def _answer(self, batch: Batch, *, stored: bool, acknowledged: bool) -> None:
        if stored and self.poison.isdisjoint(numbers(batch)):
            self.topic += [(number, batch.partition) for number in numbers(batch)]
        self._in_loop(lambda: self.broker.land(batch, acknowledged))

    def _in_loop(self, step: Callable[[], None]) -> None:
        async def take() -> None:
            step()

        self.loop.run_until_complete(take())


async def _pass(seconds: float) -> None:
    passed = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(seconds, passed.set_result, None)
    await passed
    for _ in range(30):
        await asyncio.sleep(0)


TestLane = LaneMachine.TestCase
TestLane.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
