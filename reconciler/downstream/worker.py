"""One target's worker: takes the job that is longest due one step on, a call at a time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from time import monotonic
from typing import Final, Protocol

from reconciler.downstream import job as machine
from reconciler.downstream.address import UnsafeAddressError
from reconciler.downstream.answer import Answer
from reconciler.downstream.exchange import Request
from reconciler.downstream.imiconnect import ProfileIds
from reconciler.downstream.job import Change, Patience, Seen
from reconciler.downstream.record import ENGINE, JobRow, Sent, Step, TargetRow
from reconciler.downstream.targets import Target
from schemas.logline import Log

LOOKS_AROUND_EVERY_S: Final = 1.0
"""How late at most a job that a person approved, or a target that was resumed, is noticed."""
EVERYTHING: Final = "*"
"""The name under which all targets are stopped at once."""


class Connector(Protocol):
    def request(self, ids: ProfileIds) -> Request: ...

    async def look(self, ids: ProfileIds, event_at: datetime) -> Seen | Answer: ...

    async def send(self, ids: ProfileIds) -> Answer: ...

    async def ask(self, transaction_id: str) -> Answer: ...


class Jobs(Protocol):
    """The job ledger."""

    async def targets(self) -> dict[str, TargetRow]: ...

    async def due(self, target: str, now: datetime) -> JobRow | None: ...

    async def take(self, row: JobRow, step: Step) -> bool: ...

    async def verified(self, mapping_id: int) -> None: ...

    async def stop(self, target: str, because: str, by: str) -> bool: ...

    async def proven(self, target: str) -> None: ...


class Meter(Protocol):
    def stepped(self, target: str, step: str, state: str) -> None: ...


class Worker:
    """`now` gives the time. Only for targets that are live."""

    def __init__(
        self,
        target: Target,
        connector: Connector,
        jobs: Jobs,
        meter: Meter,
        log: Log,
        now: Callable[[], datetime],
        patience: Patience,
    ) -> None:
        self._target = target
        self._connector = connector
        self._jobs = jobs
        self._meter = meter
        self._log = log
        self._now = now
        self._patience = patience
        self._free_at = 0.0
        self._proven = False

    async def run(self) -> None:
        """For ever."""
        while True:
            if not await self.work():
                await asyncio.sleep(LOOKS_AROUND_EVERY_S)

    async def work(self) -> bool:
        """One step of one job; False where there is none to take."""
        if await self._is_stopped():
            return False
        row = await self._jobs.due(self._target.name, self._now())
        if row is None:
            return False
        step = machine.next_step(row.job.state, can_look=self._target.can_look)
        ids = ProfileIds(row.app_id, row.holder_id, row.device_id)
        try:
            request = self._connector.request(ids)
        except UnsafeAddressError as error:
            await self._take(row, Step(step or "look", Change("failed", str(error))))
            return True
        match step:
            case "look":
                await self._look(row, ids, request)
            case "send":
                await self._send(row, ids, request, "may be sent")
            case "ask":
                await self._ask(row)
            case "check":
                await self._check(row, ids)
            case None:
                await self._take(row, Step("look", Change("unknown", "nobody knows whether it was done")))
        return True

    async def _is_stopped(self) -> bool:
        rows = await self._jobs.targets()
        mine = rows.get(self._target.name)
        self._proven = mine is not None and mine.proven
        return any(
            row.stopped_because is not None
            for name, row in rows.items()
            if name in (self._target.name, EVERYTHING)
        )

    async def _pace(self) -> None:
        """A call at a time, so many a second. By a clock that nobody sets."""
        now = monotonic()
        if self._free_at > now:
            await asyncio.sleep(self._free_at - now)
        self._free_at = max(self._free_at, now) + 1 / self._target.per_second

    async def _look(self, row: JobRow, ids: ProfileIds, request: Request) -> None:
        await self._pace()
        seen = await self._connector.look(ids, row.job.event_at)
        if isinstance(seen, Seen) and seen.there:
            await self._jobs.verified(row.mapping_id)
            row = replace(row, job=replace(row.job, verified=True))
        change = machine.after_look(row.job, seen, self._now(), self._patience)
        if change.state == "sending":
            await self._send(row, ids, request, change.reason)
        else:
            await self._take(row, Step("look", change, answer=_answer(seen)))

    async def _send(self, row: JobRow, ids: ProfileIds, request: Request, reason: str) -> None:
        """Written first, then done. Between the two nothing waits."""
        await self._pace()
        now = self._now()
        before = Sent(row.job.sends, row.job.sent_at)
        sent = Sent(before.sends + 1, now)
        about_to = Step("send", Change("sending", reason, now), request=request.shown(), sent=sent)
        if not await self._take(row, about_to):
            return
        answer = await self._connector.send(ids)
        under_way = replace(row, job=replace(row.job, state="sending", sends=sent.sends, sent_at=now))
        change = machine.after_send(
            under_way.job,
            answer,
            self._now(),
            self._patience,
            can_look=self._target.can_look,
            proven=self._proven,
        )
        if answer.outcome in ("accepted", "confirmed"):
            await self._jobs.proven(self._target.name)
        known = before if machine.was_not_done(answer) else sent
        done = Step("send", change, answer=answer, sent=known, transaction_id=answer.transaction_id)
        await self._take(under_way, done)

    async def _ask(self, row: JobRow) -> None:
        if row.transaction_id is None:
            change = Change("checking", "the target gave no transaction to ask for", self._now())
            await self._take(row, Step("ask", change))
            return
        await self._pace()
        answer = await self._connector.ask(row.transaction_id)
        change = machine.after_ask(row.job, answer, self._now(), self._patience)
        await self._take(row, Step("ask", change, answer=answer))

    async def _check(self, row: JobRow, ids: ProfileIds) -> None:
        await self._pace()
        seen = await self._connector.look(ids, row.job.event_at)
        change = machine.after_check(row.job, seen, self._now(), self._patience)
        await self._take(row, Step("check", change, answer=_answer(seen)))

    async def _take(self, row: JobRow, step: Step) -> bool:
        if not await self._jobs.take(row, step):
            return False
        change = step.change
        self._meter.stepped(self._target.name, step.step, change.state)
        if change.target is not None and await self._jobs.stop(self._target.name, change.target, ENGINE):
            self._log.emit("target_stopped", level="error", target=self._target.name, reason=change.target)
        return True


def _answer(seen: Seen | Answer) -> Answer | None:
    return seen if isinstance(seen, Answer) else None


async def orphans_to_unknown(rows: Sequence[JobRow], jobs: Jobs) -> None:
    """Deletions that were being sent when the last program ended, at targets that cannot be looked at."""
    for row in rows:
        change = Change("unknown", "the program ended while it was sent; nobody knows whether it was done")
        await jobs.take(row, Step("look", change))
