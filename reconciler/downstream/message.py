"""Reading `profile.operations.v1` as any consumer would: members we do not know are passed over."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from reconciler.downstream.planning import Settled

TEXT_CHARS_MAX: Final = 256
YEARS: Final = range(1970, 9000)
"""Of what has settled; to any of them a time to wait can be added."""


def _plain(text: str) -> str:
    if "\x00" in text:
        raise ValueError("holds NUL, which no database text can")
    return text


def _likely(moment: datetime) -> datetime:
    if moment.year not in YEARS:
        raise ValueError("is no time at which anything settles")
    return moment


Text = Annotated[str, StringConstraints(max_length=TEXT_CHARS_MAX), AfterValidator(_plain)]


class Message(BaseModel):
    """The members that matter here, as far as the job ledger can hold them.

    `cause` is `event`, or `rebuild` for what is only said again.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    operation_id: Text
    account: Text
    request_id: Text | None = None
    eid: Text | None = None
    iccid_target: Text | None = None
    action: Text | None = None
    state: Text
    final: bool
    settled_at: Annotated[AwareDatetime, AfterValidator(_likely)] | None = None
    version: Annotated[int, Field(ge=0, le=2**63 - 1)]
    cause: str = "event"


def read_message(value: bytes | None) -> Settled | str | None:
    """What it says, or why it cannot be read. None for a tombstone: its operation lives on elsewhere."""
    if value is None:
        return None
    try:
        message = Message.model_validate_json(value)
    except ValidationError as error:
        places = sorted({".".join(map(str, fault["loc"])) or "the whole" for fault in error.errors()})
        return f"not an operation of version 1: {', '.join(places)}"
    settled_at: datetime | None = message.settled_at
    return Settled(
        operation_id=message.operation_id,
        account=message.account,
        request_id=message.request_id,
        eid=message.eid,
        iccid=message.iccid_target,
        action=message.action,
        state=message.state,
        final=message.final,
        settled_at=settled_at,
        version=message.version,
        replay=message.cause != "event",
    )
