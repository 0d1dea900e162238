"""The four kinds of event on `profile.events.v1` (interfaces.md 4) as models: their members and bounds.

One rule for absence: every member is always present, an absent thing is null. `body` is the last member.
"""

from datetime import MAXYEAR, MINYEAR, UTC, datetime
from functools import lru_cache
from typing import Annotated, ClassVar, Final, Literal

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    SkipValidation,
    StringConstraints,
)

from schemas.canonical import compact_json
from schemas.ids import (
    IDENTIFIER_CHARS_MAX,
    REQUEST_ID_CHARS_MAX,
    AccountName,
    Eid,
    EventId,
    Iccid,
    IntentId,
    RequestId,
)
from schemas.names import Json, JsonObject
from schemas.signal import PollSignal, Signal
from schemas.topics import MESSAGE_BYTES_MAX

TEXT_CHARS_MAX: Final = MESSAGE_BYTES_MAX
"""No text can be longer than the record that carries it."""


@lru_cache(maxsize=64)
def rfc3339(moment: datetime) -> str:
    """An aware moment as UTC text with microseconds: the only way a time is written."""
    text = orjson.dumps(moment.astimezone(UTC), option=orjson.OPT_UTC_Z)[1:-1].decode()
    return text if moment.microsecond else f"{text[:-1]}.000000Z"


def _utc(moment: datetime) -> datetime:
    """The first and the last year are refused: there UTC may not hold a zone's time, and PostgreSQL's client
    takes the first and the last moment for infinity, and gives back a time without a zone."""
    if not MINYEAR < moment.year < MAXYEAR:
        raise ValueError("is outside of the years 2 to 9998")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_utc), PlainSerializer(rfc3339)]
Text = Annotated[str, StringConstraints(max_length=TEXT_CHARS_MAX)]
_Short = StringConstraints(min_length=1, max_length=IDENTIFIER_CHARS_MAX)
Identifier = Annotated[str, _Short]
_EventId = Annotated[EventId, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Account = Annotated[AccountName, _Short]
_RequestId = Annotated[RequestId, StringConstraints(min_length=1, max_length=REQUEST_ID_CHARS_MAX)]
_IntentId = Annotated[IntentId, _Short]
_Eid = Annotated[Eid, _Short]
_Iccid = Annotated[Iccid, _Short]
Count = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]
Sequence = Annotated[int, Field(strict=True, ge=0, le=2**63 - 1)]
Body = Annotated[JsonObject, SkipValidation]

Phase = Literal["intended", "submitted", "announced", "rejected", "submit_unclear"]
Decided = Literal["succeeded", "failed", "void"]


class Part(BaseModel):
    """A frozen part of an event; members nobody knows are left alone, as readers of the topic must."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class NamedIdentifier(Part):
    kind: str
    id: str


class SubRequest(Part):
    """One line of a polled answer."""

    kind: Text | None
    id: Text | None
    status: Text | None


class LineState(Part):
    state: Text | None
    service_plan: Text | None
    ip_address: Text | None
    smsr_oid: Text | None


class EventBase(Part):
    """The members common to all kinds."""

    event_id: _EventId
    account: _Account
    request_id: _RequestId | None
    eid: _Eid | None
    imei: Identifier | None
    mdn: Identifier | None
    observed_at: Moment
    producer: Text
    rules: Count
    flags: tuple[Text, ...]

    ce_type: ClassVar[str]

    def body_json(self) -> bytes | None:
        """What was received, as compact JSON in the order received; None for kinds without a body."""
        return None

    def to_json(self) -> bytes:
        """The event as it goes on the topic."""
        members = {"kind": None, **self.model_dump(by_alias=True)}
        body = self.body_json()
        return orjson.dumps(members if body is None else {**members, "body": orjson.Fragment(body)})


class CallbackEvent(EventBase):
    """What one callback said."""

    kind: Literal["callback"] = "callback"
    service: Text
    iccid_echoed: _Iccid | None
    iccid_reported: _Iccid | None
    identifiers: tuple[NamedIdentifier, ...]
    action: Text | None
    signal: Signal
    status: Text | None
    profile_status: Text | None
    euicc_status: Text | None
    euicc_status_code: Text | None
    euicc_status_desc: Text | None
    fault_code: Text | None
    fault_text: Text | None
    line: LineState
    attempt: Count | None
    attempts_max: Count | None
    source_ip: Text | None
    body: Body

    ce_type: ClassVar[str] = "profile.callback.v1"

    def body_json(self) -> bytes:
        return compact_json(self.body)


class PollEvent(EventBase):
    """What one poll of ThingSpace found for the device in question."""

    kind: Literal["poll"] = "poll"
    endpoint: Text
    iccid: _Iccid | None
    status: Text | None
    sub_requests: tuple[SubRequest, ...]
    signal: PollSignal
    poll_number: Count
    body: SkipValidation[Json]

    ce_type: ClassVar[str] = "profile.poll.v1"

    def body_json(self) -> bytes:
        return compact_json(self.body)


class RequestEvent(EventBase):
    """What somebody asked, or told the ledger of."""

    kind: Literal["request"] = "request"
    phase: Phase
    intent_id: _IntentId | None
    iccid: _Iccid | None
    action: Text | None
    requested_at: Moment | None
    requested_by: Text | None
    error_code: Text | None
    error_text: Text | None

    ce_type: ClassVar[str] = "profile.request.v1"


class DecisionEvent(EventBase):
    """What an operator decided."""

    kind: Literal["decision"] = "decision"
    intent_id: _IntentId | None
    iccid: _Iccid | None
    as_: Decided = Field(alias="as")
    sequence: Sequence
    why: Text
    decided_by: Text

    ce_type: ClassVar[str] = "profile.decision.v1"


Event = Annotated[CallbackEvent | PollEvent | RequestEvent | DecisionEvent, Field(discriminator="kind")]
