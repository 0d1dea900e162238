"""The worker of one target, with a job ledger and a target that are always ready."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from reconciler.downstream.address import provision_address
from reconciler.downstream.answer import Answer
from reconciler.downstream.exchange import Request
from reconciler.downstream.imiconnect import ProfileIds
from reconciler.downstream.job import Job, Patience, Seen
from reconciler.downstream.oracle_risk import CUSTOMERS, PROVISION
from reconciler.downstream.record import JobRow, Step, TargetRow
from reconciler.downstream.worker import Worker
from schemas.logline import Log
from tests.unit.downstream.test_planning import ORACLE

START = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass(slots=True)
class World:
    """Jobs without end, a target that does everything at once, and a clock that somebody sets back."""

    taken: list[Step] = field(default_factory=list)
    sent: int = 0

    def now(self) -> datetime:
        return START - timedelta(days=365 * self.sent)

    async def targets(self) -> dict[str, TargetRow]:
        return {}

    async def due(self, target: str, now: datetime) -> JobRow | None:
        job = Job("held", START, approved=True)
        return JobRow(1, target, 1, "a", "e", "", "42", "", None, job)

    async def take(self, row: JobRow, step: Step) -> bool:
        self.taken.append(step)
        return True

    async def verified(self, mapping_id: int) -> None: ...

    async def stop(self, target: str, because: str, by: str) -> bool:
        return False

    async def proven(self, target: str) -> None: ...

    def stepped(self, target: str, step: str, state: str) -> None: ...

    def request(self, ids: ProfileIds) -> Request:
        base = ORACLE.base
        return Request("DELETE", provision_address(base, CUSTOMERS, ids.holder_id, PROVISION), {}, {})

    async def look(self, ids: ProfileIds, event_at: datetime) -> Seen | Answer:
        raise NotImplementedError

    async def ask(self, transaction_id: str) -> Answer:
        raise NotImplementedError

    async def send(self, ids: ProfileIds) -> Answer:
        self.sent += 1
        return Answer("confirmed", "0", "", None, 200)


async def test_a_clock_that_is_set_back_holds_nobody_up() -> None:
    world = World()
    worker = Worker(
        replace(ORACLE, per_second=100.0),
        world,
        world,
        world,
        Log("test"),
        world.now,
        Patience(),
    )

    async def works() -> None:
        for _ in range(3):
            assert await worker.work()

    working = asyncio.ensure_future(works())
    done, _ = await asyncio.wait({working}, timeout=20)
    assert done
    assert world.sent == 3
    working.result()
