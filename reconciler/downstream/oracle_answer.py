"""Reading what Oracle's customer care answers to "unregister the devices of this customer"."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from typing import Final

import orjson

from reconciler.downstream.answer import Answer, Outcome, text_of

HTTP: Final[Mapping[int, Outcome]] = {
    400: "refused",
    401: "broken",
    403: "broken",
    404: "not_there",
    405: "broken",
    406: "broken",
    408: "away",
    412: "refused",
    415: "broken",
    429: "throttled",
    500: "away",
    502: "away",
    503: "away",
    504: "away",
}
"""Unregistering twice is the same as once, so whatever may pass by itself is tried again. 404 is an unknown
customer or a wrong address: only who knows the address can tell."""


def read(http_status: int, body: bytes, retry_after_s: float | None = None) -> Answer:
    """Done is 200 and `status` true and `responseCode` "0", nothing less. Never raises."""
    said = _status_response(body)
    code, text = (said["code"], said["text"]) if said else ("", "")
    outcome = _of_success(said) if http_status == 200 else HTTP.get(http_status, _other(http_status))
    return Answer(outcome, code, text, None, http_status, retry_after_s)


def _of_success(said: Mapping[str, str] | None) -> Outcome:
    """200 with something that is no answer of theirs comes from a proxy or a login page."""
    if said is None:
        return "broken"
    return "confirmed" if said["status"] == "true" and said["code"] == "0" else "unknown"


def _other(http_status: int) -> Outcome:
    return "broken" if 300 <= http_status < 400 else "unknown"


def _status_response(body: bytes) -> Mapping[str, str] | None:
    """Its members as text, from JSON or from XML; None where it is neither."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = _from_xml(body)
    if not isinstance(found, dict) or not found.keys() & {"responseCode", "status"}:
        return None
    return {
        "code": text_of(found.get("responseCode")),
        "text": text_of(found.get("responseMessage")),
        "status": "true" if found.get("status") in (True, "true") else "false",
    }


def _from_xml(body: bytes) -> object:
    if b"<!DOCTYPE" in body.upper() or b"<!ENTITY" in body.upper():
        return None
    try:
        root = ElementTree.fromstring(body)  # noqa: S314  (without a document type there are no entities)
    except (ElementTree.ParseError, ValueError, LookupError):
        return None
    if root.tag.rpartition("}")[2] != "StatusResponse":
        return None
    return {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in root}
