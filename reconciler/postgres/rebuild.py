"""Putting right what a rebuild found: one transaction each, under the locks that `run` takes, in its order.

The rows are written by the plan of `run` itself, so that versions rise, history goes on and what is open is
scheduled. What stood there is kept in `ledger.rebuild_change`. The audit log is only read.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeVar

import asyncpg

from reconciler.audit.as_json import text
from reconciler.core.batch import Batch
from reconciler.core.decide import StoredOperation
from reconciler.core.device import ProfileChanges, StoredProfile, operations_by_device, profile_changes
from reconciler.core.operation import Operation
from reconciler.core.outbox import latest_by_key
from reconciler.core.plan import Moment, Plan, plan_of
from reconciler.core.schedule import is_open
from reconciler.core.scope import Key, Link
from reconciler.core.settle import Settled, Told
from reconciler.postgres.reader import PostgresReader, ProfileIds
from reconciler.postgres.writer import write
from reconciler.queries import query
from reconciler.readable import ReadableError
from reconciler.rebuild.difference import Difference, history_differences, profile_differences, unrecorded
from reconciler.rebuild.reader import RebuildReader
from reconciler.rebuild.refold import Portion, Refolded, differences, refolded
from schemas.ids import Eid, OperationId

if TYPE_CHECKING:
    from reconciler.postgres.admin import Session

TRIES: Final = 8
IN_THE_WAY: Final = (
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.SerializationError,
    asyncpg.UniqueViolationError,
)
"""Somebody else was faster; looking again finds what is left to do."""

NO_EVENTS: Final = Told((), (), {}, ())
NOTHING_SETTLED: Final = Settled({}, (), (), {})
_IDENTITY: Final = ("account", "request_id", "eid", "device")
"""Columns that never change while an operation keeps its id."""

_Found = TypeVar("_Found")


class BusyError(ReadableError):
    """Somebody was in the way again and again."""


class _MoreToLockError(Exception):
    """After locking, more requests or intents belong together than were locked."""


@dataclass(frozen=True, slots=True)
class _Swap:
    """The operations of a portion: new and changed, gone, and what stood there before."""

    settled: Settled
    new: Sequence[OperationId]

    @property
    def eids(self) -> set[Eid]:
        rows = (*self.settled.changed, *self.settled.gone)
        return {row.eid for row in rows if row.eid is not None}


class PostgresRepair:
    """`reconciler.rebuild.rebuild.Repair`; borrows the session, between whose pages it works."""

    def __init__(self, connection: "Session", reader: RebuildReader, rebuild_id: int) -> None:
        self._connection = connection
        self._reader = reader
        self._rebuild_id = rebuild_id
        self._postgres = PostgresReader(connection, ProfileIds())

    async def requests(self, ids: Sequence[str]) -> Sequence[Difference]:
        return await self._again(lambda: self._requests(ids))

    async def intents(self, ids: Sequence[str]) -> Sequence[Difference]:
        return await self._again(lambda: self._intents(ids))

    async def unmatched(self, after: bytes, until: bytes) -> Sequence[Difference]:
        return await self._again(lambda: self._unmatched(after, until))

    async def devices(self, eids: Sequence[str]) -> Sequence[Difference]:
        return await self._again(lambda: self._devices([Eid(eid) for eid in eids]))

    async def _again(self, step: Callable[[], Awaitable[_Found]]) -> _Found:
        for _ in range(TRIES):
            try:
                return await step()
            except (*IN_THE_WAY, _MoreToLockError) as error:
                last = error
        raise BusyError(
            f"Somebody was in the way {TRIES} times ({type(last).__name__}). What was put right before is "
            "kept, and recorded. Run the command again when there is less to do."
        ) from last

    async def _requests(self, ids: Sequence[str]) -> Sequence[Difference]:
        """Intents first, as `run` does. A lock row that is missing is made by locking it."""
        async with self._connection.transaction():
            seen = await self._reader.requests(ids)
            intents, requests = _intents_of(seen), _requests_of(seen)
            await self._postgres.lock_intents(dict.fromkeys(intents, False))
            await self._postgres.lock_requests(requests)
            portion = await self._reader.requests(ids)
            if not (_intents_of(portion) <= intents and _requests_of(portion).keys() <= requests.keys()):
                raise _MoreToLockError
            return await self._replaced(portion, _of_lock_rows(seen))

    async def _intents(self, ids: Sequence[str]) -> Sequence[Difference]:
        async with self._connection.transaction():
            seen = await self._reader.intents(ids)
            intents = _alone(seen)
            await self._postgres.lock_intents(intents)
            portion = await self._reader.intents(ids)
            if not _alone(portion).keys() <= intents.keys():
                raise _MoreToLockError
            return await self._replaced(portion, _of_lock_rows(seen))

    async def _unmatched(self, after: bytes, until: bytes) -> Sequence[Difference]:
        """No lock row stands for these: a snapshot, in which somebody else's change is an error."""
        async with self._connection.transaction(isolation="repeatable_read"):
            portion = await self._reader.unmatched(after, until)
            return await self._replaced(portion, ())

    async def _replaced(self, portion: Portion, made: Sequence[Difference]) -> Sequence[Difference]:
        now = refolded(portion)
        found = [*made, *differences(portion, now)]
        if not found:
            return ()
        await self._record(found)
        await self._reclassify(now)
        await self._remove(found, portion)
        swap = _swap(portion, now)
        await self._connection.execute(query("rebuild_delete_operations"), swap.new)
        evidence = [
            now.evidence[key]
            for key in (bytes.fromhex(one.name) for one in found if one.table == "evidence")
            if key in now.evidence
        ]
        links = sorted(portion.links_recorded() - set(portion.links)) if portion.kind == "request" else ()
        profiles, of_devices = await self._profiles(swap)
        latest = latest_by_key((*portion.operations, *of_devices))
        plan = await self._plan(swap, profiles, links, latest)
        await write(
            self._connection,
            replace(plan, evidence=evidence, looks_closed=[*plan.looks_closed, *_settled(swap, now)]),
        )
        return found

    async def _profiles(self, swap: _Swap) -> tuple[ProfileChanges, Sequence[StoredOperation]]:
        eids = swap.eids
        existing = await self._postgres.lock_devices(eids)
        stored = await self._postgres.device_operations(existing)
        operations = operations_by_device(
            (row.operation for row in stored if row.operation.operation_id not in swap.new),
            swap.settled.changed,
            swap.settled.gone,
        )
        profiles = await self._postgres.device_profiles(existing)
        return profile_changes(sorted(eids), operations, profiles), stored

    async def _devices(self, eids: Sequence[Eid]) -> Sequence[Difference]:
        async with self._connection.transaction():
            await self._postgres.lock_devices(eids)
            devices = await self._reader.devices(eids)
            operations = operations_by_device((row.operation for row in devices.operations), (), ())
            changes = profile_changes(eids, operations, devices.profiles)
            found = [
                *profile_differences(changes),
                *history_differences(changes, devices.profiles, devices.recorded),
            ]
            if not found:
                return ()
            await self._record(found)
            await self._close(devices.profiles, devices.recorded)
            changes = _recorded_anew(changes, unrecorded(changes, devices.profiles, devices.recorded))
            await write(self._connection, await self._plan(_Swap(NOTHING_SETTLED, ()), changes, (), {}))
        return found

    async def _close(self, profiles: Sequence[StoredProfile], recorded: Sequence[StoredProfile]) -> None:
        standing = {row.profile_id for row in profiles}
        ended = [row for row in recorded if row.profile_id not in standing]
        if ended:
            await self._connection.execute(
                query("rebuild_close_history"),
                [row.profile.eid for row in ended],
                [row.profile_id for row in ended],
            )

    async def _plan(
        self, swap: _Swap, profiles: ProfileChanges, links: Collection[Link], latest: Mapping[str, int]
    ) -> Plan:
        moment = Moment(await self._connection.fetchval(query("rebuild_now")), {}, b"")
        ids = await self._postgres.profile_ids(len(profiles.new))
        batch = Batch((), {})
        return plan_of(batch, moment, NO_EVENTS, swap.settled, latest, links, profiles, ids, cause="rebuild")

    async def _record(self, found: Sequence[Difference]) -> None:
        rows = [
            (
                *(one.table, one.name, one.change, one.account, one.request_id, one.eid),
                text({name: list(pair) for name, pair in one.columns}),
            )
            for one in found
        ]
        await self._connection.execute(
            query("rebuild_changed"), self._rebuild_id, *map(list, zip(*rows, strict=True))
        )

    async def _reclassify(self, now: Refolded) -> None:
        if now.words:
            await self._connection.execute(
                query("rebuild_reclassify"),
                *(self._rebuild_id, list(now.words)),
                *([words[column] for words in now.words.values()] for column in range(3)),
            )

    async def _remove(self, found: Sequence[Difference], portion: Portion) -> None:
        """Evidence that is replaced too: it may stand where it does not belong."""
        keys = [bytes.fromhex(one.name) for one in found if one.table == "evidence"]
        await self._connection.execute(query("rebuild_delete_evidence"), keys)
        links = set(portion.links) - portion.links_recorded()
        if links:
            await self._connection.execute(
                query("rebuild_delete_links"), *map(list, zip(*links, strict=True))
            )


