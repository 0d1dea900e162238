"""The body of a profile action, read into an order or refused with the error the API has for it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.simulator.content import Json
from tests.simulator.server.reply import Reply, error

DEVICES_EVER_MAX = 10_000
KINDS = frozenset({"eid", "iccid", "imei", "meid", "imsi", "mdn", "msisdn", "esn"})
FORMS: Mapping[str, re.Pattern[str]] = {
    "eid": re.compile(r"\d{30}|\d{32}"),
    "iccid": re.compile(r"\d{18,20}"),
    "imei": re.compile(r"\d{14,16}"),
    "mdn": re.compile(r"\d{10}"),
}

# What identifies a device of each action: one of these sets must be there.
REQUIRED: Mapping[str, Sequence[frozenset[str]]] = {
    "download": [frozenset({"eid", "iccid", "imei"})],
    "download_enable": [frozenset({"eid", "iccid"})],
    "download_disable": [frozenset({"eid", "iccid"})],
    "enable": [frozenset({"eid", "iccid"})],
    "disable": [frozenset({"eid", "iccid"})],
    "delete": [frozenset({"eid", "iccid"})],
    "activate": [frozenset({"eid", "iccid"}), frozenset({"eid", "imei"})],
    "activate_enable": [frozenset({"eid", "imei"})],
    "deactivate": [frozenset({"eid", "iccid"})],
    "setfallbackattribute": [frozenset({"eid", "iccid"}), frozenset({"eid", "imei"})],
    "profile_suspend": [frozenset({"iccid"})],
    "profile_resume": [frozenset({"iccid"})],
    "device_suspend": [frozenset({"eid"})],
    "device_resume": [frozenset({"eid"})],
    "renew_activation_code": [frozenset({"eid", "iccid"}), frozenset({"eid", "imei"})],
}

# Which members a body needs beside devices and accountName: one of these.
MEMBERS: Mapping[str, Sequence[str]] = {
    "download": ["servicePlan"],
    "download_enable": ["smsrOid"],
    "download_disable": ["smsrOid"],
    "disable": ["smsrOid"],
    "enable": ["smsrOid", "servicePlan"],
    "delete": ["smsrOid", "servicePlan"],
    "profile_suspend": ["servicePlan"],
    "profile_resume": ["servicePlan"],
}


@dataclass(frozen=True, slots=True)
class Target:
    """One device of an order, by what the caller named of it."""

    eid: str | None
    iccid: str | None
    imei: str | None


@dataclass(frozen=True, slots=True)
class Order:
    account: str
    action: str
    targets: tuple[Target, ...]


def read_order(action: str, body: bytes, devices_max: int) -> Order | Reply:
    found = read_object(body)
    if isinstance(found, Reply):
        return found
    account = found.get("accountName")
    if not isinstance(account, str) or not account:
        return error("INPUT_INVALID.Account.NotDefined", "accountName is required")
    needed = MEMBERS.get(action, [])
    if needed and not any(found.get(name) for name in needed):
        return error("REQUEST_FAILED.UnexpectedError", f"{' or '.join(needed)} is required")
    targets = _targets(action, found.get("devices"), devices_max)
    return targets if isinstance(targets, Reply) else Order(account, action, targets)


def read_object(body: bytes) -> dict[str, Json] | Reply:
    if not body.strip():
        return error("INPUT_INVALID.RequestUndefined", "The request is empty")
    try:
        value: Json = json.loads(body)
    except ValueError:
        return error("DeserializationFailed", "The request could not be read")
    if not isinstance(value, dict):
        return error("DeserializationFailed", "The request could not be read")
    if any(character in text for text in _texts(value) for character in "'<\\"):
        return error("INPUT_INVALID.Request.InvalidCharacter", "The request holds an invalid character")
    return value


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _targets(action: str, devices: Json, devices_max: int) -> tuple[Target, ...] | Reply:
    if not isinstance(devices, list) or not devices:
        return error("DeserializationFailed", "devices is required")
    if len(devices) > DEVICES_EVER_MAX:
        return error("MaxRequestsExceeded", f"At most {DEVICES_EVER_MAX} devices")
    if len(devices) > devices_max:
        return error("INPUT_INVALID.NumberofDevices", f"At most {devices_max} devices in a request")
    targets: list[Target] = []
    for device in devices:
        named = _named(device)
        if isinstance(named, Reply):
            return named
        if not any(kinds <= named.keys() for kinds in REQUIRED[action]):
            return error("INPUT_INVALID.Device.Kind.Invalid", f"An identifier that {action} needs is missing")
        targets.append(Target(named.get("eid"), named.get("iccid"), named.get("imei")))
    return tuple(targets)


def _named(device: Json) -> dict[str, str] | Reply:
    listed = device.get("deviceIds") if isinstance(device, dict) else None
    if not isinstance(listed, list) or not listed:
        return error("DeserializationFailed", "deviceIds is required")
    named: dict[str, str] = {}
    for item in listed:
        kind, value = (item.get("kind"), item.get("id")) if isinstance(item, dict) else (None, None)
        if not isinstance(kind, str) or kind.casefold() not in KINDS:
            return error("INPUT_INVALID.Device.Kind.Invalid", "A device identifier has an unknown kind")
        form = FORMS.get(kind.casefold())
        if not isinstance(value, str) or not value or (form is not None and not form.fullmatch(value)):
            return error("INPUT_INVALID.Device.Identifier.Invalid", f"An {kind} does not fit its kind")
        named[kind.casefold()] = value
    return named
