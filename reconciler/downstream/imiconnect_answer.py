"""Reading what IMIconnect's Profile API answers: two envelopes, one table of codes.

Classified by the code in the body first, by the HTTP status second: the sister interfaces are documented to
say "authentication failed" with status 200. The same number means other things in the vendor's other
interfaces, so this table serves the Profile API alone.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import orjson

from reconciler.downstream.answer import Answer, Outcome, text_of

CODE_CHARS_MAX: Final = 16
NESTED: Final = "(nested)"
"""For an attribute's value that is none: neither a device nor a time, and of any depth."""

Call = Literal["create", "update", "delete", "status", "get"]

CODES: Final[Mapping[str, Outcome]] = {
    "1001": "accepted",
    "7000": "refused",
    "7001": "broken",
    "7002": "broken",
    "7003": "refused",
    "7006": "lost",
    "7010": "broken",
    "7011": "refused",
    "7012": "refused",
    "7014": "not_there",
    "7203": "not_there",
    "7015": "exists",
    "7018": "broken",
    "7020": "throttled",
    "7600": "pending",
}
"""All but 1000 and 1002, which only the rest of the answer explains. 7203 is an older number of 7014."""

BY_CALL: Final[Mapping[tuple[Call, str], Outcome]] = {
    ("update", "7014"): "refused",
    ("update", "7203"): "refused",
    ("status", "7006"): "away",
    ("get", "7006"): "away",
}
"""Where a code means something else for one call: asking again does no harm."""

HTTP: Final[Mapping[int, Outcome]] = {
    401: "broken",
    403: "broken",
    404: "broken",
    408: "lost",
    429: "throttled",
}


def read(call: Call, http_status: int, body: bytes, retry_after_s: float | None = None) -> Answer:
    """What `body`, the whole of it, means for this call. Never raises."""
    envelope = _envelope(body)
    if envelope is None:
        return Answer(_by_status(call, http_status), "", "no JSON object", None, http_status, retry_after_s)
    code = text_of(envelope.get("code"), CODE_CHARS_MAX)
    text = text_of(envelope.get("description") or envelope.get("Description"))
    outcome = _outcome(call, code, text, envelope, http_status)
    if outcome == "unknown" and not code:
        outcome = _by_status(call, http_status)
    transaction_id = text_of(envelope.get("transid")) or None
    return Answer(outcome, code, text, transaction_id, http_status, retry_after_s)


def _outcome(call: Call, code: str, text: str, envelope: Mapping[str, object], http_status: int) -> Outcome:
    if code == "1000":
        if call == "get":
            return "confirmed"
        return _of_records(call, envelope) if _is_done(call, text, http_status) else "accepted"
    if code == "1002":
        return _of_records(call, envelope)
    if code == "7020" and "quota" in text.casefold():
        return "broken"
    return BY_CALL.get((call, code)) or CODES.get(code, "unknown")


def _is_done(call: Call, text: str, http_status: int) -> bool:
    """1000 stands for queued and for finished alike."""
    return text.casefold() == "success" and (http_status == 200 or call == "status")


def _of_records(call: Call, envelope: Mapping[str, object]) -> Outcome:
    """The verdict on the one record that we ever send: its own, whatever the whole is called."""
    results = envelope.get("Results")
    records = results if isinstance(results, list) else []
    found = {_of_record(call, record) for record in records}
    if len(found) == 1:
        return found.pop()
    if found:
        return "unknown"
    return "confirmed" if envelope.get("code") == "1000" and not envelope.get("FailureCount") else "unknown"


def _of_record(call: Call, record: object) -> Outcome:
    if not isinstance(record, dict):
        return "unknown"
    code = text_of(record.get("code"), CODE_CHARS_MAX)
    if code == "1000":
        done = text_of(record.get("description")).casefold() == "success"
        return "confirmed" if done else "pending"
    return BY_CALL.get((call, code)) or CODES.get(code, "unknown")


def _by_status(call: Call, http_status: int) -> Outcome:
    """Of an answer whose body says nothing: a proxy's page, a redirect, an empty one."""
    known = HTTP.get(http_status)
    if known is not None:
        return known
    if http_status >= 500:
        return "away" if call in ("status", "get") else "lost"
    if 300 <= http_status < 500:
        return "broken"
    return "unknown"


def _envelope(body: bytes) -> Mapping[str, object] | None:
    """The object that holds the code: the whole, what is under `response`, or what a gateway wrapped."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(found, dict):
        return None
    inner = found.get("response")
    if isinstance(inner, list):
        inner = inner[0] if len(inner) == 1 else None
    if isinstance(inner, dict):
        return inner
    return _unwrapped(found)


def _unwrapped(found: dict[str, object]) -> Mapping[str, object]:
    """Gateways put the answer into `detail.response_message`."""
    detail = found.get("detail")
    inner = detail.get("response_message") if isinstance(detail, dict) else None
    if isinstance(inner, dict) and "code" not in found:
        return {"description": inner.get("message"), **inner}
    return found


def records_of(body: bytes) -> Sequence[Mapping[str, str]] | None:
    """The app profiles in the answer to a get: names in small letters, values as text; None: unreadable.

    A customer has one record for each device; no record at all may also be said by code 7014.
    """
    envelope = _envelope(body)
    if envelope is None:
        return None
    records = envelope.get("Records")
    if records is None:
        return () if text_of(envelope.get("code"), CODE_CHARS_MAX) in ("7014", "7203") else None
    if not isinstance(records, list):
        return None
    found = [_attributes(record) for record in records]
    return None if any(each is None for each in found) else [each for each in found if each is not None]


def _attributes(record: object) -> Mapping[str, str] | None:
    listed = record.get("Attributes") if isinstance(record, dict) else None
    if not isinstance(listed, list):
        return None
    named: dict[str, str] = {}
    for attribute in listed:
        if not isinstance(attribute, dict) or not isinstance(attribute.get("Name"), str):
            return None
        value = attribute.get("Value")
        nested = isinstance(value, list | dict)
        named[attribute["Name"].casefold()] = NESTED if nested else "" if value is None else str(value)
    return named
