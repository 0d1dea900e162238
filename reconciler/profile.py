"""Profiles: what the settled operations of an eUICC have made of them (machines.md 4)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from schemas.ids import AccountName, Eid, Iccid, OperationId

ProfileState = Literal["absent", "disabled", "enabled", "deleted"]
Certainty = Literal["confirmed", "inferred"]


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile of an eUICC, as far as the operations tell."""

    eid: Eid
    account: AccountName
    """Of the operation that last changed the row."""
    iccid: Iccid | None
    """None for a bootstrap whose ICCID is unknown."""
    bootstrap: bool
    state: ProfileState | Literal["unknown"]
    possible_states: tuple[ProfileState, ...]
    """In the order absent, disabled, enabled, deleted; one member is the state, several are unknown."""
    certainty: Certainty
    suspended: bool
    since: datetime
    """`ordered_at` of the operation that last changed anything of the row."""
    operation_id: OperationId
    """That operation."""
