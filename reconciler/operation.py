"""Operations: what was asked of one device in one request, and what has become of it (machines.md 2 and 3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from reconciler.evidence import Fact
from schemas.ids import AccountName, Eid, Iccid, IntentId, OperationId, RequestId

State = Literal[
    "succeeded",
    "failed",
    "void",
    "conflicted",
    "unclear",
    "held",
    "warned",
    "submitted",
    "submit_unclear",
    "rejected",
    "intended",
]

DueReason = Literal["unclear", "conflicted", "target", "last_attempt"]
"""Why an operation wants a look at once. (A refused callback wants one too, but is no event.)"""

Outcome = Literal["applied", "repeated", "late", "conflict", "unmatched", "undone_by_decision"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: a function of the set of its events, enough to fold the profiles of its EID."""

    operation_id: OperationId
    account: AccountName
    request_id: RequestId | None
    intent_id: IntentId | None
    eid: Eid | None
    device: str | None
    """The EID, or the IMEI, MDN or ICCID that stands for it; None where nothing was named."""
    iccid_target: Iccid | None
    action: str | None
    state: State
    final: bool
    facts: tuple[Fact, ...]
    """Sorted; the implied `submitted` included."""
    first_seen_at: datetime
    """The least time observed."""
    settled_at: datetime | None
    """Since when the facts, in the order of their times, have said what is final now; None while not final."""
    ordered_at: datetime
    """The least time, requested or observed: the place in operation order."""
    target_known: bool
    needs_target: bool
    """Section 4 cannot do without the target in this state, whether it is known or not."""
    success_iccids: tuple[Iccid, ...]
    """Sorted ICCIDs that the successes which count report: one of them may be the bootstrap's."""
    confirmed: bool
    """It succeeded and a callback or a poll said so, not a decision alone."""
    due_reasons: tuple[DueReason, ...]
    """Sorted. A reason that was not there before is worth one poll at once."""


@dataclass(frozen=True, slots=True)
class Fold:
    """The operations of one request, in operation order, and which of them each event belongs to."""

    operations: tuple[Operation, ...]
    belongs: Mapping[bytes, tuple[OperationId, ...]]
    """By evidence key; the ids in operation order, none where the event is unmatched."""
