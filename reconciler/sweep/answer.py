"""What one answer of ThingSpace says of one operation (machines.md 3: a poll answers per sub-request).

A request may hold many devices, so an answer may be about others, or about nobody in particular. The table
below tells whose word counts; an answer that says nothing of the operation in question leaves it pending.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple

from reconciler.core.evidence import same_profile
from reconciler.core.identity import Device, Group, operation_id
from schemas.event import SubRequest
from schemas.ids import AccountName, Eid, Iccid, OperationId, RequestId
from schemas.signal import PollSignal, classify_poll


@dataclass(frozen=True, slots=True)
class Asked:
    """The operation in question, as it stood when its poll was numbered."""

    operation_id: OperationId
    account: AccountName
    request_id: RequestId
    eid: Eid | None
    device: str | None
    iccid_target: Iccid | None
    action: str | None
    first_seen_at: datetime
    one_of_several: bool
    """The request has other operations too."""
    poll_number: int
    asked_at: datetime
    asked_before: datetime | None
    lease_until: datetime


class Answer(NamedTuple):
    """`sub_requests` are those of ThingSpace's answer; `status` is the overall one."""

    status: str | None
    sub_requests: Sequence[SubRequest]


class Reading(NamedTuple):
    """What a poll event says. Sub-requests that can only be about others stay in its body alone."""

    signal: PollSignal
    sub_requests: tuple[SubRequest, ...]


Speaker = Literal["target", "device", "only", "overall", "nobody"]
_Words = Sequence[str | None]
_Row = tuple[Speaker, Callable[[Asked, Answer], _Words]]


def _of_target(asked: Asked, answer: Answer) -> _Words:
    """The sub-requests that name the profile in question."""
    return [sub.status for sub in answer.sub_requests if _names_target(asked, sub)]


def _of_device(asked: Asked, answer: Answer) -> _Words:
    """Those that name the device, where it has no other operation in this request."""
    if asked.one_of_several and asked.iccid_target is not None:
        return []
    return [sub.status for sub in answer.sub_requests if _names_device(asked, sub)]


def _of_only_one(asked: Asked, answer: Answer) -> _Words:
    """The one sub-request of a request for one operation, whatever it names: the fold judges the name."""
    if asked.one_of_several or len(answer.sub_requests) != 1:
        return []
    return [answer.sub_requests[0].status]


def _overall(asked: Asked, answer: Answer) -> _Words:
    """Of a request for one operation whose answer is not broken down."""
    return [] if asked.one_of_several or answer.sub_requests else [answer.status]


SPEAKERS: Final[tuple[_Row, ...]] = (
    ("target", _of_target),
    ("device", _of_device),
    ("only", _of_only_one),
    ("overall", _overall),
)
"""The first that says anything is believed; where its words disagree, nothing is settled."""


def reading(asked: Asked, answer: Answer) -> Reading:
    narrowed = _narrowed(asked, answer)
    speaker, signal = _signal(asked, narrowed)
    stranger = speaker == "nobody" and asked.one_of_several and len(narrowed.sub_requests) == 1
    return Reading(signal, () if stranger else tuple(narrowed.sub_requests))


def speaker_of(asked: Asked, answer: Answer) -> Speaker:
    """Who was believed."""
    return _signal(asked, _narrowed(asked, answer))[0]


def _narrowed(asked: Asked, answer: Answer) -> Answer:
    """One sub-request may name device and profile: of a request for one operation the profile is the news."""
    profiles = [sub for sub in answer.sub_requests if _kind(sub) == "iccid"]
    others = [sub for sub in answer.sub_requests if not _names_device(asked, sub)]
    if asked.one_of_several or len(profiles) != 1 or others != profiles:
        return answer
    return Answer(answer.status, profiles)


def _signal(asked: Asked, answer: Answer) -> tuple[Speaker, PollSignal]:
    for speaker, words_of in SPEAKERS:
        words = words_of(asked, answer)
        if words:
            signals = {classify_poll(word) for word in words}
            return speaker, signals.pop() if len(signals) == 1 else "poll_pending"
    return "nobody", "poll_pending"


def _names_target(asked: Asked, sub: SubRequest) -> bool:
    target = asked.iccid_target
    return (
        target is not None and sub.id is not None and _kind(sub) == "iccid" and same_profile(sub.id, target)
    )


def _names_device(asked: Asked, sub: SubRequest) -> bool:
    kind = _kind(sub)
    if kind == "eid":
        return asked.eid is not None and sub.id == asked.eid
    return kind in ("imei", "mdn") and asked.eid is None and sub.id is not None and sub.id == asked.device


def _kind(sub: SubRequest) -> str:
    return (sub.kind or "").strip().casefold()


def device_of(asked: Asked) -> Device:
    """What stands for the device: the kind of name from which the operation's id was derived."""
    if asked.eid is not None:
        return Device("eid", asked.eid)
    group = Group(asked.account, "request", asked.request_id)
    for device in (
        Device("imei", asked.device or ""),
        Device("mdn", asked.device or ""),
        Device("iccid", asked.device or ""),
    ):
        if asked.operation_id in (
            operation_id(group, device, None),
            operation_id(group, device, asked.iccid_target),
        ):
            return device
    return Device("none", "")
