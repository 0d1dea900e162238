"""What the product says it knows, read as an auditor would: through the `audit` views and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import asyncpg
from pydantic import TypeAdapter

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Event:
    event_id: str
    kind: str
    account: str
    request_id: str | None
    outcome: str
    flags: tuple[str, ...]
    partition: int
    offset: int
    body: str | None
    observed_at: datetime = EPOCH
    recorded_at: datetime = EPOCH

    @property
    def late_s(self) -> float:
        """From when it was first seen to when it was kept; below zero where it claims to be of the future."""
        return (self.recorded_at - self.observed_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy of an event that reached Kafka."""

    event_id: str
    attempt: int | None
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Operation:
    account: str
    request_id: str | None
    eid: str | None
    device: str | None
    iccid_target: str | None
    action: str | None
    state: str
    final: bool
    facts: frozenset[str]
    ordered_at: datetime = EPOCH


@dataclass(frozen=True, slots=True)
class Profile:
    account: str
    eid: str
    iccid: str | None
    bootstrap: bool
    state: str
    possible_states: frozenset[str]
    suspended: bool


@dataclass(frozen=True, slots=True)
class Quarantined:
    reason: str
    account: str | None
    request_id: str | None
    content: bytes
    copies: int


@dataclass(frozen=True, slots=True)
class Offset:
    topic: str
    partition: int
    next_offset: int
    last_event_id: str | None


@dataclass(frozen=True, slots=True)
class Ledger:
    events: tuple[Event, ...]
    copies: tuple[Copy, ...]
    operations: tuple[Operation, ...]
    profiles: tuple[Profile, ...]
    quarantine: tuple[Quarantined, ...]
    offsets: tuple[Offset, ...]

    def event(self, event_id: str) -> Event:
        """The one row of that id; AssertionError when there is none, or more."""
        found = [event for event in self.events if event.event_id == event_id]
        assert len(found) == 1, f"{len(found)} events {event_id}"
        return found[0]

    def of_request(self, request_id: str) -> tuple[Operation, ...]:
        return tuple(one for one in self.operations if one.request_id == request_id)


VIEWS: Mapping[str, str] = {
    "events": "select * from audit.events",
    "copies": "select * from audit.deliveries",
    "operations": "select * from audit.operations",
    "profiles": "select * from audit.profiles",
    "quarantine": "select *, bytes as content from audit.quarantine",
    "offsets": "select * from audit.offsets",
}
ROWS: Mapping[str, type] = {
    "events": Event,
    "copies": Copy,
    "operations": Operation,
    "profiles": Profile,
    "quarantine": Quarantined,
    "offsets": Offset,
}
LEDGER = TypeAdapter(Ledger)


async def read_ledger(dsn: str) -> Ledger:
    """One consistent picture."""
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            rows = {name: await _read(connection, name, query) for name, query in VIEWS.items()}
    finally:
        await connection.close(timeout=5)
    return LEDGER.validate_python(rows)


async def _read(connection: Connection, name: str, query: str) -> tuple[object, ...]:
    """Row by row: what a row is made of need not be in memory for all of them."""
    read = TypeAdapter[object](ROWS[name])
    return tuple([read.validate_python(dict(row)) async for row in connection.cursor(query, prefetch=1000)])
