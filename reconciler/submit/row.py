"""One order on its way to ThingSpace, as the ledger of intents keeps it. Pure.

ThingSpace does twice what it is asked twice, so a row is moved to `sending`, and that is committed, right
before the only request that is ever made for it. Whoever finds a row, after whatever end of the run before,
goes on from its state:

    none       nothing was said or sent             begin
    intended   certainly not sent                   send: say `intended`, move to `sending`, ask
    sending    cut off while asking                 lose: nobody knows, so it is `unclear`; never ask again
    sent, rejected, unclear, withdrawn              the answer is known; say it, unless it was said

What was said twice is one event, because its id is made of what it says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from schemas.event import Phase, RequestEvent, request_event
from schemas.ids import AccountName, Eid, Iccid, IntentId, RequestId

State = Literal["intended", "sending", "sent", "rejected", "unclear", "withdrawn"]
Step = Literal["begin", "send", "lose", "say", "nothing"]

PRODUCER: Final = "reconciler/submit"
NOT_SENT: Final = "NOT_SENT"
CUT_OFF: Final = "CUT_OFF"
NO_ANSWER: Final = "NO_ANSWER"
CUT_OFF_TEXT: Final = (
    "the command was ended while ThingSpace was being asked; whether it was asked is not known, and it is "
    "not asked again"
)
FORCED: Final = "forced"
WITHOUT_LISTENER: Final = "without_listener"

_PHASES: Final[Mapping[State, Phase]] = {
    "sent": "submitted",
    "rejected": "rejected",
    "withdrawn": "rejected",
    "unclear": "submit_unclear",
}
_STEPS: Final[Mapping[State, Step]] = {"intended": "send", "sending": "lose"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the ledger of intents. `said`: the event about its answer is on the topic."""

    intent_id: IntentId
    order_key: str
    attempt: int
    account: AccountName
    eid: Eid | None
    iccid: Iccid | None
    imei: str | None
    action: str
    state: State
    said: bool
    request_id: RequestId | None
    error_code: str | None
    error_text: str | None
    requested_by: str
    requested_at: datetime
    flags: Sequence[str]
    remark: str | None
    """Over whom a lease was forced."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What asking came to."""

    state: State
    request_id: RequestId | None = None
    code: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ledger has made of the events about an intent."""

    state: str
    final: bool
    request_id: RequestId | None


LOST: Final = Answer("unclear", code=CUT_OFF, text=CUT_OFF_TEXT)
BACK: Final = Answer("intended")
"""ThingSpace was away: nothing happened, and it may be asked later."""


def next_step(entry: Entry | None) -> Step:
    """What is to be done for an order whose last row this is, by whoever finds it."""
    if entry is None:
        return "begin"
    if (step := _STEPS.get(entry.state)) is not None:
        return step
    if not entry.said:
        return "say"
    return "begin" if entry.state == "withdrawn" else "nothing"


def intent_id_of(order_key: str, attempt: int) -> IntentId:
    """Later tries of an order, after one that was certainly not sent, are numbered from 2."""
    return IntentId(order_key if attempt == 0 else f"{order_key}-{attempt + 1}")


def intended_event(entry: Entry, observed_at: datetime) -> RequestEvent:
    """Before asking: who means to ask what, and whether somebody overrode a check."""
    return _event(entry, "intended", None, observed_at, error_text=entry.remark)


def answer_event(entry: Entry, observed_at: datetime) -> RequestEvent:
    """After asking; the entry has its answer."""
    return _event(
        entry,
        _PHASES[entry.state],
        entry.request_id,
        observed_at,
        error_code=entry.error_code,
        error_text=entry.error_text,
    )


def _event(
    entry: Entry,
    phase: Phase,
    request_id: RequestId | None,
    observed_at: datetime,
    *,
    error_code: str | None = None,
    error_text: str | None = None,
) -> RequestEvent:
    return request_event(
        phase=phase,
        account=entry.account,
        request_id=request_id,
        intent_id=entry.intent_id,
        eid=entry.eid,
        iccid=entry.iccid,
        imei=entry.imei,
        action=entry.action,
        observed_at=observed_at,
        requested_at=entry.requested_at,
        requested_by=entry.requested_by,
        producer=PRODUCER,
        error_code=error_code,
        error_text=error_text,
        flags=entry.flags,
    )
