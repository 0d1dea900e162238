"""Kafka records: keys, CloudEvents headers, and reading back what others may have written.

Headers are CloudEvents 1.0 binary mode. `ce_source` names the product, not the process: two copies of one
callback, taken by two receivers, are one CloudEvent.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, Literal, NamedTuple

import orjson
from pydantic import TypeAdapter, ValidationError

from schemas.callback import Callback, Familiar
from schemas.canonical import surveyed
from schemas.event import callback_event, event_id_of, event_key
from schemas.eventid import callback_event_id
from schemas.eventshape import CallbackEvent, DecisionEvent, Event, PollEvent, RequestEvent, rfc3339
from schemas.ids import AccountName, EventId, RequestId
from schemas.names import Json, JsonObject
from schemas.partition import partition_of
from schemas.quarantine import QuarantineEntry
from schemas.reading import Refusal, read_exactly
from schemas.topics import TOPIC_SPECS, Topics, TopicSpec

__all__ = [
    "TOPIC_SPECS",
    "Headers",
    "QuarantineEntry",
    "Record",
    "TopicSpec",
    "Topics",
    "Undecodable",
    "callback_record",
    "decode_event",
    "decode_quarantine",
    "event_record",
    "partition_of",
    "quarantine_record",
    "record_of",
]

Headers = tuple[tuple[str, bytes], ...]

CE_SOURCE: Final = "/profile-ledger"
QUARANTINE_CE_TYPE: Final = "profile.quarantine.v1"
_FIXED: Final[Headers] = (
    ("ce_specversion", b"1.0"),
    ("ce_source", CE_SOURCE.encode()),
    ("content-type", b"application/json"),
)
_CE_TYPES: Final = {
    "callback": CallbackEvent.ce_type,
    "poll": PollEvent.ce_type,
    "request": RequestEvent.ce_type,
    "decision": DecisionEvent.ce_type,
}


class Record(NamedTuple):
    """One Kafka record; a null value is a tombstone."""

    topic: str
    key: bytes
    value: bytes | None
    headers: Headers

    @property
    def ce_id(self) -> bytes:
        """Of an event its id. Raises IndexError where `ce_headers` did not make the headers."""
        return self.headers[len(_FIXED)][1]


@dataclass(frozen=True, slots=True)
class Undecodable:
    """A record that cannot be used: why, and for people what exactly. Never holds what it said."""

    reason: Literal["empty", "not_json", "not_object", "unknown_kind", "invalid", "unscrubbed", "wrong_id"]
    detail: str


def event_record(
    topics: Topics,
    event_id: EventId,
    value: bytes,
    *,
    key: bytes,
    ce_type: str,
    subject: str | None,
    time: datetime,
) -> Record:
    """An event's record. `subject` is the EID, where there is one."""
    return Record(topics.events, key, value, ce_headers(event_id, ce_type, subject, time))


def ce_headers(ce_id: str, ce_type: str, subject: str | None, time: datetime) -> Headers:
    told = ("ce_id", ce_id.encode()), ("ce_type", ce_type.encode()), ("ce_time", rfc3339(time).encode())
    return (*_FIXED, *told, ("ce_subject", subject.encode())) if subject else (*_FIXED, *told)


def callback_record(
    topics: Topics,
    callback: Callback | Familiar,
    *,
    account: AccountName,
    service: str,
    source_ip: str | None,
    observed_at: datetime,
    producer: str,
    extra_flags: Iterable[str] = (),
) -> Record:
    """The record of one callback, in one step."""
    event_id, value = callback_event(
        callback,
        account=account,
        service=service,
        source_ip=source_ip,
        observed_at=observed_at,
        producer=producer,
        extra_flags=extra_flags,
    )
    key = callback.eid or callback.request_id or event_id
    headers = ce_headers(event_id, CallbackEvent.ce_type, callback.eid, observed_at)
    return Record(topics.events, key.encode(), value, headers)


def record_of(topics: Topics, event: Event) -> Record:
    """The record of an event that is a model already."""
    headers = ce_headers(event.event_id, event.ce_type, event.eid, event.observed_at)
    return Record(topics.events, event_key(event), event.to_json(), headers)


_EVENT: Final[TypeAdapter[Event]] = TypeAdapter(Event)


