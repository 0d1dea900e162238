"""What goes on `profile.operations.v1`: an operation after each change of anything that stands here."""

from typing import ClassVar, Literal

import orjson

from schemas.eventshape import Identifier, Moment, Part, Text
from schemas.ids import Eid, IntentId, RequestId
from schemas.message import (
    AccountText,
    Cause,
    EidText,
    IccidText,
    IntentIdText,
    OperationIdText,
    RequestIdText,
    Version,
)

OperationState = Literal[
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


class OperationMessage(Part):
    """One requested action on one device in one request, as it stands now.

    Act on it when `final` is true and `cause` is `event`. It may still change: a contradicting callback makes
    a settled operation `conflicted`, and a poll settles it again.
    """

    operation_id: OperationIdText
    account: AccountText
    request_id: RequestIdText | None
    intent_id: IntentIdText | None
    eid: EidText | None
    device: Identifier | None
    """The EID, or the IMEI, MDN or ICCID that stands for it."""
    iccid_target: IccidText | None
    """The profile that the request was about; null while nobody knows."""
    action: Text | None
    state: OperationState
    final: bool
    confirmed: bool
    """It succeeded, and a callback or a poll said so, not a person's decision alone."""
    facts: tuple[Text, ...]
    first_seen_at: Moment
    settled_at: Moment | None
    """Since when it is final, by the times that were observed; null while it is not."""
    ordered_at: Moment
    """Its place among the operations of its device."""
    version: Version
    cause: Cause

    ce_type: ClassVar[str] = "profile.operation.v1"

    def to_json(self) -> bytes:
        return orjson.dumps(self.model_dump())


def operation_key(eid: Eid | None, request_id: RequestId | None, intent_id: IntentId | None) -> str:
    """The EID, else the request id; of an intent that no request is known of, its id."""
    key = eid or request_id or intent_id
    assert key is not None, "an operation has a request or an intent"
    return key
