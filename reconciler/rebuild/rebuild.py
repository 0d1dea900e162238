"""Folding the whole audit log again: requests, intents, what is neither, and at last the devices.

Each page is one moment of the database (a snapshot), in which the tables must be the fold of the events:
`run` writes an event together with all that follows from it. So nothing is reported that only was on its way,
and nothing is locked while looking. What differs is put right, where that is wanted, by a `Repair`, in a
transaction of its own that takes the locks that `run` takes and looks again.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, NamedTuple, Protocol

from reconciler.core.device import operations_by_device, profile_changes
from reconciler.core.operation import Operation
from reconciler.rebuild.difference import Difference, Table, history_differences, profile_differences
from reconciler.rebuild.reader import Devices, RebuildReader
from reconciler.rebuild.refold import Portion, Refolded, differences, refolded
from schemas.ids import Eid, OperationId

PAGE_ROWS: Final = 500
PROGRESS_EVERY_S: Final = 5.0
CORRECTIONS_MAX: Final = 20_000
"""Operations that may differ before a check stops short of the devices, whose profiles follow from them."""


class Repair(Protocol):
    """Looks again under the locks, puts right what still differs, and gives it back."""

    async def requests(self, ids: Sequence[str]) -> Sequence[Difference]: ...

    async def intents(self, ids: Sequence[str]) -> Sequence[Difference]: ...

    async def unmatched(self, after: bytes, until: bytes) -> Sequence[Difference]: ...

    async def devices(self, eids: Sequence[str]) -> Sequence[Difference]: ...


@dataclass(slots=True)
class Report:
    """What was folded and what differs; of the differences the first `named_max` by name."""

    named_max: int
    events: int = 0
    requests: int = 0
    intents: int = 0
    devices: int = 0
    named: list[Difference] = field(default_factory=list)
    by_table: Counter[Table] = field(default_factory=Counter)
    devices_left_out: bool = False
    """Too many operations differ for a comparison of the profiles that follow from them."""

    @property
    def total(self) -> int:
        return self.by_table.total()

    def add(self, found: Iterable[Difference]) -> None:
        for difference in found:
            self.by_table[difference.table] += 1
            if len(self.named) < self.named_max:
                self.named.append(difference)


class Correction(NamedTuple):
    """An operation as it stands and as it must be; None where there is no row."""

    stored: Operation | None
    expected: Operation | None


class Corrections:
    """A check changes nothing, so profiles are compared with what operations must be, not what they are."""

    def __init__(self) -> None:
        self._by_id: dict[OperationId, Correction] = {}
        self._of_eid: dict[str, set[OperationId]] = {}

    @property
    def too_many(self) -> bool:
        return len(self._by_id) > CORRECTIONS_MAX

    def note(self, portion: Portion, now: Refolded) -> None:
        stored = {row.operation.operation_id: row.operation for row in portion.operations}
        for name in stored.keys() | now.operations.keys():
            was, row = stored.get(name), now.operations.get(name)
            if was != row and not self.too_many:
                self._by_id[name] = Correction(was, row)
                for eid in {one.eid for one in (was, row) if one is not None and one.eid is not None}:
                    self._of_eid.setdefault(eid, set()).add(name)

    def applied(self, eids: Collection[str], devices: Devices) -> dict[Eid, list[Operation]]:
        """A row that `run` has written since counts as it is now: it was folded anew."""
        stored = {row.operation.operation_id: row.operation for row in devices.operations}
        names = {name for eid in eids for name in self._of_eid.get(eid, ())}
        standing = [
            self._by_id[name] for name in names if stored.get(name) in (self._by_id[name].stored, None)
        ]
        return operations_by_device(
            stored.values(),
            [correction.expected for correction in standing if correction.expected is not None],
            [correction.stored for correction in standing if correction.stored is not None],
        )


class Rebuild:
    """One walk through the audit log. Without `repair` it only looks."""

    def __init__(
        self,
        reader: RebuildReader,
        snapshot: Callable[[], AbstractAsyncContextManager[object]],
        repair: Repair | None,
        report: Report,
        say: Callable[[str], None],
    ) -> None:
        self._reader = reader
        self._snapshot = snapshot
        self._repair = repair
        self._report = report
        self._say = say
        self._corrections = Corrections()
        self._total = 0
        self._said_at = monotonic()

    async def run(self) -> None:
        self._total = await self._reader.events()
        repair = self._repair
        async for found in self._requests():
            await self._found(found, repair.requests if repair else None)
        async for found in self._intents():
            await self._found(found, repair.intents if repair else None)
        await self._unmatched()
        if self._corrections.too_many:
            self._report.devices_left_out = True
            return
        async for found in self._devices():
            await self._found(found, repair.devices if repair else None)

    async def _requests(self) -> AsyncIterator[Sequence[Difference]]:
        after = ""
        while True:
            async with self._snapshot():
                ids = await self._reader.request_ids(after, PAGE_ROWS)
                portion = await self._reader.requests(ids) if ids else None
            if portion is None:
                return
            after = ids[-1]
            self._report.requests += len(portion.keys())
            self._report.events += sum(event.first.request_id is not None for event in portion.recorded)
            yield self._compared(portion)

    async def _intents(self) -> AsyncIterator[Sequence[Difference]]:
        after = ""
        while True:
            async with self._snapshot():
                ids = await self._reader.intent_ids(after, PAGE_ROWS)
                portion = await self._reader.intents(ids) if ids else None
            if portion is None:
                return
            after = ids[-1]
            self._report.intents += len(portion.keys())
            self._report.events += len(portion.recorded)
            yield self._compared(portion)

    async def _unmatched(self) -> None:
        after = b""
        while True:
            async with self._snapshot():
                keys = await self._reader.unmatched_keys(after, PAGE_ROWS)
                portion = await self._reader.unmatched(after, keys[-1]) if keys else None
            if portion is None:
                return
            self._report.events += len(portion.recorded)
            found = self._compared(portion)
            if found and self._repair is not None:
                found = await self._repair.unmatched(after, keys[-1])
            self._report.add(found)
            after = keys[-1]

    async def _devices(self) -> AsyncIterator[Sequence[Difference]]:
        after = ""
        while True:
            async with self._snapshot():
                eids = await self._reader.eids(after, PAGE_ROWS)
                devices = await self._reader.devices(eids) if eids else None
            if devices is None:
                return
            after = eids[-1]
            self._report.devices += len(eids)
            operations = self._corrections.applied(eids, devices)
            changes = profile_changes(map(Eid, eids), operations, devices.profiles)
            self._progress()
            yield [
                *profile_differences(changes),
                *history_differences(changes, devices.profiles, devices.recorded),
            ]

    def _compared(self, portion: Portion) -> Sequence[Difference]:
        now = refolded(portion)
        found = differences(portion, now)
        if found and self._repair is None:
            self._corrections.note(portion, now)
        self._progress()
        return found

    async def _found(
        self,
        found: Sequence[Difference],
        repair: Callable[[Sequence[str]], Awaitable[Sequence[Difference]]] | None,
    ) -> None:
        if found and repair is not None:
            found = await repair(sorted({difference.unit for difference in found}))
        self._report.add(found)

    def _progress(self) -> None:
        if monotonic() - self._said_at < PROGRESS_EVERY_S:
            return
        self._said_at = monotonic()
        report = self._report
        self._say(
            f"folded {report.events} of {self._total} events: {report.requests} requests, {report.intents} "
            f"intents, {report.devices} devices; {report.total} differences"
        )
