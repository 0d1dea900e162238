"""From a batch of messages to jobs, in one transaction with the offsets."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from reconciler.downstream.address import UnsafeAddressError
from reconciler.downstream.exchange import Request
from reconciler.downstream.imiconnect import ProfileIds
from reconciler.downstream.job import Change, State
from reconciler.downstream.ledger import Ledger, Planning, job_of
from reconciler.downstream.planning import (
    Mapped,
    NewJob,
    Settled,
    is_deletion,
    is_return,
    is_taken_back,
    jobs_for,
    too_many,
)
from reconciler.downstream.record import Step
from reconciler.downstream.targets import Target
from schemas.logline import Log


class Connector(Protocol):
    def request(self, ids: ProfileIds) -> Request: ...


class Meter(Protocol):
    def planned(self, target: str, state: str) -> None: ...


class Planner:
    """`connectors` show what would be sent. Only the targets that are not off plan anything."""

    def __init__(
        self,
        ledger: Ledger,
        targets: Mapping[str, Target],
        connectors: Mapping[str, Connector],
        meter: Meter,
        log: Log,
        now: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._targets = targets
        self._connectors = connectors
        self._meter = meter
        self._log = log
        self._now = now
        self._stopped: set[str] = set()
        """Targets that need no brake: nothing is sent to them before a person says so."""

    async def plan(
        self, batch: Sequence[Settled], moves: Mapping[tuple[str, int], tuple[int | None, int]]
    ) -> None:
        """`moves`: from where to where each partition goes. Nothing is kept where anything fails."""
        said = [settled for settled in batch if settled.eid is not None]
        stopped = await self._ledger.targets() if said else {}
        self._stopped = {name for name, row in stopped.items() if row.stopped_because is not None}
        async with self._ledger.planning() as planning:
            for (topic, partition), (was, now) in sorted(moves.items()):
                await planning.move(topic, partition, was, now)
            mapped = await planning.mapping({(one.account, one.eid) for one in said if one.eid is not None})
            known = {(row.account, row.eid) for row in mapped}
            for settled in said:
                if (settled.account, settled.eid) in known:
                    await self._one(planning, settled)

    async def _one(self, planning: Planning, settled: Settled) -> None:
        """A message about a device that is mapped somewhere."""
        eid, iccid, at = settled.eid, settled.iccid, settled.settled_at
        if is_taken_back(settled):
            for job_id in await planning.unsent_of_operation(settled.operation_id, settled.version):
                await self._cancel(planning, job_id, f"its deletion is {settled.state} now")
                await planning.taken_back(job_id)
        if eid is None or iccid is None or at is None:
            return
        if is_return(settled):
            await planning.mark_gone(settled.account, eid, iccid, None)
            for job_id in await planning.unsent_of_profile(settled.account, eid, iccid, at):
                await self._cancel(planning, job_id, "the profile came back before anything was sent")
        elif is_deletion(settled):
            await planning.mark_gone(settled.account, eid, iccid, at)
            await self._delete(planning, settled, eid)

    async def _delete(self, planning: Planning, settled: Settled, eid: str) -> None:
        mapped = await planning.mapping([(settled.account, eid)])
        of_holder = await planning.holders((row.target, row.holder_id) for row in mapped)
        holders: dict[tuple[str, str], list[Mapped]] = {}
        for row in of_holder:
            holders.setdefault((row.target, row.holder_id), []).append(row)
        for new in jobs_for(settled, mapped, holders, self._targets, self._now()):
            await self._add(planning, new)

    async def _add(self, planning: Planning, new: NewJob) -> None:
        row = new.mapping
        target = self._targets[row.target]
        other = None
        if target.kind == "oracle_risk" and new.state == "held":
            other = await planning.unsent_of_holder(row.target, row.holder_id)
        job_id = await planning.add(new, self._shown(row))
        if job_id is None:
            return
        self._meter.planned(row.target, new.state)
        if other is not None:
            await self._end(planning, job_id, "merged", f"job {other} does it for the same customer")
        if new.state == "held" and row.target not in self._stopped:
            await self._brake(planning, target, row.account)

    async def _brake(self, planning: Planning, target: Target, account: str) -> None:
        planned, mapped = await planning.planned_lately(
            target.name, account, self._now() - target.deletes_window
        )
        if not too_many(planned, mapped, target):
            return
        self._stopped.add(target.name)
        told = f"too many deletions: {planned} of {mapped} mapped devices of account {account}"
        if await planning.stop(target.name, told):
            self._log.emit(
                "target_stopped",
                level="error",
                target=target.name,
                account=account,
                count=planned,
                reason="too many deletions; look at the jobs, then resume the target or cancel them",
            )

    def _shown(self, row: Mapped) -> str | None:
        """What would be sent, without its secret."""
        try:
            return self._connectors[row.target].request(ProfileIds(*row.ids())).shown()
        except UnsafeAddressError as error:
            return f"nothing: {error}"

    async def _cancel(self, planning: Planning, job_id: int, why: str) -> None:
        await self._end(planning, job_id, "cancelled", why)

    async def _end(self, planning: Planning, job_id: int, state: State, why: str) -> None:
        row = await planning.read(job_id)
        assert row is not None
        await planning.step(job_id, job_of(row), Step("plan", Change(state, why)), row["transaction_id"])
        self._meter.planned(row["target"], state)
