"""A record for those outside: what `profile.operations.v1` and `profile.state.v1` have in common.

`version` is a microsecond since 1970 that rises with every message of one key, also after the database was
restored, because time has gone on. So a reader that remembers the greatest version leaves out what comes
twice. The attributes of our own stand in the headers of every record, because a tombstone has nothing else to
say them with.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal, NamedTuple, assert_never

from pydantic import Field, StringConstraints

from schemas.ids import (
    IDENTIFIER_CHARS_MAX,
    REQUEST_ID_CHARS_MAX,
    AccountName,
    Eid,
    Iccid,
    IntentId,
    OperationId,
    RequestId,
)
from schemas.record import Record, ce_headers
from schemas.topics import Topics

MessageKind = Literal["operation", "state"]
Cause = Literal["event", "rebuild"]
"""`rebuild`: somebody had the audit log folded again, and the row was found wrong. Nothing has happened to
the device now, so whoever acts on what happens leaves it out."""

_Short: Final = StringConstraints(min_length=1, max_length=IDENTIFIER_CHARS_MAX)
AccountText = Annotated[AccountName, _Short]
RequestIdText = Annotated[RequestId, StringConstraints(min_length=1, max_length=REQUEST_ID_CHARS_MAX)]
IntentIdText = Annotated[IntentId, _Short]
EidText = Annotated[Eid, _Short]
IccidText = Annotated[Iccid, _Short]
OperationIdText = Annotated[OperationId, _Short]
Version = Annotated[int, Field(strict=True, ge=0, le=2**63 - 1)]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
LAST: Final = (datetime(9999, 1, 1, tzinfo=UTC) - EPOCH) // MICROSECOND
"""What a version beyond it says of the time: no row may keep the others from being told."""
CE_TYPES: Final[dict[MessageKind, str]] = {
    "operation": "profile.operation.v1",
    "state": "profile.state.v1",
}
CE_OPERATION_ID: Final = "ce_operationid"
CE_VERSION: Final = "ce_version"
CE_CAUSE: Final = "ce_cause"


class Message(NamedTuple):
    """One thing to tell. A null value is a tombstone: what the key, or the operation id, names is no more."""

    kind: MessageKind
    key: str
    version: int
    cause: Cause
    eid: Eid | None
    operation_id: OperationId | None
    """Which operation it is about; None for a profile, whose key says it all."""
    value: bytes | None

    @property
    def ce_id(self) -> str:
        """The same each time it is sent."""
        return f"{self.operation_id or self.key}/{self.version}"


def message_record(topics: Topics, message: Message) -> Record:
    time = EPOCH + MICROSECOND * min(message.version, LAST)
    headers = (
        *ce_headers(message.ce_id, CE_TYPES[message.kind], message.eid, time),
        (CE_VERSION, str(message.version).encode()),
        (CE_CAUSE, message.cause.encode()),
    )
    if message.operation_id is not None:
        headers = (*headers, (CE_OPERATION_ID, message.operation_id.encode()))
    return Record(_topic(topics, message.kind), message.key.encode(), message.value, headers)


def _topic(topics: Topics, kind: MessageKind) -> str:
    match kind:
        case "operation":
            return topics.operations
        case "state":
            return topics.state
        case _:
            assert_never(kind)