def _intents_of(portion: Portion) -> set[Key]:
    return {Key(link.account, link.intent_id) for link in (*portion.links, *portion.links_recorded())}


def _requests_of(portion: Portion) -> dict[Key, bool]:
    """Also those that nothing was recorded of: their rows will go."""
    keys = portion.keys()
    named = [
        *((row.account, row.request_id) for row in portion.evidence),
        *((row.operation.account, row.operation.request_id) for row in portion.operations),
        *((link.account, link.request_id) for link in portion.links),
    ]
    for account, request_id in named:
        assert request_id is not None
        keys.setdefault(Key(account, request_id), False)
    return keys


def _alone(portion: Portion) -> dict[Key, bool]:
    keys = portion.keys()
    named = [
        *((row.account, row.intent_id) for row in portion.evidence),
        *((row.operation.account, row.operation.intent_id) for row in portion.operations),
    ]
    for account, intent_id in named:
        assert intent_id is not None
        keys.setdefault(Key(account, intent_id), False)
    return keys


def _of_lock_rows(portion: Portion) -> Sequence[Difference]:
    """Found before locking, which puts them right."""
    return [one for one in differences(portion, refolded(portion)) if one.table == "request"]


def _swap(portion: Portion, now: Refolded) -> _Swap:
    stored = {row.operation.operation_id: row for row in portion.operations}
    changed: list[Operation] = []
    before: dict[OperationId, Operation] = {}
    gone = [row.operation for name, row in stored.items() if name not in now.operations]
    for name, row in now.operations.items():
        was = stored[name].operation if name in stored else None
        if was == row:
            continue
        changed.append(row)
        if was is None:
            continue
        if all(getattr(was, column) == getattr(row, column) for column in _IDENTITY):
            before[name] = was
        else:
            gone.append(was)
    new = [row.operation_id for row in changed if row.operation_id not in before]
    return _Swap(Settled({}, tuple(changed), tuple(gone), before), new)


def _settled(swap: _Swap, now: Refolded) -> list[OperationId]:
    """Restored rows that need no look: a schedule that outlived the lost row must end."""
    return [name for name in swap.new if not is_open(now.operations[name])]


def _recorded_anew(changes: ProfileChanges, unrecorded: Iterable[StoredProfile]) -> ProfileChanges:
    """A profile that history does not say is written once more as it is, which gives it a new row there."""
    again = ((row, row.profile) for row in unrecorded)
    return ProfileChanges(changes.new, [*changes.changed, *again], changes.gone)
