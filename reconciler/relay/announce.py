"""A request that somebody else sent, told to the ledger: checked strictly, as nobody here saw it. Pure.

Other systems may write the whole event, or only what matters:

    {"account": "…", "request_id": "…", "eid": "…", "iccid": "…", "action": "enable"}
"""

from datetime import datetime, timedelta
from typing import Annotated, Final

import orjson
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints, ValidationError

from schemas.event import RequestEvent, request_event, rfc3339
from schemas.ids import (
    IDENTIFIER_CHARS_MAX,
    REQUEST_ID_CHARS_MAX,
    AccountName,
    Eid,
    Iccid,
    IntentId,
    RequestId,
)
from schemas.names import JsonObject
from schemas.record import Undecodable, decode_event, first_fault
from schemas.signal import ACTIONS, normalize_action

AHEAD_MAX: Final = timedelta(hours=1)
"""How far a clock elsewhere may be ahead: later than that, a time would put the request behind newer ones."""
YEAR_MIN: Final = 2000
NAME_CHARS_MAX: Final = 200
NOTHING_BELIEVED: Final = (
    "only announced requests are taken from here; callbacks, polls and decisions are this product's own"
)


def _plain(text: str) -> str:
    if text != text.strip() or not text.isprintable():
        raise ValueError("begins or ends with white space, or holds control characters")
    return text


def _action(text: str) -> str:
    action = normalize_action(text)
    if action is None:
        raise ValueError(f"is no profile action; use one of {', '.join(ACTIONS)}")
    return action


_Identifier = Annotated[
    str, StringConstraints(min_length=1, max_length=IDENTIFIER_CHARS_MAX), AfterValidator(_plain)
]
_RequestId = Annotated[
    str, StringConstraints(min_length=1, max_length=REQUEST_ID_CHARS_MAX), AfterValidator(_plain)
]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=NAME_CHARS_MAX), AfterValidator(_plain)]
_Action = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_action)]


class Announcement(BaseModel):
    """What an announcement says. Identifiers are text: as JSON numbers they would lose digits."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    account: _Identifier
    request_id: _RequestId
    eid: _Identifier
    iccid: _Identifier | None = None
    action: _Action
    intent_id: _Identifier | None = None
    imei: _Identifier | None = None
    mdn: _Identifier | None = None
    requested_at: AwareDatetime | None = None
    requested_by: _Name | None = None


def announced_event(said: Announcement, observed_at: datetime, producer: str) -> RequestEvent:
    return request_event(
        phase="announced",
        account=AccountName(said.account),
        request_id=RequestId(said.request_id),
        intent_id=None if said.intent_id is None else IntentId(said.intent_id),
        eid=Eid(said.eid),
        iccid=None if said.iccid is None else Iccid(said.iccid),
        imei=said.imei,
        mdn=said.mdn,
        action=said.action,
        observed_at=observed_at,
        requested_at=said.requested_at,
        requested_by=said.requested_by,
        producer=producer,
    )


def announcement_of(
    value: bytes | None, headers: tuple[tuple[str, bytes], ...], at: datetime
) -> "tuple[Announcement, datetime] | Undecodable":
    """What a record of `profile.requests.v1` announces, and when it was observed. `at`: its own time."""
    if value is None:
        return Undecodable("empty", "a tombstone")
    try:
        members = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        return Undecodable("not_json", str(error))
    if not isinstance(members, dict):
        return Undecodable("not_object", "the value is JSON, but not an object")
    if {"kind", "phase", "event_id"}.isdisjoint(members):
        return _checked(value, at, at)
    return _of_event(value, headers, at)


def _of_event(
    value: bytes, headers: tuple[tuple[str, bytes], ...], at: datetime
) -> tuple[Announcement, datetime] | Undecodable:
    event = decode_event(value, headers)
    if isinstance(event, Undecodable):
        return event
    if not isinstance(event, RequestEvent) or event.phase != "announced":
        return Undecodable("invalid", NOTHING_BELIEVED)
    said: JsonObject = {
        "account": event.account,
        "request_id": event.request_id,
        "eid": event.eid,
        "iccid": event.iccid,
        "action": event.action,
        "intent_id": event.intent_id,
        "imei": event.imei,
        "mdn": event.mdn,
        "requested_at": None if event.requested_at is None else rfc3339(event.requested_at),
        "requested_by": event.requested_by,
    }
    checked = _checked(orjson.dumps(said), event.observed_at, at)
    if not isinstance(checked, Undecodable) and checked[0].action != event.action:
        return Undecodable("invalid", f"action: is spelled {checked[0].action!r} in events")
    return checked


def _checked(
    value: bytes, observed_at: datetime, at: datetime
) -> tuple[Announcement, datetime] | Undecodable:
    try:
        said = Announcement.model_validate_json(value)
    except ValidationError as error:
        return Undecodable("invalid", first_fault(error))
    for name, moment in (("requested_at", said.requested_at), ("observed_at", observed_at)):
        if moment is not None and not (moment.year >= YEAR_MIN and moment <= at + AHEAD_MAX):
            return Undecodable("invalid", f"{name}: is in the future, or long before there were eUICCs")
    return said, observed_at
