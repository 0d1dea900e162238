"""What the tables hold, without what depends on the order of arrival, and what the core says they should."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from reconciler.core.batch import Arrived
from reconciler.core.evidence import Evidence, merged
from reconciler.core.identity import gathered
from reconciler.core.operation import fold_request
from reconciler.core.profile import fold_device
from reconciler.core.schedule import is_open
from reconciler.decode import event_item
from tests.integration.reconciler.desk import Consumed
from tests.support.database import Database

if TYPE_CHECKING:
    import asyncpg

Rows = Mapping[str, list[tuple[object, ...]]]

STATEMENTS = {
    "evidence": "select * from ledger.evidence",
    "operation": "select * from ledger.operation",
    "profile": "select * from ledger.profile",
    "open": "select operation_id from ledger.poll where next_poll_at is not null",
    "event": "select event_id from ledger.event",
    "delivery": 'select event_id, partition, "offset", attempt, observed_at from ledger.delivery',
    "current": (
        "select eid, iccid, bootstrap, state, since, operation_id from ledger.profile_history"
        " where recorded_until is null"
    ),
}
LEFT_OUT = {"version", "profile_id"}


async def rows_of(database: Database) -> Rows:
    """By table, sorted."""
    async with database.connect() as connection:
        return {
            name: sorted(
                (_plain(row) for row in await connection.fetch(statement)),
                key=repr,
            )
            for name, statement in STATEMENTS.items()
        }


def _plain(row: "asyncpg.Record") -> tuple[object, ...]:
    return tuple(_value(value) for name, value in row.items() if name not in LEFT_OUT)


def _value(value: object) -> object:
    if isinstance(value, list):
        return tuple(value)
    return str(value) if type(value).__name__ == "UUID" else value


def folded(consumed: Iterable[Consumed]) -> Rows:
    """What the same records come to when the core folds all of them at once."""
    arrived = [item for item in map(event_item, consumed) if isinstance(item, Arrived)]
    evidence: dict[bytes, Evidence] = {}
    for item in arrived:
        row = item.evidence
        evidence[row.key] = merged(evidence[row.key], row) if row.key in evidence else row
    operations = [
        operation
        for rows in gathered(evidence.values()).values()
        for operation in fold_request(rows).operations
    ]
    eids = {operation.eid for operation in operations if operation.eid is not None}
    profiles = [
        profile
        for eid in eids
        for profile in fold_device(operation for operation in operations if operation.eid == eid)
    ]
    found: dict[str, list[tuple[object, ...]]] = {
        "evidence": [*evidence.values()],
        "operation": [*operations],
        "profile": [*profiles],
        "open": [(operation.operation_id,) for operation in operations if is_open(operation)],
        "event": [(bytes.fromhex(identity),) for identity in {item.identity for item in arrived}],
        "delivery": [_delivery(item) for item in arrived],
        "current": [(p.eid, p.iccid, p.bootstrap, p.state, p.since, p.operation_id) for p in profiles],
    }
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


def _delivery(item: Arrived) -> tuple[object, ...]:
    row = item.evidence
    return (bytes.fromhex(item.identity), item.place.partition, item.offset, row.attempt, row.observed_at)
