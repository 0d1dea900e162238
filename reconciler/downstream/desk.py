"""What people do with jobs and targets: look, approve, cancel, stop, go on; recorded with who did it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.downstream.job import UNSENT, Change
from reconciler.downstream.ledger import Planning, job_of
from reconciler.downstream.mapping import Line
from reconciler.downstream.queries import query
from reconciler.downstream.record import Step

if TYPE_CHECKING:
    import asyncpg

    Session = asyncpg.Connection[asyncpg.Record]

Row = dict[str, object]

LEFT_OUT = frozenset({"key", "taken_back", "approved"})
"""Columns that are for the engine alone."""


class Desk:
    def __init__(self, session: "Session") -> None:
        self._session = session

    async def targets(self) -> list[Row]:
        return [dict(row) for row in await self._session.fetch(query("read_targets"))]

    async def counts(self) -> list[Row]:
        return [dict(row) for row in await self._session.fetch(query("count_jobs"))]

    async def jobs(self, target: str | None, state: str | None, *, waiting: bool, limit: int) -> list[Row]:
        """The newest first."""
        rows = await self._session.fetch(query("list_jobs"), target, state, waiting, limit)
        return [_shown(row) for row in rows]

    async def job(self, job_id: int) -> Row | None:
        """With its transitions, the oldest first."""
        async with self._session.transaction():
            row = await self._session.fetchrow(query("read_job"), job_id)
        if row is None:
            return None
        steps = await self._session.fetch(query("read_transitions"), job_id)
        return {**_shown(row), "transitions": [dict(step) for step in steps]}

    async def approve(self, job_id: int, by: str) -> str:
        """What came of it, in a few words.

        An approved job goes on at once, by the same rules: where it can be looked at, it is. What is unknown,
        or has failed, is tried again.
        """
        async with self._session.transaction():
            planning = Planning(self._session)
            row = await planning.read(job_id)
            if row is None:
                return "there is no such job"
            job = job_of(row)
            if job.state not in ("held", "unknown", "failed"):
                return f"is {job.state}; only what is held, unknown or failed can be approved"
            change = Change("held", f"approved by {by}", datetime.now(UTC))
            await planning.step(
                job_id, job, Step("approve", change, by, approved_by=by), row["transaction_id"]
            )
        return "approved"

    async def cancel(self, job_id: int, by: str, why: str) -> str:
        async with self._session.transaction():
            planning = Planning(self._session)
            row = await planning.read(job_id)
            if row is None:
                return "there is no such job"
            job = job_of(row)
            if job.state not in UNSENT and job.state != "unknown":
                return f"is {job.state}; only what is not sent yet, or unknown, can be cancelled"
            change = Change("cancelled", why or f"cancelled by {by}")
            await planning.step(job_id, job, Step("cancel", change, by), row["transaction_id"])
        return "cancelled"

    async def stop(self, target: str, because: str, by: str) -> bool:
        """Whether it was going before."""
        return await self._session.fetchval(query("stop_target"), target, because, by) is not None

    async def resume(self, target: str) -> None:
        await self._session.execute(query("resume_target"), target)

    async def forget_offsets(self, topic: str) -> None:
        """The next start begins at the end of the topic."""
        await self._session.execute(query("forget_offsets"), topic)

    async def put(self, lines: Iterable[Line], source: str, by: str) -> tuple[int, int]:
        """How many rows were made, and how many brought up to date; all or none."""
        made = changed = 0
        async with self._session.transaction():
            for line in lines:
                if await self._session.fetchval(query("put_mapping"), *line.values(), source, by):
                    made += 1
                else:
                    changed += 1
        return made, changed

    async def mapping(self, target: str | None) -> Sequence[Row]:
        return [dict(row) for row in await self._session.fetch(query("list_mapping"), target)]


def _shown(row: "asyncpg.Record") -> Row:
    return {name: value for name, value in row.items() if name not in LEFT_OUT}
