"""What goes on `profile.state.v1`: a profile after each change; the last one of a key is what stands."""

from typing import ClassVar, Final, Literal

import orjson

from schemas.eventshape import Moment, Part
from schemas.ids import Eid, Iccid
from schemas.message import AccountText, Cause, EidText, IccidText, OperationIdText, Version

NAMELESS: Final = "bootstrap"
"""Stands in the key for the ICCID of a bootstrap while nobody knows it. Once it is known, this key gets a
tombstone, and the profile a key of its own."""

ProfileState = Literal["absent", "disabled", "enabled", "deleted"]


class StateMessage(Part):
    """One profile of one eUICC, as it stands now."""

    account: AccountText
    """Of the operation that last changed it."""
    eid: EidText
    iccid: IccidText | None
    """Null for a bootstrap whose ICCID is not known yet."""
    bootstrap: bool
    state: Literal["absent", "disabled", "enabled", "deleted", "unknown"]
    possible_states: tuple[ProfileState, ...]
    """One is the state, several are `unknown`."""
    certainty: Literal["confirmed", "inferred"]
    suspended: bool
    since: Moment
    operation_id: OperationIdText
    """The operation that last changed it."""
    version: Version
    cause: Cause

    ce_type: ClassVar[str] = "profile.state.v1"

    def to_json(self) -> bytes:
        return orjson.dumps(self.model_dump())


def state_key(eid: Eid, iccid: Iccid | None) -> str:
    return f"{eid}/{iccid or NAMELESS}"
