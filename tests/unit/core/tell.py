"""Evidence in few words, for the tests of the core: what somebody says, and when."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TypedDict, Unpack

from reconciler.core.evidence import Evidence, Fact, Kind
from reconciler.core.identity import gathered
from reconciler.core.operation import Operation, fold_request
from reconciler.core.profile import Profile, fold_device
from schemas.ids import AccountName, Eid, Iccid, IntentId, RequestId

START = datetime(2026, 3, 1, tzinfo=UTC)
EID = "89033023426200000000005438911111"
A, B, X, Y = (Iccid(f"891480000000000000{last}0") for last in range(1, 5))


class Said(TypedDict, total=False):
    """Times are in seconds after START."""

    at: float
    requested: float
    account: str
    request: str | None
    intent: str
    eid: str | None
    imei: str
    mdn: str
    iccid: str
    reported: str
    action: str
    attempt: int
    attempts_max: int
    sequence: int


def moment(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def _evidence(kind: Kind, fact: Fact, said: Said) -> Evidence:
    request, intent, eid = said.get("request", "R1"), said.get("intent"), said.get("eid", EID)
    iccid, reported = said.get("iccid"), said.get("reported")
    content = {**said, "kind": kind, "fact": fact}
    return Evidence(
        key=sha256(repr(sorted(content.items())).encode()).digest()[:16],
        kind=kind,
        account=AccountName(said.get("account", "0252012345-00001")),
        request_id=None if request is None else RequestId(request),
        intent_id=None if intent is None else IntentId(intent),
        eid=None if eid is None else Eid(eid),
        imei=said.get("imei"),
        mdn=said.get("mdn"),
        iccid_named=None if iccid is None else Iccid(iccid),
        iccid_reported=None if reported is None else Iccid(reported),
        iccid_single=kind == "poll" and reported is not None,
        action=said.get("action"),
        fact=fact,
        requested_at=moment(said["requested"]) if "requested" in said else None,
        observed_at=moment(said.get("at", 0)),
        attempt=said.get("attempt"),
        attempts_max=said.get("attempts_max"),
        sequence=said.get("sequence"),
        rules=1,
    )


def callback(fact: Fact, **said: Unpack[Said]) -> Evidence:
    """`iccid` is echoed, `reported` may be the profile active now."""
    return _evidence("callback", fact, said)


def poll(fact: Fact, **said: Unpack[Said]) -> Evidence:
    """`iccid` is the one in question, `reported` what the one sub-request names."""
    return _evidence("poll", fact, said)


def request(phase: Fact, **said: Unpack[Said]) -> Evidence:
    return _evidence("request", phase, said)


def decision(fact: Fact, **said: Unpack[Said]) -> Evidence:
    return _evidence("decision", fact, said)


def operations(*evidence: Evidence) -> list[Operation]:
    """Of whatever requests and intents, each request for itself; in no order."""
    return [operation for rows in gathered(evidence).values() for operation in fold_request(rows).operations]


def operation(*evidence: Evidence) -> Operation:
    """The only one."""
    (found,) = operations(*evidence)
    return found


def profiles(*evidence: Evidence, eid: str = EID) -> tuple[Profile, ...]:
    return fold_device(found for found in operations(*evidence) if found.eid == eid)


def rows(*evidence: Evidence) -> dict[str | None, str]:
    """State by ICCID, the bootstrap under None; several possible states are joined by a bar."""
    return {
        None if profile.bootstrap else profile.iccid: "|".join(profile.possible_states)
        for profile in profiles(*evidence)
    }


def done(
    action: str, iccid: str, at: float, fact: Fact = "success", *, reported: str | None = None
) -> tuple[Evidence, Evidence]:
    """An announced request of its own, and its final callback a second later, which echoes nothing."""
    announced = request("announced", action=action, iccid=iccid, at=at, request=f"R{at}")
    said = Said(action=action, at=at + 1, request=f"R{at}")
    if reported is not None:
        said["reported"] = reported
    return announced, callback(fact, **said)
