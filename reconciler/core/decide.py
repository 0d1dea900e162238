"""Deciding about a batch: what to lock and read, in which order, and the plan that follows.

The steps are pure functions of other modules; this one only asks the reader between them. It runs inside the
transaction, so what was locked stays as it was read.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from reconciler.core.batch import Arrived, Batch
from reconciler.core.device import ProfileChanges, StoredProfile, operations_by_device, profile_changes
from reconciler.core.evidence import Evidence
from reconciler.core.operation import Operation
from reconciler.core.outbox import latest_by_key
from reconciler.core.plan import Moment, Plan, plan_of
from reconciler.core.scope import Key, Known, Reading, Scope, concern_of, scope_of, with_requests_of_intents
from reconciler.core.settle import UNMATCHED, Settled, Told, settle, told
from schemas.ids import Eid


class StoredOperation(NamedTuple):
    operation: Operation
    version: int


class Reader(Protocol):
    """The reading side of one transaction. Rows that it locks stay locked until the end."""

    async def lock_intents(self, wanted: Mapping[Key, bool]) -> Mapping[Key, Known]:
        """Makes or locks their rows; gives back those that may have been there."""
        ...

    async def lock_requests(self, wanted: Mapping[Key, bool]) -> Mapping[Key, Known]:
        """The same for requests."""
        ...

    async def evidence(self, reading: Reading, keys: Collection[bytes]) -> Sequence[Evidence]:
        """The rows of a reading, and those with these keys; some may come twice."""
        ...

    async def operations(self, reading: Reading) -> Sequence[StoredOperation]: ...

    async def lock_devices(self, eids: Collection[Eid]) -> Collection[Eid]:
        """Makes or locks their rows; gives back those that were there."""
        ...

    async def device_operations(self, eids: Collection[Eid]) -> Sequence[StoredOperation]: ...

    async def device_profiles(self, eids: Collection[Eid]) -> Sequence[StoredProfile]: ...

    async def profile_ids(self, count: int) -> Sequence[int]:
        """Ids that no row has or will have."""
        ...


async def decide(batch: Batch, reader: Reader, moment: Moment) -> Plan:
    """The plan for a batch whose offset rows are locked and fit."""
    arrived = [item for item in batch.items if isinstance(item, Arrived)]
    scope = await _locked_scope([item.evidence for item in arrived], reader)
    keys = {item.evidence.key for item in arrived}
    story = told(arrived, await reader.evidence(scope.evidence(), keys))
    stored = await reader.operations(scope.operations())
    settled = _with_unmatched(story, settle(scope, story, (row.operation for row in stored)))
    profiles, of_devices = await _profiles(settled, reader)
    return plan_of(
        batch,
        moment,
        story,
        settled,
        latest_by_key((*stored, *of_devices)),
        scope.links,
        profiles,
        await reader.profile_ids(len(profiles.new)),
    )


async def _locked_scope(evidence: Sequence[Evidence], reader: Reader) -> Scope:
    """Intents first: while they are locked, nobody gives them another request."""
    concern = concern_of(evidence)
    known_intents = await reader.lock_intents(concern.intents)
    concern = with_requests_of_intents(concern, known_intents)
    known_requests = await reader.lock_requests(concern.requests)
    return scope_of(evidence, concern, known_intents, known_requests)


def _with_unmatched(story: Told, settled: Settled) -> Settled:
    """An event that names neither a request nor an intent is in no unit."""
    notes = {item.evidence.key: settled.notes.get(item.evidence.key, UNMATCHED) for item in story.fresh}
    return Settled(notes, settled.changed, settled.gone, settled.before)


async def _profiles(settled: Settled, reader: Reader) -> tuple[ProfileChanges, Sequence[StoredOperation]]:
    """With the stored operations of the devices concerned."""
    eids = _eids(settled.changed) | _eids(settled.gone)
    existing = await reader.lock_devices(eids)
    stored = await reader.device_operations(existing)
    operations = operations_by_device((row.operation for row in stored), settled.changed, settled.gone)
    return profile_changes(sorted(eids), operations, await reader.device_profiles(existing)), stored


def _eids(operations: Iterable[Operation]) -> set[Eid]:
    return {operation.eid for operation in operations if operation.eid is not None}
