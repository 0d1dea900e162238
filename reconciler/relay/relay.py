"""What other systems announce on `profile.requests.v1`, taken over to the events topic or set aside.

A record is done when Kafka has acknowledged what became of it; only then its offset is committed. So it may
be taken over twice, and is one event, known by its id. Nothing here knows a database, and nothing that goes
wrong here ends anything else.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple, Protocol

from reconciler.relay.announce import announced_event, announcement_of
from schemas.record import Record, Undecodable, quarantine_record, record_of
from schemas.redaction import redacted
from schemas.scrub import Secrets
from schemas.topics import Topics

PRODUCER: Final = "reconciler/relay"
KEPT_BYTES_MAX: Final = 256 * 1024
"""In quarantine; a longer record stays where it is, for as long as its topic keeps it."""
DETAIL_CHARS_MAX: Final = 300
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
TIMESTAMP_MS_END: Final = (datetime(9000, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)

Result = Literal["relayed", "quarantined"]


class Request(NamedTuple):
    """A record of the topic; `timestamp_ms` as the broker keeps it."""

    partition: int
    offset: int
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp_ms: int


class Relayed(NamedTuple):
    """`reason` and `detail` are empty for what was taken over."""

    record: Record
    result: Result
    reason: str = ""
    detail: str = ""


class Source(Protocol):
    """Raises `ClusterError`; then it is of no more use."""

    async def fetch(self) -> Sequence[Request]:
        """The next records, or none after a while."""
        ...

    async def commit(self) -> None:
        """All that was fetched is done."""
        ...


Take = Callable[[Sequence[Relayed]], Awaitable[None]]
"""Produces them all; returns when each is acknowledged, raises `ClusterError` otherwise."""


async def relay(source: Source, topics: Topics, take: Take) -> None:
    """For ever; raises what source and Kafka raise."""
    while True:
        requests = await source.fetch()
        if requests:
            await take([relayed(request, topics) for request in requests])
            await source.commit()


def relayed(request: Request, topics: Topics) -> Relayed:
    """What becomes of one record."""
    at = _time_of(request)
    found = announcement_of(request.value, request.headers, at)
    if isinstance(found, Undecodable):
        return _set_aside(request, topics, found, at)
    said, observed_at = found
    return Relayed(record_of(topics, announced_event(said, observed_at, PRODUCER)), "relayed")


def _time_of(request: Request) -> datetime:
    """The producer's clock may say anything; what can neither be kept nor counted on from says nothing."""
    if not 0 <= request.timestamp_ms < TIMESTAMP_MS_END:
        return EPOCH
    return EPOCH + timedelta(milliseconds=request.timestamp_ms)


def _set_aside(request: Request, topics: Topics, fault: Undecodable, at: datetime) -> Relayed:
    """Without account: nobody may take it for a callback of that account when it is replayed."""
    value = request.value or b""
    kept = redacted(value, Secrets()) if len(value) <= KEPT_BYTES_MAX else b""
    where = f"{topics.requests} partition {request.partition} offset {request.offset}"
    reason, detail = f"request_{fault.reason}", _shown(fault.detail)
    record = quarantine_record(
        topics,
        reason=reason,
        account=None,
        request_id=None,
        source_ip=None,
        observed_at=at if at.year > EPOCH.year else datetime(1971, 1, 1, tzinfo=UTC),
        producer=PRODUCER,
        kept=kept,
        length=len(value),
        error=f"{detail} ({where})",
    )
    return Relayed(record, "quarantined", reason, detail)


def _shown(detail: str) -> str:
    """It may quote the name of a member, which its writer chose: of any length, and with anything in it."""
    plain = detail[:DETAIL_CHARS_MAX].replace("\x00", "\ufffd")
    return redacted(plain.encode("utf-8", "replace"), Secrets()).decode()
