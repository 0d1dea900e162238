"""The job ledger in PostgreSQL: one session, which also holds the right to work at all.

Whoever has the session has the lock; when the session is lost, so is the right, and nothing can be written
any more. What is about to be sent is written first, so a program without the session sends nothing either.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from reconciler.downstream.job import Job
from reconciler.downstream.planning import Mapped, NewJob
from reconciler.downstream.queries import query
from reconciler.downstream.record import JobRow, Sent, Step, TargetRow, tries_after
from reconciler.readable import ReadableError

if TYPE_CHECKING:
    import asyncpg

    Session = asyncpg.Connection[asyncpg.Record]


class MovedError(ReadableError):
    """The offsets are elsewhere than this program left them."""


class Ledger:
    """Methods may be called side by side; each waits for its turn on the session."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._turn = asyncio.Lock()

    async def lead(self) -> bool:
        """Whether the right to work is ours now; it stays ours as long as the session lives."""
        async with self._turn:
            return bool(await self._session.fetchval(query("lock_leader")))

    async def offsets(self, topic: str) -> dict[int, int]:
        async with self._turn:
            rows = await self._session.fetch(query("read_offsets"), topic)
        return {row["partition"]: row["next_offset"] for row in rows}

    @asynccontextmanager
    async def planning(self) -> AsyncIterator["Planning"]:
        """One transaction."""
        async with self._turn, self._session.transaction():
            yield Planning(self._session)

    async def targets(self) -> dict[str, TargetRow]:
        async with self._turn:
            rows = await self._session.fetch(query("read_targets"))
        return {
            row["name"]: TargetRow(
                row["name"], row["stopped_because"], row["stopped_by"], row["proven_at"] is not None
            )
            for row in rows
        }

    async def due(self, target: str, now: datetime) -> JobRow | None:
        async with self._turn:
            row = await self._session.fetchrow(query("due_job"), target, now)
        return None if row is None else _job(row)

    async def take(self, row: JobRow, step: Step) -> bool:
        """Records a step; False where a person changed the job meanwhile, and nothing was written."""
        async with self._turn, self._session.transaction():
            return await Planning(self._session).step(row.job_id, row.job, step, row.transaction_id)

    async def verified(self, mapping_id: int) -> None:
        async with self._turn:
            await self._session.execute(query("mark_verified"), mapping_id)

    async def stop(self, target: str, because: str, by: str) -> bool:
        """Whether it was going before."""
        async with self._turn:
            return await self._session.fetchval(query("stop_target"), target, because, by) is not None

    async def proven(self, target: str) -> None:
        async with self._turn:
            await self._session.execute(query("prove_target"), target)

    async def orphaned(self, looked_at: Iterable[str]) -> Sequence[JobRow]:
        """Jobs whose deletion may have been sent, at targets that cannot be looked at."""
        async with self._turn:
            rows = await self._session.fetch(query("orphaned_jobs"), list(looked_at))
        return [_job(row) for row in rows]


