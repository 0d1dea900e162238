"""What the audit commands find, as values: rows of the `audit` views, put together but not changed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from reconciler.core.evidence import KEY_BYTES, Evidence
from reconciler.core.operation import fold_request
from schemas.ids import OperationId

Value = str | int | bytes | datetime | UUID | list[str] | None
Row = Mapping[str, Value]
"""One row of a view by its column names."""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """None lets everything through. `since` is included, `until` is not; both are times of recording."""

    account: str | None = None
    eid: str | None = None
    iccid: str | None = None
    request_id: str | None = None
    signal: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class EventStory:
    event: Row
    deliveries: tuple[Row, ...]
    """Every copy that reached Kafka, first received first."""


@dataclass(frozen=True, slots=True)
class OperationStory:
    operation: Row
    events: tuple[EventStory, ...]


@dataclass(frozen=True, slots=True)
class RequestStory:
    """`unmatched`: events of the request that belong to none of its operations."""

    request_id: str
    operations: tuple[OperationStory, ...]
    unmatched: tuple[EventStory, ...]


@dataclass(frozen=True, slots=True)
class DeviceStory:
    eid: str
    profiles: tuple[Row, ...]
    operations: tuple[Row, ...]
    history: tuple[Row, ...]

    @property
    def known(self) -> bool:
        return bool(self.profiles or self.operations or self.history)


def request_story(
    request_id: str,
    operations: Sequence[Row],
    events: Sequence[Row],
    evidence: Sequence[Evidence],
    deliveries: Sequence[Row],
) -> RequestStory:
    """Puts each event under the operations that it belongs to, computed from the whole set as the reconciler
    does: the operation noted in the event is only what was known when it arrived.
    """
    belongs = dict(_belonging(evidence))
    copies = _by_event(deliveries)
    told = [(event, EventStory(event, copies.get(event["event_id"], ()))) for event in events]
    owners = {id(story): _owners(event, belongs) for event, story in told}
    known = {str(operation["operation_id"]) for operation in operations}
    return RequestStory(
        request_id,
        tuple(
            OperationStory(
                operation,
                tuple(story for _, story in told if str(operation["operation_id"]) in owners[id(story)]),
            )
            for operation in operations
        ),
        tuple(story for _, story in told if known.isdisjoint(owners[id(story)])),
    )


def _belonging(evidence: Sequence[Evidence]) -> Iterator[tuple[bytes, tuple[OperationId, ...]]]:
    for _, of_account in groupby(evidence, key=lambda row: row.account):
        yield from fold_request(of_account).belongs.items()


def _owners(event: Row, belongs: Mapping[bytes, tuple[OperationId, ...]]) -> frozenset[str]:
    event_id = event["event_id"]
    assert isinstance(event_id, str)
    return frozenset(belongs.get(bytes.fromhex(event_id)[:KEY_BYTES], ()))


def _by_event(deliveries: Iterable[Row]) -> Mapping[Value, tuple[Row, ...]]:
    found: dict[Value, list[Row]] = {}
    for delivery in deliveries:
        found.setdefault(delivery["event_id"], []).append(delivery)
    return {event_id: tuple(rows) for event_id, rows in found.items()}
