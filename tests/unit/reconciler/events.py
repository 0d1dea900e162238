"""Arrived events in few words, for the tests of the pure parts."""

from datetime import UTC, datetime, timedelta
from typing import TypedDict, Unpack

from reconciler.core.batch import Arrived, Place
from reconciler.core.evidence import evidence_of
from schemas.event import request_event
from schemas.eventshape import Phase
from schemas.ids import AccountName, Eid, Iccid, IntentId, RequestId

START = datetime(2026, 3, 1, tzinfo=UTC)
ACCOUNT = AccountName("0252012345-00001")
EID = Eid("89033023426200000000005438911111")
X = Iccid("8914800000000000010")


class Named(TypedDict, total=False):
    """`at` is in seconds after START."""

    phase: Phase
    request: str | None
    intent: str | None
    eid: Eid | None
    iccid: Iccid | None
    at: float


def arrived(place: Place, offset: int, **named: Unpack[Named]) -> Arrived:
    """A request event; by default of a request of its own."""
    request, intent = named.get("request", f"R{offset}"), named.get("intent")
    event = request_event(
        phase=named.get("phase", "announced"),
        account=ACCOUNT,
        request_id=None if request is None else RequestId(request),
        intent_id=None if intent is None else IntentId(intent),
        eid=named.get("eid", EID),
        iccid=named.get("iccid", X),
        action="enable",
        observed_at=START + timedelta(seconds=named.get("at", 0)),
        producer="test",
    )
    value = event.to_json()
    return Arrived(place, offset, event.event_id, event, evidence_of(event), value, None)
