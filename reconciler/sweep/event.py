"""The event that a poll becomes. Pure: the time is given."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from reconciler.sweep.answer import Answer, Asked, device_of, reading
from reconciler.thingspace.talk import Rejected, RequestStatus
from schemas.event import PollEvent, SubRequest, poll_event
from schemas.ids import Iccid
from schemas.names import Json
from schemas.signal import PollSignal
from schemas.topics import MESSAGE_BYTES_MAX

PRODUCER: Final = "reconciler/sweep"
EVENT_BYTES_MAX: Final = MESSAGE_BYTES_MAX // 2
"""Room for headers, and for whoever copies the record with more of them."""
TEXT_CHARS_MAX: Final = 1000


def poll_of(asked: Asked, status: RequestStatus, observed_at: datetime) -> PollEvent:
    """What ThingSpace knows of the request, as it concerns this operation."""
    read = reading(asked, Answer(status.status, status.sub_requests))
    event = _event(asked, status, read.sub_requests, read.signal, status.body, observed_at)
    if len(event.to_json()) <= EVENT_BYTES_MAX:
        return event
    left_out: Json = {"left_out": f"an answer with {len(status.sub_requests)} sub-requests"}
    word = status.status and status.status[:TEXT_CHARS_MAX]
    return _event(asked, replace(status, status=word), (), read.signal, left_out, observed_at)


def refusal_of(asked: Asked, refusal: Rejected, observed_at: datetime) -> PollEvent:
    """ThingSpace would not tell: a poll that found nothing, with the reason."""
    said: Json = {
        "refused": {
            "code": refusal.code[:TEXT_CHARS_MAX],
            "text": refusal.text[:TEXT_CHARS_MAX],
            "http_status": refusal.http_status,
        }
    }
    nothing = RequestStatus(endpoint="refused", status=None, sub_requests=(), body=said)
    return poll_of(asked, nothing, observed_at)


def _event(
    asked: Asked,
    status: RequestStatus,
    sub_requests: tuple[SubRequest, ...],
    signal: PollSignal,
    body: Json,
    observed_at: datetime,
) -> PollEvent:
    device = device_of(asked)
    target = asked.iccid_target
    if target is None and device.kind == "iccid":
        target = Iccid(device.id)
    return poll_event(
        account=asked.account,
        request_id=asked.request_id,
        eid=asked.eid,
        iccid=target,
        endpoint=status.endpoint,
        status=status.status,
        sub_requests=sub_requests,
        signal=signal,
        poll_number=asked.poll_number,
        body=body,
        observed_at=observed_at,
        producer=PRODUCER,
        imei=device.id if device.kind == "imei" else None,
        mdn=device.id if device.kind == "mdn" else None,
    )
