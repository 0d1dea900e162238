"""The `--json` shapes of interfaces.md 6: one document, or one row a line."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

import orjson

from reconciler.audit.reading import ChainResult
from reconciler.audit.stories import DeviceStory, EventStory, RequestStory, Row
from schemas.event import rfc3339

Document = Mapping[str, object]


def request_document(story: RequestStory) -> Document:
    """Beside the promised members: `unmatched` events, and each event's `deliveries`."""
    return {
        "request_id": story.request_id,
        "operations": [
            {**told.operation, "events": [_event_told(event) for event in told.events]}
            for told in story.operations
        ],
        "unmatched": [_event_told(event) for event in story.unmatched],
    }


def device_document(story: DeviceStory) -> Document:
    return {
        "eid": story.eid,
        "profiles": story.profiles,
        "operations": story.operations,
        "history": story.history,
    }


def as_of_document(eid: str, at: datetime, profiles: Iterable[Row]) -> Document:
    return {"eid": eid, "at": at, "profiles": list(profiles)}


def event_document(event: Row) -> Document:
    """The body stands in it as JSON, not as text."""
    body = event["body"]
    return {**event, "body": orjson.Fragment(body) if isinstance(body, str) else None}


def verify_document(chains: Iterable[ChainResult]) -> Document:
    found = list(chains)
    faults = [chain.fault for chain in found if chain.fault is not None]
    return {
        "ok": not faults,
        "chains": [
            {"partition": chain.partition, "events": chain.events, "head": chain.head} for chain in found
        ],
        "faults": faults,
    }


def _event_told(story: EventStory) -> Document:
    deliveries = [
        {name: value for name, value in delivery.items() if name != "event_id"}
        for delivery in story.deliveries
    ]
    return {**event_document(story.event), "deliveries": deliveries}


def text(document: Document) -> str:
    """One line; times in UTC with microseconds, bytes in hex."""
    return orjson.dumps(document, default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"no JSON for {type(value).__name__}")
