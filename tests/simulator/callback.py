"""A DeviceProfileResponse callback, from what it says to the bytes ThingSpace would send.

The layout follows the one readable sample (the delete page); what is not published is an option, never a
guess hidden in the code. How it is written down is `spelling`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.simulator.content import Json
from tests.simulator.device import KINDS, Device


@dataclass(frozen=True, slots=True)
class Fault:
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Callback:
    """What one callback says; None leaves a member out."""

    request_id: str
    device: Device
    action: str | None = "enable"
    status: str | None = "Success"
    euicc_status: str | None = "EXECUTED_SUCCESS"
    euicc_code: str = "1.2.365"
    euicc_text: str = "EUICC device profile has been updated"
    fault: Fault | None = None
    echo: tuple[str, ...] = ("imei", "eid")
    reported_iccid: str | None = None
    username: str | None = ""
    password: str | None = ""
    attempt: int = 1
    attempts_max: int = 4
    members: Mapping[str, Json] = field(default_factory=dict)


def _identifier(kind: str, value: str) -> Json:
    return {"id": value, "kind": kind}


def _profile(callback: Callback) -> dict[str, Json]:
    device = callback.device
    reported = callback.reported_iccid or device.iccid
    said: dict[str, Json] = {
        "deviceIdentifierCollection": [
            _identifier(kind, reported if kind == "iccid" else device.identifier(kind)) for kind in KINDS
        ],
        "ipAddress": "101.0.1.216",
        "state": "Active",
        "servicePlan": "RP4235311",
        "deviceCredential": {"username": f"{device.mdn}@vzw4g.com", "password": device.mdn},
        "smsrOid": "1.3.6.1.4.1.31746.1.500.200.101.5",
    }
    if callback.action is not None:
        said["profileStatus"] = callback.action
    if callback.euicc_status is not None:
        said["euiccStatus"] = callback.euicc_status
        said["euiccStatusCode"] = callback.euicc_code
        said["euiccStatusDesc"] = callback.euicc_text
    return said


def body_of(callback: Callback) -> dict[str, Json]:
    """The message as an object, members in the order the vendor prints them."""
    credentials = {"username": callback.username, "password": callback.password}
    body: dict[str, Json] = {name: text for name, text in credentials.items() if text is not None}
    body["requestId"] = callback.request_id
    body["deviceIds"] = [_identifier(kind, callback.device.identifier(kind)) for kind in callback.echo]
    if callback.action is not None or callback.euicc_status is not None:
        body["deviceResponse"] = {"usageResponse": [], "deviceProfileResponse": _profile(callback)}
    if callback.fault is not None:
        body["faultResponse"] = {"faultcode": callback.fault.code, "faultstring": callback.fault.text}
    if callback.status is not None:
        body["status"] = callback.status
    body["callbackCount"] = callback.attempt
    body["maxCallbackThreshold"] = callback.attempts_max
    return {**body, **callback.members}
