"""Reading `profile.operations.v1` as any consumer would: members we do not know are passed over."""

from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from reconciler.downstream.planning import Settled


class Message(BaseModel):
    """The members that matter here. `cause` is `event`, or `rebuild` for what is only said again."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    operation_id: str
    account: str
    request_id: str | None = None
    eid: str | None = None
    iccid_target: str | None = None
    action: str | None = None
    state: str
    final: bool
    settled_at: AwareDatetime | None = None
    version: int
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
