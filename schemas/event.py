"""Building events, and computing again who they are and where they belong (interfaces.md 4).

The receiver builds callback events without the models (`schemas.eventtext`); the models of
`schemas.eventshape` read them back and give the same bytes again.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import assert_never

from schemas.callback import Callback, Familiar
from schemas.canonical import canonical_json, surveyed
from schemas.eventid import callback_event_id, digest_of
from schemas.eventshape import (
    CallbackEvent,
    Decided,
    DecisionEvent,
    Event,
    LineState,
    NamedIdentifier,
    Phase,
    PollEvent,
    RequestEvent,
    SubRequest,
    rfc3339,
)
from schemas.eventtext import Circumstances, event_text
from schemas.ids import AccountName, Eid, EventId, Iccid, IntentId, RequestId
from schemas.names import Json
from schemas.signal import RULES_VERSION, PollSignal, judge

__all__ = [
    "CallbackEvent",
    "Decided",
    "DecisionEvent",
    "Event",
    "LineState",
    "NamedIdentifier",
    "Phase",
    "PollEvent",
    "RequestEvent",
    "SubRequest",
    "callback_event",
    "decision_event",
    "event_id_of",
    "event_key",
    "poll_event",
    "request_event",
    "rfc3339",
]


def callback_event(
    callback: Callback | Familiar,
    *,
    account: AccountName,
    service: str,
    source_ip: str | None,
    observed_at: datetime,
    producer: str,
    extra_flags: Iterable[str] = (),
) -> tuple[EventId, bytes]:
    """The id and the bytes of a callback's event."""
    event_id = callback_event_id(account, callback.canonical)
    verdict = judge(*callback.words)
    flags = (*callback.flags, *verdict.flags, *extra_flags)
    settled = sorted(set(flags)) if flags else ()
    at = rfc3339(observed_at)
    if isinstance(callback, Familiar):
        return event_id, callback.layout.event(
            callback, verdict, settled, event_id, account, at, producer, service, source_ip
        )
    seen = Circumstances(event_id, account, at, producer, service, source_ip)
    return event_id, event_text(callback, verdict, settled, seen)


def request_event(
    *,
    phase: Phase,
    account: AccountName,
    request_id: RequestId | None,
    intent_id: IntentId | None,
    eid: Eid | None,
    iccid: Iccid | None,
    action: str | None,
    observed_at: datetime,
    producer: str,
    imei: str | None = None,
    mdn: str | None = None,
    requested_at: datetime | None = None,
    requested_by: str | None = None,
    error_code: str | None = None,
    error_text: str | None = None,
    flags: Iterable[str] = (),
) -> RequestEvent:
    """What was asked of ThingSpace, or what came of asking. `action` is normalized by the caller."""
    return RequestEvent(
        event_id=digest_of(("request", account, request_id, intent_id, eid, iccid, action, phase)),
        account=account,
        request_id=request_id,
        eid=eid,
        imei=imei,
        mdn=mdn,
        observed_at=observed_at,
        producer=producer,
        rules=RULES_VERSION,
        flags=tuple(sorted(set(flags))),
        phase=phase,
        intent_id=intent_id,
        iccid=iccid,
        action=action,
        requested_at=requested_at,
        requested_by=requested_by,
        error_code=error_code,
        error_text=error_text,
    )


def poll_event(
    *,
    account: AccountName,
    request_id: RequestId,
    eid: Eid | None,
    iccid: Iccid | None,
    endpoint: str,
    status: str | None,
    sub_requests: Iterable[SubRequest],
    signal: PollSignal,
    poll_number: int,
    body: Json,
    observed_at: datetime,
    producer: str,
    imei: str | None = None,
    mdn: str | None = None,
    flags: Iterable[str] = (),
) -> PollEvent:
    """What a poll found. `body` is the answer as received; it must hold no secret."""
    ordered = sorted(sub_requests, key=lambda sub: canonical_json(sub.model_dump(), exact=False))
    return PollEvent(
        event_id=_poll_id(account, request_id, eid, iccid, poll_number, ordered),
        account=account,
        request_id=request_id,
        eid=eid,
        imei=imei,
        mdn=mdn,
        observed_at=observed_at,
        producer=producer,
        rules=RULES_VERSION,
        flags=tuple(sorted(set(flags))),
        endpoint=endpoint,
        iccid=iccid,
        status=status,
        sub_requests=tuple(ordered),
        signal=signal,
        poll_number=poll_number,
        body=body,
    )


def decision_event(
    *,
    account: AccountName,
    request_id: RequestId | None,
    intent_id: IntentId | None,
    eid: Eid | None,
    iccid: Iccid | None,
    decided: Decided,
    sequence: int,
    why: str,
    decided_by: str,
    observed_at: datetime,
    producer: str,
    flags: Iterable[str] = (),
) -> DecisionEvent:
    """What an operator decided; `sequence` is the operation's version that the operator saw."""
    return DecisionEvent(
        event_id=digest_of(("decision", account, request_id, intent_id, eid, iccid, decided, sequence)),
        account=account,
        request_id=request_id,
        eid=eid,
        imei=None,
        mdn=None,
        observed_at=observed_at,
        producer=producer,
        rules=RULES_VERSION,
        flags=tuple(sorted(set(flags))),
        intent_id=intent_id,
        iccid=iccid,
        as_=decided,
        sequence=sequence,
        why=why,
        decided_by=decided_by,
    )


def _poll_id(
    account: AccountName,
    request_id: RequestId | None,
    eid: Eid | None,
    iccid: Iccid | None,
    poll_number: int,
    sub_requests: Iterable[SubRequest],
) -> EventId:
    answered: list[Json] = [sub.model_dump() for sub in sub_requests]
    return digest_of(["poll", account, request_id, eid, iccid, poll_number, answered])


def event_id_of(event: Event) -> EventId:
    """The id recomputed from what the event says, whatever it calls itself."""
    match event:
        case CallbackEvent():
            return callback_event_id(event.account, surveyed(event.body)[0])
        case PollEvent():
            return _poll_id(
                event.account, event.request_id, event.eid, event.iccid, event.poll_number, event.sub_requests
            )
        case RequestEvent():
            return digest_of(
                (
                    *("request", event.account, event.request_id, event.intent_id),
                    *(event.eid, event.iccid, event.action, event.phase),
                )
            )
        case DecisionEvent():
            return digest_of(
                (
                    *("decision", event.account, event.request_id, event.intent_id),
                    *(event.eid, event.iccid, event.as_, event.sequence),
                )
            )
        case _:
            assert_never(event)


def event_key(event: Event) -> bytes:
    """Where the event goes: EID, else request id, else intent id, else event id."""
    intent_id = None if isinstance(event, CallbackEvent | PollEvent) else event.intent_id
    return (event.eid or event.request_id or intent_id or event.event_id).encode()
