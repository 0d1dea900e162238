"""The spool against a list in memory, through every order of steps that hypothesis can think of."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from receiver.spool.disk_queue import Report, Row, Spool, Verdict, open_spool
from receiver.spool.frame import seal
from tests.unit.spool.entries import Entry, entry, everything

BYTES_MAX = 60_000
UNPROVEN_BYTES_MAX = BYTES_MAX // 20
T = TypeVar("T")

SIZES = st.sampled_from([0, 10, 300, 1_400, 20_000])


def weight(one: Entry) -> int:
    return len(seal(one.record, proven=one.proven, enqueued_us=0))


class SpoolAgainstList(RuleBasedStateMachine):
    """`waiting` and `dead` are what should be there: id and entry, in order."""

    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(mkdtemp(prefix="spool-model-"))
        self.generation = 0
        self.reports: list[Report] = []
        self.waiting: dict[int, Entry] = {}
        self.dead: dict[int, Entry] = {}
        self.number = 0
        self.spool = self.open()

    def current(self) -> Path:
        return self.folder / str(self.generation)

    def open(self) -> Spool:
        return self.runner.run(open_spool(self.current(), BYTES_MAX, self.reports.append))

    def done(self, step: Callable[[], "asyncio.Future[T]"]) -> T:
        async def awaited() -> T:
            return await step()

        return self.runner.run(awaited())

    @rule(
        target=ids, sizes=st.lists(SIZES, min_size=1, max_size=6), proven=st.lists(st.booleans(), min_size=6)
    )
    def append(self, sizes: list[int], proven: list[bool]) -> object:
        batch = []
        for size_bytes, is_proven in zip(sizes, proven, strict=False):
            self.number += 1
            batch.append(entry(self.number, size_bytes=size_bytes, proven=is_proven))
        verdicts = self.done(lambda: self.spool.append(batch))
        rows = iter(self.runner.run(everything(self.spool))[len(self.waiting) :])
        ids = []
        for one, verdict in zip(batch, verdicts, strict=True):
            assert verdict is self.expected(one)
            if verdict is Verdict.STORED:
                ids.append(next(rows).id)
                assert ids[-1] > max([*self.waiting, *self.dead], default=0)
                self.waiting[ids[-1]] = one
        return multiple(*ids)

    def expected(self, one: Entry) -> Verdict:
        held = [*self.waiting.values(), *self.dead.values()]
        if sum(map(weight, held)) + weight(one) > BYTES_MAX:
            return Verdict.FULL
        strangers = sum(weight(other) for other in held if not other.proven)
        if not one.proven and strangers + weight(one) > UNPROVEN_BYTES_MAX:
            return Verdict.QUOTA
        return Verdict.STORED

    @rule(removed=st.lists(ids, max_size=5))
    def remove(self, removed: list[int]) -> None:
        known = set(removed) & set(self.waiting)
        assert self.runner.run(self.spool.remove(removed)) == len(known)
        for id_ in known:
            del self.waiting[id_]

    @rule(id_=ids)
    def bury(self, id_: int) -> None:
        assert self.done(lambda: self.spool.bury(id_, "never taken")) == (id_ in self.waiting)
        if id_ in self.waiting:
            self.dead[id_] = self.waiting.pop(id_)

    @rule(target=ids, resent=st.lists(ids, max_size=3, unique=True))
    def resend(self, resent: list[int]) -> object:
        known = [id_ for id_ in resent if id_ in self.dead]
        assert self.done(lambda: self.spool.dead_resend(resent)) == len(known)
        rows = self.runner.run(everything(self.spool))[len(self.waiting) :]
        for id_, row in zip(known, rows, strict=True):
            self.waiting[row.id] = self.dead.pop(id_)
        return multiple(*(row.id for row in rows))

    @rule(dropped=st.lists(ids, max_size=3))
    def drop(self, dropped: list[int]) -> None:
        known = set(dropped) & set(self.dead)
        assert self.done(lambda: self.spool.dead_drop(dropped)) == len(known)
        for id_ in known:
            del self.dead[id_]

    @rule()
    def restart(self) -> None:
        self.runner.run(self.spool.close())
        self.spool = self.open()

    @rule()
    def crash(self) -> None:
        """What is on disk at this moment is what a kill would leave."""
        self.generation += 1
        shutil.copytree(self.folder / str(self.generation - 1), self.current())
        self.runner.run(self.spool.close())
        self.spool = self.open()

    @rule(data=st.data())
    def read_on(self, data: st.DataObject) -> None:
        after_id = data.draw(st.sampled_from([0, *self.waiting]))
        limit = data.draw(st.integers(1, 5))
        rows = self.done(lambda: self.spool.read(after_id, limit=limit))
        assert [row.id for row in rows] == [id_ for id_ in self.waiting if id_ > after_id][:limit]

    @invariant()
    def holds_what_it_should(self) -> None:
        rows: list[Row] = self.runner.run(everything(self.spool))
        assert [(row.id, row.record) for row in rows] == [
            (id_, one.record) for id_, one in self.waiting.items()
        ]
        assert self.spool.records == len(self.waiting)
        assert self.spool.size_bytes == sum(map(weight, self.waiting.values()))
        assert self.spool.dead == len(self.dead)
        dead = self.done(self.spool.dead_list)
        assert {row.id: row.row and row.row.record for row in dead} == {
            id_: one.record for id_, one in self.dead.items()
        }
        assert self.reports == []

    def teardown(self) -> None:
        self.runner.run(self.spool.close())
        self.runner.close()
        shutil.rmtree(self.folder)


TestSpoolAgainstList = SpoolAgainstList.TestCase
TestSpoolAgainstList.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
