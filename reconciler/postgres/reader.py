"""`reconciler.core.decide.Reader` on one asyncpg connection inside a transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from reconciler.core.decide import StoredOperation
from reconciler.core.device import StoredProfile
from reconciler.core.evidence import Evidence
from reconciler.core.operation import Operation
from reconciler.core.profile import Profile
from reconciler.core.scope import Key, Known, Reading
from reconciler.queries import query
from schemas.ids import Eid

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]
    Record = asyncpg.Record

IDS_AT_ONCE: Final = 1000
"""The step of the sequence `ledger.profile_id`."""


class ProfileIds:
    """Takes ids by the thousand; what a rolled back transaction took stays for the next."""

    def __init__(self) -> None:
        self._free: list[int] = []

    async def take(self, connection: "Connection", count: int) -> Sequence[int]:
        while len(self._free) < count:
            first: int = await connection.fetchval(query("next_profile_ids"))
            self._free.extend(range(first, first + IDS_AT_ONCE))
        taken, self._free = self._free[:count], self._free[count:]
        return taken


class PostgresReader:
    def __init__(self, connection: "Connection", profile_ids: ProfileIds) -> None:
        self.connection = connection
        self._profile_ids = profile_ids

    async def lock_intents(self, wanted: Mapping[Key, bool]) -> Mapping[Key, Known]:
        existing = await self._lock("intent", wanted)
        return await self._known("read_intents", existing)

    async def lock_requests(self, wanted: Mapping[Key, bool]) -> Mapping[Key, Known]:
        existing = await self._lock("request", wanted)
        return await self._known("read_requests", existing)

    async def _lock(self, scope: str, wanted: Mapping[Key, bool]) -> list[Key]:
        """Those that may have been there.

        A row that came back because it had to change looks like a new one that names no EID, so these count
        as existing too.
        """
        if not wanted:
            return []
        keys = sorted(wanted)
        made = await self.connection.fetch(
            query("lock_requests"), scope, *_columns(keys, 2), [wanted[key] for key in keys]
        )
        new = {(account, key) for account, key, eidless in made if not eidless}
        return [key for key in keys if key not in new]

    async def _known(self, name: str, keys: Sequence[Key]) -> dict[Key, Known]:
        if not keys:
            return {}
        rows = await self.connection.fetch(query(name), *_columns(keys, 2))
        return {
            Key(account, key): Known(eidless, frozenset(linked)) for account, key, eidless, linked in rows
        }

    async def evidence(self, reading: Reading, keys: Collection[bytes]) -> Sequence[Evidence]:
        if not reading and not keys:
            return ()
        rows = await self.connection.fetch(query("read_evidence"), *_asked(reading), sorted(keys))
        return [Evidence._make(row) for row in rows]

    async def operations(self, reading: Reading) -> Sequence[StoredOperation]:
        if not reading:
            return ()
        return [
            stored_operation(row)
            for row in await self.connection.fetch(query("read_operations"), *_asked(reading))
        ]

    async def lock_devices(self, eids: Collection[Eid]) -> Collection[Eid]:
        if not eids:
            return ()
        made = await self.connection.fetch(query("lock_devices"), sorted(eids))
        return sorted(set(eids).difference(map(itemgetter(0), made)))

    async def device_operations(self, eids: Collection[Eid]) -> Sequence[StoredOperation]:
        if not eids:
            return ()
        return [
            stored_operation(row)
            for row in await self.connection.fetch(query("read_device_operations"), eids)
        ]

    async def device_profiles(self, eids: Collection[Eid]) -> Sequence[StoredProfile]:
        if not eids:
            return ()
        return [
            stored_profile(row) for row in await self.connection.fetch(query("read_device_profiles"), eids)
        ]

    async def profile_ids(self, count: int) -> Sequence[int]:
        return await self._profile_ids.take(self.connection, count)


def _columns(rows: Iterable[Sequence[object]], width: int) -> list[list[object]]:
    """Rows as the arrays that `unnest` takes."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    return columns or [[] for _ in range(width)]


def _asked(reading: Reading) -> list[list[object]]:
    """The first ten arguments of `read_evidence` and `read_operations`."""
    return [
        *_columns(reading.requests, 2),
        *_columns(((*key, eid) for key, eid in reading.requests_in_part), 3),
        *_columns(reading.intents, 2),
        *_columns(((*key, eid) for key, eid in reading.intents_in_part), 3),
    ]


def stored_operation(row: "Record") -> StoredOperation:
    *values, version = row
    values[0] = str(values[0])
    for column in _OPERATION_ARRAYS:
        values[column] = tuple(values[column])
    return StoredOperation(Operation._make(values), version)


def stored_profile(row: "Record") -> StoredProfile:
    number, version, *values = row
    values[_POSSIBLE_STATES] = tuple(values[_POSSIBLE_STATES])
    values[-1] = str(values[-1])
    return StoredProfile(number, version, Profile._make(values))


_OPERATION_ARRAYS: Final = tuple(
    Operation._fields.index(name) for name in ("facts", "success_iccids", "due_reasons")
)
_POSSIBLE_STATES: Final = Profile._fields.index("possible_states")
