"""From a Kafka record to an item of a batch: an event, or something for the quarantine."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Final, Protocol

from reconciler.core.batch import Arrived, Item, Place, Unusable
from reconciler.core.evidence import evidence_of
from schemas.ids import IDENTIFIER_CHARS_MAX
from schemas.quarantine import QuarantineEntry
from schemas.record import Undecodable, decode_event, decode_quarantine
from schemas.topics import Topics

WITHHELD: Final = frozenset({"unscrubbed"})
"""Reasons for which the bytes themselves must not be kept: they may hold a credential."""

REFUSED: Final = "refused_by_database"


class KafkaRecord(Protocol):
    """What we read of a consumed record."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def timestamp(self) -> int:
        """Milliseconds since 1970, as the producer or the broker put it."""
        ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


Decode = Callable[[KafkaRecord], Item]


def decoder(topics: Topics) -> Decode:
    """What each topic that we consume is decoded by."""
    by_topic: dict[str, Decode] = {topics.events: event_item, topics.quarantine: quarantine_item}
    return lambda record: by_topic[record.topic](record)


def event_item(record: KafkaRecord) -> Item:
    """A record of the events topic."""
    event = decode_event(record.value, record.headers)
    if isinstance(event, Undecodable):
        return _undecodable(record, event)
    assert record.value is not None
    return Arrived(
        _place(record.topic, record.partition),
        record.offset,
        event.event_id,
        event,
        evidence_of(event),
        record.value,
        record.key,
    )


_place = lru_cache(Place)


def quarantine_item(record: KafkaRecord) -> Item:
    """A record of the quarantine topic, written by a receiver."""
    entry = decode_quarantine(record.value)
    if isinstance(entry, Undecodable):
        return _undecodable(record, entry)
    return _set_aside(record, entry)


def _set_aside(record: KafkaRecord, entry: QuarantineEntry) -> Unusable:
    return Unusable(
        place=Place(record.topic, record.partition),
        offset=record.offset,
        identity=_identity(record),
        reason=entry.reason,
        account=entry.account,
        request_id=entry.request_id,
        source_ip=entry.source,
        observed_at=entry.observed_at,
        content=entry.kept(),
        digest=bytes.fromhex(entry.digest),
        error=entry.error,
        key=record.key,
        service=entry.service,
    )


def _undecodable(record: KafkaRecord, fault: Undecodable) -> Unusable:
    value = record.value or b""
    return Unusable(
        place=Place(record.topic, record.partition),
        offset=record.offset,
        identity=_identity(record),
        reason=fault.reason,
        account=None,
        request_id=None,
        source_ip=None,
        observed_at=None,
        content=b"" if fault.reason in WITHHELD else value,
        digest=sha256(value).digest(),
        error=fault.detail,
        key=record.key,
        ce_type=_ce_type(record),
    )


def _ce_type(record: KafkaRecord) -> str | None:
    said = next((value for name, value in record.headers if name == "ce_type"), None)
    return None if said is None else _storable(said.decode("utf-8", "replace"))[:IDENTIFIER_CHARS_MAX]


def condemned(item: Arrived, error: str) -> Unusable:
    """An event that the database refuses. Text that no database takes is made harmless; the bytes stay."""
    return Unusable(
        place=item.place,
        offset=item.offset,
        identity=item.identity,
        reason=REFUSED,
        account=_storable(item.event.account),
        request_id=item.event.request_id and _storable(item.event.request_id),
        source_ip=None,
        observed_at=item.event.observed_at,
        content=item.value,
        digest=sha256(item.value).digest(),
        error=error,
        key=item.key,
    )


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _identity(record: KafkaRecord) -> str:
    return sha256(record.value or b"").hexdigest()
