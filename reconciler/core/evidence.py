"""One small row per distinct event: all that the core needs to know of it.

Kafka may bring copies of one event. They share the key and may differ in what is outside the event id: times,
attempts, companions of the identifiers, and the signal while two versions of the rules are at work. `merged`
joins copies in any order and any number to the same row, so a set of events is a set of rows.
"""

from datetime import datetime
from typing import Final, Literal, NamedTuple, TypeVar, assert_never

from schemas.event import CallbackEvent, Decided, DecisionEvent, Event, PollEvent, RequestEvent
from schemas.ids import IDENTIFIER_CHARS_MAX, AccountName, Eid, Iccid, IntentId, RequestId
from schemas.signal import normalize_action

Kind = Literal["callback", "poll", "request", "decision"]

Fact = Literal[
    "intended",
    "submitted",
    "announced",
    "rejected",
    "submit_unclear",
    "interim",
    "held",
    "unclear",
    "success",
    "failure",
    "poll_pending",
    "poll_success",
    "poll_failure",
    "decided_success",
    "decided_failure",
    "decided_void",
]
"""What an operation can learn (machines.md 3)."""

_Text = TypeVar("_Text", bound=str)
_Number = TypeVar("_Number", int, datetime)

KEY_BYTES: Final = 16

_DECIDED: Final[dict[Decided, Fact]] = {
    "succeeded": "decided_success",
    "failed": "decided_failure",
    "void": "decided_void",
}


class Evidence(NamedTuple):
    """What one distinct event names and says. The times are the least over its copies."""

    key: bytes
    """The first 16 bytes of the event id."""
    kind: Kind
    account: AccountName
    request_id: RequestId | None
    intent_id: IntentId | None
    eid: Eid | None
    imei: str | None
    mdn: str | None
    iccid_named: Iccid | None
    """Echoed by a callback; else the event's own ICCID, of a poll the one in question."""
    iccid_reported: Iccid | None
    """Reported by a callback, perhaps of the profile active now; named by the one sub-request of a poll."""
    iccid_single: bool
    """A poll whose answer had exactly one sub-request, which named an ICCID."""
    action: str | None
    fact: Fact
    """The signal of a callback or poll, the phase of a request, the word of a decision."""
    requested_at: datetime | None
    observed_at: datetime
    attempt: int | None
    """The greatest of the copies."""
    attempts_max: int | None
    """The least of the copies."""
    sequence: int | None
    """Orders decisions; only they have one."""
    rules: int
    """The version of the rules that gave fact and action; the greatest of the copies."""


def evidence_of(event: Event) -> Evidence:
    """The row of an event whose id has been checked."""
    match event:
        case CallbackEvent():
            return _of_callback(event)
        case PollEvent():
            return _of_poll(event)
        case RequestEvent():
            return _of_request(event)
        case DecisionEvent():
            return _of_decision(event)
        case _:
            assert_never(event)


def _key(event: Event) -> bytes:
    return bytes.fromhex(event.event_id[: 2 * KEY_BYTES])


def _of_callback(event: CallbackEvent) -> Evidence:
    return Evidence(
        key=_key(event),
        kind="callback",
        account=event.account,
        request_id=event.request_id,
        intent_id=None,
        eid=event.eid,
        imei=event.imei,
        mdn=event.mdn,
        iccid_named=event.iccid_echoed,
        iccid_reported=event.iccid_reported,
        iccid_single=False,
        action=event.action,
        fact=event.signal,
        requested_at=None,
        observed_at=event.observed_at,
        attempt=event.attempt,
        attempts_max=event.attempts_max,
        sequence=None,
        rules=event.rules,
    )


def _of_poll(event: PollEvent) -> Evidence:
    single = _single_iccid(event)
    return Evidence(
        key=_key(event),
        kind="poll",
        account=event.account,
        request_id=event.request_id,
        intent_id=None,
        eid=event.eid,
        imei=event.imei,
        mdn=event.mdn,
        iccid_named=event.iccid,
        iccid_reported=single,
        iccid_single=single is not None,
        action=None,
        fact=event.signal,
        requested_at=None,
        observed_at=event.observed_at,
        attempt=None,
        attempts_max=None,
        sequence=None,
        rules=event.rules,
    )


