"""The audit commands' queries: views of schema `audit` in, values out.

Short questions are answered from one moment (a read-only snapshot); long ones go in keyset pages, each its
own transaction, so that hours of reading hold back no vacuum.
"""

import heapq
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from reconciler.audit.stories import (
    DeviceStory,
    EventFilter,
    RequestStory,
    Row,
    Value,
    request_story,
)
from reconciler.audit.verify import ChainCheck, ChainHead, Fault, Link
from reconciler.core.chain import COLUMNS, GENESIS
from reconciler.core.evidence import Evidence
from reconciler.queries import query

if TYPE_CHECKING:
    import asyncpg

    from reconciler.postgres.admin import Session

EVENTS_PAGE = 100
CHAIN_PAGE = 500


@dataclass(frozen=True, slots=True)
class ChainResult:
    """`head` and `events` as far as the chain was found whole; `fault` is its first break."""

    partition: int
    events: int
    head: bytes
    fault: Fault | None


class AuditReader:
    """Borrows a session; one question at a time."""

    def __init__(self, connection: "Session") -> None:
        self._connection = connection

    async def request(self, request_id: str) -> RequestStory | None:
        """None where nothing is known of it."""
        async with self._connection.transaction(isolation="repeatable_read", readonly=True):
            events = await self._rows("audit_request_events", request_id)
            operations = await self._rows("audit_request_operations", request_id)
            if not events and not operations:
                return None
            evidence = await self._connection.fetch(query("audit_request_evidence"), request_id)
            ids = [bytes.fromhex(str(event["event_id"])) for event in events]
            deliveries = await self._rows("audit_event_deliveries", ids)
        return request_story(request_id, operations, events, [_evidence(row) for row in evidence], deliveries)

    async def device(self, eid: str) -> DeviceStory:
        async with self._connection.transaction(isolation="repeatable_read", readonly=True):
            return DeviceStory(
                eid,
                await self._rows("audit_device_profiles", eid),
                await self._rows("audit_device_operations", eid),
                await self._rows("audit_device_history", eid),
            )

    async def as_of(self, eid: str, at: datetime) -> tuple[Row, ...]:
        """The profiles as they were recorded at that time; none where nothing was known of the EID yet."""
        return await self._rows("audit_device_as_of", eid, at)

    async def events(self, wanted: EventFilter) -> AsyncIterator[Row]:
        """In order of recording; the partitions' pages are merged, so memory holds a page of each."""
        partitions = await self._connection.fetch(query("audit_event_partitions"))
        streams = [self._events_of(row["partition"], wanted) for row in partitions]
        waiting: list[tuple[datetime, int, Row]] = []
        for index, stream in enumerate(streams):
            await _push(waiting, index, stream)
        left = wanted.limit
        while waiting and left != 0:
            _, index, event = heapq.heappop(waiting)
            yield event
            await _push(waiting, index, streams[index])
            left = None if left is None else left - 1

    async def _events_of(self, partition: int, wanted: EventFilter) -> AsyncIterator[Row]:
        size = EVENTS_PAGE if wanted.limit is None else min(EVENTS_PAGE, wanted.limit)
        position, filters = 0, _filters(wanted)
        while True:
            page = await self._rows("audit_events_page", partition, position, *filters, size)
            for event in page:
                yield event
            if len(page) < size:
                return
            last = page[-1]["chain_position"]
            assert isinstance(last, int)
            position = last

    async def overdue(self, account: str | None, limit: int | None) -> AsyncIterator[Row]:
        """Operations without a final answer, the oldest first, in pages."""
        seen_at, seen_id, left = None, None, limit
        while left is None or left > 0:
            size = EVENTS_PAGE if left is None else min(EVENTS_PAGE, left)
            page = await self._rows("audit_overdue", account, seen_at, seen_id, size)
            for row in page:
                yield row
            if len(page) < size:
                return
            seen_at, seen_id = page[-1]["first_seen_at"], page[-1]["operation_id"]
            left = None if left is None else left - size

    async def verify(self) -> AsyncIterator[ChainResult]:
        """Each chain up to the length it had when this began; the reconciler may go on writing meanwhile."""
        for row in await self._connection.fetch(query("audit_chain_heads")):
            head = bytes.fromhex(row["head"]) if row["head"] is not None else GENESIS
            stored = ChainHead(
                row["partition"], row["events"], head, row["first_position"], row["last_position"]
            )
            check = ChainCheck(stored)
            fault = await self._first_fault(stored, check)
            yield ChainResult(stored.partition, check.position, check.head, fault)

    async def _first_fault(self, stored: ChainHead, check: ChainCheck) -> Fault | None:
        for start in range(0, stored.events, CHAIN_PAGE):
            end = min(start + CHAIN_PAGE, stored.events)
            page = await self._connection.fetch(
                query("audit_chain_page"), stored.partition, start, end, CHAIN_PAGE + 1
            )
            fault = check.feed([_link(row) for row in page])
            if fault is not None:
                return fault
        return check.finish()

    async def _rows(self, name: str, *arguments: object) -> tuple[Row, ...]:
        return tuple(dict(row) for row in await self._connection.fetch(query(name), *arguments))


async def _push(waiting: list[tuple[datetime, int, Row]], index: int, stream: AsyncIterator[Row]) -> None:
    event = await anext(stream, None)
    if event is not None:
        recorded_at = event["recorded_at"]
        assert isinstance(recorded_at, datetime)
        heapq.heappush(waiting, (recorded_at, index, event))


def _filters(wanted: EventFilter) -> tuple[Value, ...]:
    return (
        wanted.account,
        wanted.eid,
        wanted.iccid,
        wanted.request_id,
        wanted.signal,
        wanted.since,
        wanted.until,
    )


def _link(row: "asyncpg.Record") -> Link:
    return Link(
        position=row["chain_position"],
        offset=row["offset"],
        event_id=row["event_id"].hex(),
        values=[row[column] for column in COLUMNS],
        body_digest=row["body_digest"],
        chain_hash=row["chain_hash"],
        body_salt=row["body_salt"],
        body=row["body"],
    )


def _evidence(row: "asyncpg.Record") -> Evidence:
    values = dict(row)
    return Evidence(key=values.pop("evidence_key"), **values)