def decode_event(value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()) -> Event | Undecodable:
    """The event in a record of `profile.events.v1`, checked against its own id."""
    if value is None:
        return Undecodable("empty", "a tombstone")
    members = _object_of(value)
    if isinstance(members, Undecodable):
        return members
    kind = members.get("kind")
    ce_type = _CE_TYPES.get(kind) if isinstance(kind, str) else None
    said = {value for name, value in headers if name == "ce_type"}
    if ce_type is None or not said <= {ce_type.encode()}:
        return Undecodable("unknown_kind", "a kind or version of event that this program does not know")
    return _decode_callback(members, value) if kind == "callback" else _decode_other(members, value)


def _object_of(value: bytes) -> JsonObject | Undecodable:
    try:
        members: Json = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        return Undecodable("not_json", str(error))
    if not isinstance(members, dict):
        return Undecodable("not_object", "the value is JSON, but not an object")
    if b"\\" in value and any(_holds_nul(said) for name, said in members.items() if name != "body"):
        return Undecodable("invalid", "a text outside the body holds NUL, which no database text can")
    return members


def _holds_nul(value: Json) -> bool:
    """Not by calling itself: others may nest a value deeper than our own stack."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str) and "\x00" in one:
            return True
        if isinstance(one, list | dict):
            left.extend(one.values() if isinstance(one, dict) else one)
    return False


def _decode_callback(members: JsonObject, value: bytes) -> Event | Undecodable:
    body = members.get("body")
    if not isinstance(body, dict):
        return Undecodable("invalid", "body: not an object")
    canonical, survey = surveyed(body)
    if survey.exact:
        reread = read_exactly(value)
        body = reread.get("body") if isinstance(reread, dict) else None
        if not isinstance(reread, dict) or not isinstance(body, dict):
            return Undecodable("not_json", "a member that decides stands there twice")
        members = reread
        canonical, survey = surveyed(body)
    if survey.colons_dropped or survey.too_deep:
        return Undecodable("unscrubbed", "body: holds what no event may hold")
    event = _validated(members)
    if isinstance(event, Undecodable):
        return event
    return _with_id(event, callback_event_id(event.account, canonical))


def _decode_other(members: JsonObject, value: bytes) -> Event | Undecodable:
    exact = read_exactly(value) if "body" in members else members
    if isinstance(exact, Refusal):
        return Undecodable("not_json", exact.reason)
    assert isinstance(exact, dict)
    event = _validated(exact)
    return event if isinstance(event, Undecodable) else _with_id(event, event_id_of(event))


def _validated(members: JsonObject) -> Event | Undecodable:
    try:
        return _EVENT.validate_python(members)
    except ValidationError as error:
        return Undecodable("invalid", first_fault(error))


def _with_id(event: Event, computed: EventId) -> Event | Undecodable:
    if event.event_id != computed:
        return Undecodable("wrong_id", "event_id is not the digest of what the event says")
    return event


def first_fault(error: ValidationError) -> str:
    """Where and what, without the value."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(str(place) for place in fault['loc'])}: {fault['msg']}"


def quarantine_record(
    topics: Topics,
    *,
    reason: str,
    account: AccountName | None,
    request_id: RequestId | None,
    source_ip: str | None,
    observed_at: datetime,
    producer: str,
    kept: bytes,
    length: int,
    service: str | None = None,
    error: str | None = None,
) -> Record:
    """The record of something unusable.

    `kept` is scrubbed already, and empty where nothing may be kept; `length` is that of the original.
    """
    digest = sha256(kept or orjson.dumps([request_id, length])).hexdigest()
    entry = QuarantineEntry(
        reason=reason,
        account=account,
        service=service,
        request_id=request_id,
        source=source_ip,
        observed_at=observed_at.astimezone(UTC),
        producer=producer,
        length=length,
        digest=digest,
        error=error,
        bytes_base64=b64encode(kept).decode(),
    )
    headers = ce_headers(digest, QUARANTINE_CE_TYPE, None, observed_at)
    return Record(topics.quarantine, (request_id or digest).encode(), entry.to_json(), headers)


def decode_quarantine(value: bytes | None) -> QuarantineEntry | Undecodable:
    """The entry in a record of `profile.quarantine.v1`."""
    if value is None:
        return Undecodable("empty", "a tombstone")
    members = _object_of(value)
    if isinstance(members, Undecodable):
        return members
    try:
        return QuarantineEntry.model_validate(members)
    except ValidationError as error:
        return Undecodable("invalid", first_fault(error))