ICCID_DIGITS: Final = 19
"""What identifies a profile: the twentieth is a check digit, which some systems leave out or fill with F."""


def same_profile(one: str, other: str) -> bool:
    return one.strip()[:ICCID_DIGITS] == other.strip()[:ICCID_DIGITS]


def _single_iccid(event: PollEvent) -> Iccid | None:
    """What the one sub-request names, if there is one and it names an ICCID.

    Should only the check digit differ from the one in question, it is that one, as that is spelled.
    """
    if len(event.sub_requests) != 1:
        return None
    answered = event.sub_requests[0]
    if answered.kind is None or answered.id is None or answered.kind.strip().casefold() != "iccid":
        return None
    if event.iccid is not None and same_profile(answered.id, event.iccid):
        return event.iccid
    return Iccid(answered.id) if 0 < len(answered.id) <= IDENTIFIER_CHARS_MAX else None


def _of_request(event: RequestEvent) -> Evidence:
    """Other systems announce requests too, so the action is normalized here."""
    return Evidence(
        key=_key(event),
        kind="request",
        account=event.account,
        request_id=event.request_id,
        intent_id=event.intent_id,
        eid=event.eid,
        imei=event.imei,
        mdn=event.mdn,
        iccid_named=event.iccid,
        iccid_reported=None,
        iccid_single=False,
        action=normalize_action(event.action),
        fact=event.phase,
        requested_at=event.requested_at,
        observed_at=event.observed_at,
        attempt=None,
        attempts_max=None,
        sequence=None,
        rules=event.rules,
    )


def _of_decision(event: DecisionEvent) -> Evidence:
    return Evidence(
        key=_key(event),
        kind="decision",
        account=event.account,
        request_id=event.request_id,
        intent_id=event.intent_id,
        eid=event.eid,
        imei=event.imei,
        mdn=event.mdn,
        iccid_named=event.iccid,
        iccid_reported=None,
        iccid_single=False,
        action=None,
        fact=_DECIDED[event.as_],
        requested_at=None,
        observed_at=event.observed_at,
        attempt=None,
        attempts_max=None,
        sequence=event.sequence,
        rules=event.rules,
    )


def merged(one: Evidence, other: Evidence) -> Evidence:
    """Two copies of one event as one row: commutative, associative, and the same again for a copy of itself.

    Where two versions of the rules read a copy each, the newer is believed. Copies that one version reads
    differently are unclear.
    """
    assert one.key == other.key, "only copies of one event are merged"
    if one == other:
        return one
    newest = max(one.rules, other.rules)
    read = one if one.rules == newest else other
    read_too = other if other.rules == newest else one
    return Evidence(
        key=one.key,
        kind=one.kind,
        account=one.account,
        request_id=one.request_id,
        intent_id=one.intent_id,
        eid=_first(one.eid, other.eid),
        imei=_first(one.imei, other.imei),
        mdn=_first(one.mdn, other.mdn),
        iccid_named=_first(one.iccid_named, other.iccid_named),
        iccid_reported=_first(one.iccid_reported, other.iccid_reported),
        iccid_single=one.iccid_single,
        action=_first(read.action, read_too.action),
        fact=read.fact if read.fact == read_too.fact else "unclear",
        requested_at=_least(one.requested_at, other.requested_at),
        observed_at=min(one.observed_at, other.observed_at),
        attempt=_greatest(one.attempt, other.attempt),
        attempts_max=_least(one.attempts_max, other.attempts_max),
        sequence=one.sequence,
        rules=newest,
    )


def _first(one: _Text | None, other: _Text | None) -> _Text | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _least(one: _Number | None, other: _Number | None) -> _Number | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _greatest(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)
