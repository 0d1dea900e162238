"""A row of the quarantine, and the record that it is worth today.

Pure. Three kinds of rows wait there: records of the events topic that could not be decoded or that the
database refused, callbacks that a receiver could not read or did not trust, and records of the quarantine
topic itself that were no entry of it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from schemas.callback import Callback, parse
from schemas.ids import AccountName, RequestId
from schemas.record import (
    Record,
    Undecodable,
    callback_record,
    decode_event,
    decode_quarantine,
    quarantine_record,
    record_of,
)
from schemas.redaction import redacted
from schemas.scrub import Secrets
from schemas.topics import Topics

Status = Literal["open", "replayed", "discarded"]
STATUSES: Final[tuple[Status, ...]] = ("open", "replayed", "discarded")

UNTRUSTED: Final = "unauthenticated"
"""The reason of a receiver whose sender showed wrong credentials: never an event."""

REPLAYED_FLAG: Final = "replayed"
SERVICE_UNKNOWN: Final = "unknown"
PRODUCER: Final = "reconciler/quarantine"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """The columns of `ledger.quarantine`. topic to key are those of the first copy."""

    quarantine_id: int
    reason: str
    account: str | None
    request_id: str | None
    source_ip: str | None
    observed_at: datetime | None
    status: Status
    content: bytes
    copies: int
    error: str | None
    digest: bytes
    topic: str
    partition: int
    offset: int
    key: bytes | None
    service: str | None
    ce_type: str | None
    recorded_at: datetime
    last_recorded_at: datetime

    def text(self) -> str | None:
        """The content for people, scrubbed once more; None where it is no text or hides what it is."""
        return redacted(self.content, Secrets()).decode() or None


def is_unproven(row: Quarantined, topics: Topics) -> bool:
    """Whether a receiver could not even read the sender's credentials, so that nobody can vouch for it."""
    return row.topic == topics.quarantine and row.observed_at is not None


def replayed(row: Quarantined, topics: Topics) -> Record | str:
    """The record to produce again, or in a sentence why there is none."""
    if row.reason == UNTRUSTED:
        return "its sender did not show the right credentials, so it can never become an event"
    if not row.content:
        return "nothing of its content was kept"
    if row.topic == topics.events:
        return _event(row, topics)
    if row.topic != topics.quarantine:
        return f"it came from {row.topic}, which this reconciler does not read: check PROFILE_TOPIC_PREFIX"
    return _callback(row, topics) if is_unproven(row, topics) else _entry(row, topics)


def _event(row: Quarantined, topics: Topics) -> Record | str:
    """The very bytes once more, so that the event stays what its producer said."""
    headers = () if row.ce_type is None else (("ce_type", row.ce_type.encode()),)
    event = decode_event(row.content, headers)
    if isinstance(event, Undecodable):
        return _still(event)
    record = record_of(topics, event)
    return Record(record.topic, row.key or record.key, row.content, record.headers)


def _callback(row: Quarantined, topics: Topics) -> Record | str:
    if row.account is None or row.observed_at is None:
        return "nobody knows whose callback it was"
    callback = parse(row.content, Secrets())
    if not isinstance(callback, Callback):
        return f"it still cannot be read ({callback.reason})"
    return callback_record(
        topics,
        callback,
        account=AccountName(row.account),
        service=row.service or SERVICE_UNKNOWN,
        source_ip=row.source_ip,
        observed_at=row.observed_at,
        producer=PRODUCER,
        extra_flags=(REPLAYED_FLAG,),
    )


def _entry(row: Quarantined, topics: Topics) -> Record | str:
    entry = decode_quarantine(row.content)
    if isinstance(entry, Undecodable):
        return _still(entry)
    return quarantine_record(
        topics,
        reason=entry.reason,
        account=None if entry.account is None else AccountName(entry.account),
        request_id=None if entry.request_id is None else RequestId(entry.request_id),
        source_ip=entry.source,
        observed_at=entry.observed_at,
        producer=entry.producer,
        kept=entry.kept(),
        length=entry.length,
        service=entry.service,
        error=entry.error,
    )


def _still(fault: Undecodable) -> str:
    return f"it still cannot be decoded ({fault.reason}: {fault.detail})"
