"""Intents that a crash left behind: what the ledger can say of them without anybody's help.

One is joined with the operation that was observed after it and that nobody else claims, by a request event
that names both ids; the others become `submit_unclear`, so that a person sees them. Either is said as an
event, and saying it twice is saying it once.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from schemas.event import RequestEvent, request_event
from schemas.ids import AccountName, Eid, Iccid, IntentId, RequestId

PRODUCER: Final = "reconciler/sweep"
LEFT_BEHIND: Final = "left_behind"


@dataclass(frozen=True, slots=True)
class Intent:
    """`request_id` is that of its twin, where it has exactly one."""

    account: AccountName
    intent_id: IntentId
    eid: Eid | None
    iccid: Iccid | None
    action: str | None
    request_id: RequestId | None = None


def told(intent: Intent, observed_at: datetime) -> RequestEvent:
    """The event that says what is known of it now."""
    joined = intent.request_id is not None
    return request_event(
        phase="submitted" if joined else "submit_unclear",
        account=intent.account,
        request_id=intent.request_id,
        intent_id=intent.intent_id,
        eid=intent.eid,
        iccid=intent.iccid,
        action=intent.action,
        observed_at=observed_at,
        producer=PRODUCER,
        error_code=None if joined else LEFT_BEHIND,
        error_text=None if joined else "whoever meant to ask has not said what came of it",
    )
