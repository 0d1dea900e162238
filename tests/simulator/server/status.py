"""What is told to those who ask: the status of a request, in two versions, and the devices of an account."""

from __future__ import annotations

from collections.abc import Sequence

from tests.simulator.content import Json
from tests.simulator.journal import stamp
from tests.simulator.server.fleet import Line
from tests.simulator.server.reply import Reply, answer, error
from tests.simulator.server.requests import Part, Request
from tests.simulator.server.settings import Status

OF_LINES = frozenset({"activate", "deactivate", "device_suspend", "device_resume"})
MEMBERS = {"documented": "subRequests", "sdk": "subrequests"}
NO_REQUEST = error("REQUEST_FAILED.UnexpectedError", "The request could not be found")


def status_v2(request_id: str, request: Request | None, account: str, rules: Status, now: float) -> Reply:
    """Success, Failed or Pending for the request, and for each of its profiles."""
    if request is None or request.account != account or now - request.at > rules.kept_s:
        return _not_ours(request_id, rules)
    subs = [sub for part in request.parts for sub in _subs(part, now)]
    overall = _overall([word for _, word in subs], rules)
    told: list[Json] = [_sub(iccid, word, rules.shape) for iccid, word in subs]
    return answer({"requestId": request_id, "status": overall, MEMBERS[rules.shape]: told})


def _not_ours(request_id: str, rules: Status) -> Reply:
    """An error; or for ever pending, where somebody polls about requests he made up himself."""
    if rules.unknown_requests == "error":
        return NO_REQUEST
    return answer({"requestId": request_id, "status": "Pending", MEMBERS[rules.shape]: []})


def _subs(part: Part, now: float) -> list[tuple[str, str]]:
    if not part.known(now):
        return [(part.iccid, "Pending")]
    return [(iccid, "Success" if done else "Failed") for iccid, done in part.subs]


def _sub(iccid: str, word: str, shape: str) -> Json:
    item: Json = {"id": iccid, "kind": "iccid"}
    return {"ids": [item] if shape == "documented" else item, "status": word}


def _overall(words: Sequence[str], rules: Status) -> str:
    """`printed` is the vendor's own sample: Success, although a part is still pending."""
    if rules.overall == "printed" and "Success" in words:
        return "Success"
    if "Pending" in words:
        return "Pending"
    return "Failed" if "Failed" in words else "Success"


def status_v1(request: Request | None, account: str, rules: Status, now: float) -> Reply:
    """Only for what is done to the line of a single device; profile actions it does not know."""
    if request is None or request.account != account or now - request.at > rules.kept_s:
        return NO_REQUEST
    if request.action not in OF_LINES or len(request.parts) > 1:
        if rules.v1_profile_requests == "error":
            return error("REQUEST_FAILED.UnexpectedError", "The status of this request is not available")
        return answer({"requestId": request.request_id, "status": "Pending"})
    (part,) = request.parts
    word = "Pending" if not part.known(now) else "Success" if part.done else rules.v1_failure_word
    return answer({"requestId": request.request_id, "status": word})


def devices_v1(lines: Sequence[Line], now: float) -> Reply:
    """The synchronous list, in which an ICCID is an `iccId`."""
    return answer({"hasMoreData": False, "devices": [_device(line, now) for line in lines]})


def _device(line: Line, now: float) -> Json:
    state = "suspend" if line.card.enabled in line.card.suspended else "active"
    ids = {"imei": line.imei, "iccId": line.card.enabled, "mdn": line.mdn, "eid": line.card.eid}
    return {
        "accountName": line.account,
        "carrierInformations": [
            {"carrierName": "Verizon Wireless", "servicePlan": "RP4235311", "state": state}
        ],
        "connected": True,
        "createdAt": stamp(now),
        "deviceIds": [{"id": value, "kind": kind} for kind, value in ids.items()],
        "extendedAttributes": [],
        "groupNames": [f"Default: {line.account}"],
        "ipAddress": "101.0.1.216",
    }


def devices_v2(lines: Sequence[Line]) -> Json:
    """The part of a callback in which the eUICC device list comes; its members are not published."""
    return [
        {
            "deviceIds": [
                {"id": line.card.eid, "kind": "eid"},
                {"id": line.imei, "kind": "imei"},
                {"id": iccid, "kind": "iccid"},
            ],
            "provisioningStatus": "ACTIVE",
            "profileStatus": "ENABLE" if iccid == line.card.enabled else "DISABLE",
        }
        for line in lines
        for iccid in sorted(line.card.present)
    ]
