"""What one event said, in words. Pure; whatever came from outside is made printable."""

from collections.abc import Mapping
from typing import Final

import orjson

from reconciler.audit.for_people import printable, shown
from reconciler.audit.stories import EventStory, Row
from reconciler.core.operation import Objection
from schemas.callback import Callback, parse
from schemas.names import Json, JsonObject
from schemas.scrub import Secrets
from schemas.signal import NOBODY_KNOWS_EUICC, word

SIGNALS: Final[Mapping[str, str]] = {
    "success": "success",
    "failure": "failure",
    "interim": "a warning, which is never the last word",
    "held": "ThingSpace holds the request back",
    "unclear": "nobody can tell from it",
    "poll_success": "success",
    "poll_failure": "failure",
    "poll_pending": "nothing is settled yet",
}
PHASES: Final[Mapping[str, str]] = {
    "intended": "meant to ask for",
    "submitted": "asked ThingSpace, which took it, for",
    "announced": "announced that somebody asked for",
    "rejected": "asked ThingSpace, which refused it, for",
    "submit_unclear": "does not know whether ThingSpace got the request for",
}
_OUTCOMES: Final[Mapping[str, str]] = {
    "applied": "was news",
    "repeated": "was known",
    "late": "came when all was settled",
    "conflict": "contradicted what was known",
    "unmatched": "belongs to no operation",
    "undone_by_decision": "a decision stands against it",
}


def outcome_words(outcome: str) -> str:
    return _OUTCOMES.get(outcome, outcome)


def said_by(event: EventStory, operation: Row) -> tuple[str, str]:
    """What it said, and where from."""
    kind = event.event["kind"]
    if kind == "callback":
        return _callback(event, operation)
    members = _members(event.event)
    if kind == "poll":
        return _poll(event.event, members)
    if kind == "request":
        return _request(event.event, members), f"said by {_text(members.get('producer'))}"
    return _decision(members), f"said by {_text(members.get('producer'))}"


def _callback(event: EventStory, operation: Row) -> tuple[str, str]:
    row = event.event
    words = _callback_words(row)
    says = SIGNALS[str(row["fact"])] + (f" ({words})" if words else "")
    reported = row["iccid_reported"]
    if reported not in (None, operation["iccid_target"]):
        says += f"; it reports ICCID {shown(reported)}, perhaps the profile active then"
    return says, _source(event)


def _callback_words(row: Row) -> str:
    """ThingSpace's own words; none where the body was erased."""
    read = _read(row)
    if read is None:
        return ""
    said = {
        "status": read.status,
        "eUICC": read.euicc_status,
        "fault": read.fault_code,
        "text": read.fault_text or read.euicc_status_desc,
    }
    return ", ".join(f"{name} {printable(value)}" for name, value in said.items() if value)


def _read(row: Row) -> Callback | None:
    body = row["body"]
    if not isinstance(body, str):
        return None
    read = parse(body.encode(), Secrets())
    return read if isinstance(read, Callback) else None


def _source(event: EventStory) -> str:
    places = sorted({shown(copy["source_ip"]) for copy in event.deliveries})
    attempts = sorted({shown(copy["attempt"]) for copy in event.deliveries if copy["attempt"] is not None})
    most = next((copy["attempts_max"] for copy in event.deliveries if copy["attempts_max"]), None)
    said = f"{shown(event.event['service'])} from {', '.join(places)}"
    if attempts:
        said += f", attempt {', '.join(attempts)}" + (f" of {shown(most)}" if most else "")
    copies = len(event.deliveries)
    return said if copies < 2 else f"{said}, received {copies} times"


def _poll(row: Row, members: JsonObject) -> tuple[str, str]:
    subs = members.get("sub_requests")
    lines = [_sub_request(sub) for sub in subs if isinstance(sub, dict)] if isinstance(subs, list) else []
    refused = _refused(members.get("body"))
    said = refused or "; ".join(lines[:5]) or f"the request is {_text(members.get('status'))}"
    more = f" and {len(lines) - 5} more" if len(lines) > 5 else ""
    number, endpoint = _text(members.get("poll_number")), _text(members.get("endpoint"))
    return f"{SIGNALS[str(row['fact'])]} ({said}{more})", f"poll {number} ({endpoint})"


def _sub_request(sub: JsonObject) -> str:
    return f"{_text(sub.get('kind'))} {_text(sub.get('id'))} is {_text(sub.get('status'))}"


def _refused(body: Json) -> str | None:
    refused = body.get("refused") if isinstance(body, dict) else None
    if not isinstance(refused, dict):
        return None
    return f"ThingSpace would not tell: {_text(refused.get('code'))}, {_text(refused.get('text'))}"


def _request(row: Row, members: JsonObject) -> str:
    by = _text(members.get("requested_by") or members.get("producer"))
    what = f"{shown(row['action'] or 'an unknown action')} of ICCID {shown(row['iccid_named'])}"
    error = ": ".join(_text(members[name]) for name in ("error_code", "error_text") if members.get(name))
    return f"{by} {PHASES[str(row['fact'])]} {what}" + (f" ({error})" if error else "")


def _decision(members: JsonObject) -> str:
    by, decided = _text(members.get("decided_by")), _text(members.get("as"))
    return f"{by} decided that it is {decided}: {_text(members.get('why'))}"


def _members(row: Row) -> JsonObject:
    """The event as it was produced; empty where its body was erased."""
    body = row["body"]
    found: Json = orjson.loads(body) if isinstance(body, str) else None
    return found if isinstance(found, dict) else {}


def _text(value: Json) -> str:
    return "?" if value is None else printable(str(value))


def unclear_words(event: EventStory, operation: Row, objection: Objection | None) -> str | None:
    """Why an answer settled nothing; None for one that counted as what it said."""
    row = event.event
    if objection == "another_action":
        return f"it names the action {shown(row['action'])}, this operation is {shown(operation['action'])}"
    if objection == "another_iccid":
        return f"it is about another profile than ICCID {shown(operation['iccid_target'])}"
    if objection == "no_iccid":
        return "it names none of the several profiles of the request"
    return _unclear_callback(row) if row["fact"] == "unclear" else None


def _unclear_callback(row: Row) -> str:
    read = _read(row)
    if read is not None and word(read.euicc_status) in NOBODY_KNOWS_EUICC:
        return f"eUICC status {printable(read.euicc_status or '')} means that nobody knows"
    return "its words contradict each other, or nobody has documented them"
