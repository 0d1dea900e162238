"""One small row per distinct event: all that the core needs to know of it.

Kafka may bring copies of one event; they share the key and may differ in what is outside the event id (times,
attempts, companions of the identifiers). `merged` joins two copies in any order and any number of times to the
same row, so a set of events is a set of rows.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from schemas.ids import AccountName, Eid, Iccid, IntentId, RequestId

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

KEY_BYTES = 16


@dataclass(frozen=True, slots=True)
class Evidence:
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
    """What the event is about: echoed by a callback, else the event's own ICCID (of a poll: the one in question)."""
    iccid_reported: Iccid | None
    """Reported by a callback, perhaps the profile active now; of a poll with one sub-request: what that names."""
    iccid_single: bool
    """A poll whose answer had exactly one sub-request, which named an ICCID."""
    action: str | None
    fact: Fact
    """The signal of a callback or poll, the phase of a request, the word of a decision; before any downgrade."""
    requested_at: datetime | None
    observed_at: datetime
    attempt: int | None
    """The greatest of the copies."""
    attempts_max: int | None
    """The least of the copies."""
    sequence: int | None
    """Orders decisions; only they have one."""
