"""What ThingSpace, requesters, pollers and operators say, as Kafka records with the product's own bytes."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final, Literal, TypedDict, Unpack

import orjson

from schemas.callback import Callback, parse
from schemas.event import Event, SubRequest, decision_event, poll_event, request_event
from schemas.eventshape import Decided, Phase
from schemas.ids import AccountName, Eid, Iccid, IntentId, RequestId
from schemas.record import Record, callback_record, record_of
from schemas.scrub import Secrets
from schemas.signal import PollSignal
from schemas.topics import Topics

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
"""Recent, because nobody asks any more about what is older than thirty days."""
ACCOUNT = AccountName("0252012345-00001")
OTHER_ACCOUNT = AccountName("0252012345-00002")
TOPICS = Topics()
SECRETS = Secrets()
EIDS = tuple(f"8903302342620000000000543891111{last}" for last in range(4))
ICCIDS = tuple(f"891480000000000000{last}0" for last in range(1, 6))


Status = Literal["Success", "Failed", "Pending"]
POLL_SIGNALS: Final[dict[Status, PollSignal]] = {
    "Success": "poll_success",
    "Failed": "poll_failure",
    "Pending": "poll_pending",
}
PHASES: Final[tuple[Phase, ...]] = ("intended", "submitted", "announced", "rejected", "submit_unclear")
DECIDED: Final[tuple[Decided, ...]] = ("succeeded", "failed", "void")


class Named(TypedDict, total=False):
    """What an event names; `at` is in seconds after START."""

    account: AccountName
    request: str | None
    intent: str | None
    eid: str | None
    imei: str | None
    iccid: str | None
    action: str | None
    at: float


def moment(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def callback(
    status: str = "Success",
    *,
    euicc_status: str | None = None,
    reported: str | None = None,
    attempt: int = 1,
    source_ip: str = "69.78.128.1",
    text: str = "",
    topics: Topics = TOPICS,
    **named: Unpack[Named],
) -> Record:
    """The record a receiver would make of a posted callback."""
    echoed = {"eid": named.get("eid"), "imei": named.get("imei"), "iccid": named.get("iccid")}
    profile: dict[str, object] = {"profileStatus": named.get("action"), "euiccStatus": euicc_status}
    if reported is not None:
        profile["deviceIdentifierCollection"] = [{"kind": "iccid", "id": reported}]
    posted = {
        "requestId": named.get("request"),
        "deviceIds": [{"kind": kind, "id": value} for kind, value in echoed.items() if value is not None],
        "deviceResponse": {"deviceProfileResponse": profile, "note": text},
        "status": status,
        "callbackCount": attempt,
        "maxCallbackThreshold": 4,
    }
    parsed = parse(orjson.dumps(posted), SECRETS)
    assert isinstance(parsed, Callback)
    return callback_record(
        topics,
        parsed,
        account=named.get("account", ACCOUNT),
        service="DeviceProfileService",
        source_ip=source_ip,
        observed_at=moment(named.get("at", 0)),
        producer="receiver/test",
    )


def request(phase: Phase = "announced", *, topics: Topics = TOPICS, **named: Unpack[Named]) -> Record:
    event = request_event(
        phase=phase,
        account=named.get("account", ACCOUNT),
        request_id=_request(named),
        intent_id=_intent(named),
        eid=_eid(named),
        iccid=_iccid(named),
        action=named.get("action"),
        observed_at=moment(named.get("at", 0)),
        producer="submit/test",
        imei=named.get("imei"),
    )
    return record_of(topics, event)


def poll(status: Status, number: int = 1, **named: Unpack[Named]) -> Record:
    """`status` is that of the one sub-request."""
    iccid = _iccid(named)
    request_id = _request(named)
    assert request_id is not None
    event = poll_event(
        account=named.get("account", ACCOUNT),
        request_id=request_id,
        eid=_eid(named),
        iccid=iccid,
        endpoint="v2",
        status=status,
        sub_requests=[SubRequest(kind="iccid", id=iccid, status=status)],
        signal=POLL_SIGNALS[status],
        poll_number=number,
        body={"status": status},
        observed_at=moment(named.get("at", 0)),
        producer="sweep/test",
    )
    return record_of(TOPICS, event)


def decision(decided: Decided, sequence: int = 1, **named: Unpack[Named]) -> Record:
    event: Event = decision_event(
        account=named.get("account", ACCOUNT),
        request_id=_request(named),
        intent_id=_intent(named),
        eid=_eid(named),
        iccid=_iccid(named),
        decided=decided,
        sequence=sequence,
        why="seen on the device",
        decided_by="operator",
        observed_at=moment(named.get("at", 0)),
        producer="decide/test",
    )
    return record_of(TOPICS, event)


def _request(named: Named) -> RequestId | None:
    request = named.get("request")
    return None if request is None else RequestId(request)


def _intent(named: Named) -> IntentId | None:
    intent = named.get("intent")
    return None if intent is None else IntentId(intent)


def _eid(named: Named) -> Eid | None:
    eid = named.get("eid")
    return None if eid is None else Eid(eid)


def _iccid(named: Named) -> Iccid | None:
    iccid = named.get("iccid")
    return None if iccid is None else Iccid(iccid)


def random_records(rng: Random, count: int) -> list[Record]:
    """Of a few requests and devices, with gaps: identifiers are missing, intents become requests or do not.

    In one story of two every event names its EID, so that requests are folded EID by EID.
    """
    always_eid = rng.random() < 0.5
    return [_random_record(rng, at, always_eid=always_eid) for at in range(count)]


def _random_record(rng: Random, at: int, *, always_eid: bool) -> Record:
    number = rng.randrange(4)
    eid = EIDS[rng.choice((number % 2, rng.randrange(4)))]
    named = Named(
        account=rng.choice((ACCOUNT, ACCOUNT, ACCOUNT, OTHER_ACCOUNT)),
        request=rng.choice((f"R{number}", f"R{number}", f"R{number}", None)),
        intent=rng.choice((f"I{rng.randrange(3)}", None)),
        eid=eid if always_eid else rng.choice((eid, eid, eid, None)),
        imei=rng.choice((f"35000000000000{number}", None)),
        iccid=rng.choice((*ICCIDS[:3], None, None)),
        action=rng.choice(
            ("enable", "enable", "delete", "disable", "download_enable", "setfallbackattribute")
        ),
        at=at + rng.randrange(-20, 20),
    )
    kind = rng.choice(("callback", "callback", "callback", "request", "request", "poll", "decision"))
    if kind == "callback":
        return callback(
            rng.choice(("Success", "Success", "Failed", "warning", "odd")),
            reported=rng.choice((None, None, *ICCIDS)),
            attempt=rng.randrange(1, 5),
            **named,
        )
    if kind == "request":
        return request(rng.choice(PHASES), **named)
    if kind == "poll":
        named["request"] = f"R{number}"
        return poll(rng.choice(tuple(POLL_SIGNALS)), rng.randrange(3), **named)
    return decision(rng.choice(DECIDED), rng.randrange(3), **named)
