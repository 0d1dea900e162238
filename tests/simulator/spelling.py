"""The odd ways in which the same message was seen or printed, as two tables.

`SPELLINGS` change the object (names, kinds, types of identifiers), `LAYOUTS` the text. Both hold, by name,
what it is in words and how it is done.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from tests.simulator.content import BOM, Json

Body: TypeAlias = dict[str, Json]


def renamed(value: Json, rename: Callable[[str], str]) -> Json:
    """The value with every member name, at any depth, passed through `rename`."""
    if isinstance(value, dict):
        return {rename(name): renamed(member, rename) for name, member in value.items()}
    if isinstance(value, list):
        return [renamed(item, rename) for item in value]
    return value


def identifiers_changed(value: Json, change: Callable[[Body], Body]) -> Json:
    """The value with every `{id, kind}` object passed through `change`."""
    if isinstance(value, dict):
        if "kind" in value:
            return change(value)
        return {name: identifiers_changed(member, change) for name, member in value.items()}
    if isinstance(value, list):
        return [identifiers_changed(item, change) for item in value]
    return value


def _names(table: Mapping[str, str]) -> Callable[[Body], Json]:
    return lambda body: renamed(body, lambda name: table.get(name, name))


def _kinds(change: Callable[[str], str]) -> Callable[[Body], Json]:
    return lambda body: identifiers_changed(body, lambda item: {**item, "kind": change(str(item["kind"]))})


def _pascal_all(body: Body) -> Json:
    return renamed(body, lambda name: name[:1].upper() + name[1:])


def _numeric_ids(body: Body) -> Json:
    return identifiers_changed(body, lambda item: {**item, "id": int(str(item["id"]))})


def _idless(body: Body) -> Json:
    listed = body["deviceIds"]
    assert isinstance(listed, list)
    return {**body, "deviceIds": [*listed, {"kind": "meid"}, {"kind": "esn", "id": None}]}


def _unknown_members(body: Body) -> Json:
    unknown: Body = {"shard": 7, "hops": ["a", "b"], "ratio": 0.25}
    response = body.get("deviceResponse")
    inner: Body = {**response} if isinstance(response, dict) else {}
    inner["lineDetails"] = {"notes": "añadido 追加"}
    return {**body, "deviceResponse": inner, "correlationTag": unknown}


EMPTIED = frozenset({"ipAddress", "servicePlan", "smsrOid", "euiccStatusDesc"})


def _emptied(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: None if name in EMPTIED else _emptied(member) for name, member in value.items()}
    return value


def _nulls(body: Body) -> Json:
    return {name: _emptied(member) for name, member in body.items()} | {"faultResponse": None}


def _count_text(body: Body) -> Json:
    return {**body, "callbackCount": str(body["callbackCount"])}


def _count_absent(body: Body) -> Json:
    return {
        name: value for name, value in body.items() if name not in {"callbackCount", "maxCallbackThreshold"}
    }


FALLBACK_PAGE = {"requestId": "RequestId", "deviceIds": "Device", "kind": "Kind", "id": "Identifier"}

SPELLINGS: Mapping[str, tuple[str, Callable[[Body], Json]]] = {
    "pascal": (
        "RequestId, Device, Kind, Identifier, as on the setfallbackattribute page",
        _names(FALLBACK_PAGE),
    ),
    "pascal_all": ("every member name starts with a capital", _pascal_all),
    "request_id_caps": ("requestID", _names({"requestId": "requestID"})),
    "devices": ("Devices instead of deviceIds", _names({"deviceIds": "Devices"})),
    "kinds_upper": ("IMEI, ICCID, MDN, EID", _kinds(str.upper)),
    "kinds_title": ("Imei, Iccid, Mdn, Eid", _kinds(str.title)),
    "kind_icc_id": ("iccId, as the device list says", _kinds(lambda kind: kind.replace("iccid", "iccId"))),
    "numeric_ids": ("identifiers as JSON numbers", _numeric_ids),
    "idless": ("entries with a kind and no id", _idless),
    "unknown_members": ("members nobody documented, at several depths", _unknown_members),
    "nulls": ("null where a value was", _nulls),
    "count_text": ("the counter as text", _count_text),
    "count_absent": ("no counters at all", _count_absent),
}

BEFORE_CLOSING = re.compile(r"(?<=[^\s{\[,])(\n\s*[}\]])")
PLAIN_STRING = re.compile(r'"(?!callbackCount")([a-z])([^"\\]*)"')


def compact(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _printed(value: Json) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode()


def _trailing_commas(value: Json) -> bytes:
    return BEFORE_CLOSING.sub(r",\1", json.dumps(value, indent=2)).encode()


def _escapes(value: Json) -> bytes:
    """The first letter of each string escaped, but not in `callbackCount`, whose number attempts rewrite."""
    text = json.dumps(value, separators=(",", ":"))
    return PLAIN_STRING.sub(lambda found: f'"\\u{ord(found[1]):04x}{found[2]}"', text).encode()


LAYOUTS: Mapping[str, tuple[str, Callable[[Json], bytes]]] = {
    "compact": ("no white space", compact),
    "printed": ("two-space layout, as the vendor prints it", _printed),
    "trailing_commas": ("a comma before every closing brace and bracket", _trailing_commas),
    "escapes": ("letters as \\u escapes", _escapes),
    "bom": ("a byte order mark in front", lambda value: BOM + compact(value)),
}


def spelled(body: Body, names: Iterable[str] = ()) -> bytes:
    """The body on the wire, in the spellings named; KeyError for an unknown one. The last layout wins."""
    layout: Callable[[Json], bytes] = compact
    value = body
    for name in names:
        if name in LAYOUTS:
            layout = LAYOUTS[name][1]
        else:
            changed = SPELLINGS[name][1](value)
            assert isinstance(changed, dict)
            value = changed
    return layout(value)