class Planning:
    """What happens inside one transaction."""

    def __init__(self, session: "Session") -> None:
        self._session = session

    async def move(self, topic: str, partition: int, was: int | None, now: int) -> None:
        if await self._session.fetchval(query("move_offset"), topic, partition, was, now) is None:
            raise MovedError(
                f"{topic} partition {partition} is no longer at {was}: somebody else has moved the offsets. "
                "Nothing of this batch was kept, and nothing was sent for it. Start again."
            )

    async def mapping(self, devices: Iterable[tuple[str, str]]) -> Sequence[Mapped]:
        """Of accounts and EIDs."""
        return await self._mapped("read_mapping", devices)

    async def holders(self, holders: Iterable[tuple[str, str]]) -> Sequence[Mapped]:
        """Of targets and holders."""
        return await self._mapped("read_holders", holders)

    async def _mapped(self, name: str, pairs: Iterable[tuple[str, str]]) -> Sequence[Mapped]:
        ordered = sorted(set(pairs))
        rows = await self._session.fetch(
            query(name), [first for first, _ in ordered], [second for _, second in ordered]
        )
        return [Mapped(**dict(row)) for row in rows]

    async def mark_gone(self, account: str, eid: str, iccid: str, since: datetime | None) -> None:
        await self._session.execute(query("mark_gone"), account, eid, iccid, since)

    async def add(self, new: NewJob, request: str | None) -> int | None:
        """Its id, None where it was there already."""
        settled, row = new.settled, new.mapping
        job_id: int | None = await self._session.fetchval(
            query("add_job"),
            *(new.key, row.target, row.mapping_id, row.account, settled.operation_id, settled.request_id),
            *(settled.eid, settled.iccid, settled.action, row.app_id, row.holder_id, row.device_id),
            *(new.event_at, settled.version, new.state, new.reason, request, row.verified),
            new.hold_until if new.state == "held" else None,
        )
        if job_id is not None:
            await self._session.execute(
                query("add_transition"),
                *(job_id, None, new.state, "plan", new.reason, "engine", request, None, None, None, None),
            )
        return job_id

    async def unsent_of_holder(self, target: str, holder: str) -> int | None:
        job_id: int | None = await self._session.fetchval(query("unsent_of_holder"), target, holder)
        return job_id

    async def unsent_of_profile(self, account: str, eid: str, iccid: str, at: datetime) -> Sequence[int]:
        rows = await self._session.fetch(query("unsent_of_profile"), account, eid, iccid, at)
        return [row["job_id"] for row in rows]

    async def unsent_of_operation(self, operation_id: str, version: int) -> Sequence[int]:
        rows = await self._session.fetch(query("unsent_of_operation"), operation_id, version)
        return [row["job_id"] for row in rows]

    async def taken_back(self, job_id: int) -> None:
        """Cancelled by us; should the deletion settle again, the job is made anew."""
        await self._session.execute(query("mark_taken_back"), job_id)

    async def planned_lately(self, target: str, account: str, since: datetime) -> tuple[int, int]:
        """Deletions planned, and devices mapped."""
        row = await self._session.fetchrow(query("planned_lately"), target, account, since)
        assert row is not None
        return row["planned"], row["mapped"]

    async def stop(self, target: str, because: str) -> bool:
        return await self._session.fetchval(query("stop_target"), target, because, "engine") is not None

    async def read(self, job_id: int) -> "asyncpg.Record | None":
        """The whole row, locked."""
        return await self._session.fetchrow(query("read_job"), job_id)

    async def step(self, job_id: int, job: Job, step: Step, transaction_id: str | None) -> bool:
        change = step.change
        kept = step.transaction_id or transaction_id
        sent = step.sent or Sent(job.sends, job.sent_at)
        changed = await self._session.fetchval(
            query("change_job"),
            *(job_id, job.state, change.state, change.reason, change.again_at, change.needs_approval),
            *(sent.sends, tries_after(job.state, job.tries, change), sent.at, kept, step.approved_by),
        )
        if changed is None:
            return False
        answer = step.answer
        await self._session.execute(
            query("add_transition"),
            *(job_id, job.state, change.state, step.step, change.reason, step.by, step.request),
            *((answer.http_status, answer.code, answer.text) if answer is not None else (None, None, None)),
            kept,
        )
        return True


def _job(row: "asyncpg.Record") -> JobRow:
    return JobRow(
        job_id=row["job_id"],
        target=row["target"],
        mapping_id=row["mapping_id"],
        account=row["account"],
        eid=row["eid"],
        app_id=row["app_id"],
        holder_id=row["holder_id"],
        device_id=row["device_id"],
        transaction_id=row["transaction_id"],
        job=job_of(row),
    )


def job_of(row: "asyncpg.Record") -> Job:
    """What the machine needs of a row."""
    return Job(
        state=row["state"],
        event_at=row["event_at"],
        sends=row["sends"],
        tries=row["tries"],
        sent_at=row["sent_at"],
        approved=row["approved"],
        verified=row["verified"],
    )
