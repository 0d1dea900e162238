"""What ThingSpace's answers say, in every shape that is documented or was seen.

Nothing here trusts a content type: the gateway sends XML where JSON was asked for, and proxies send HTML.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hmac import compare_digest
from itertools import accumulate
from typing import Final

import orjson

from reconciler.thingspace.exchange import Answer
from reconciler.thingspace.talk import Listener, RequestStatus
from schemas.event import SubRequest
from schemas.ids import REQUEST_ID_CHARS_MAX, RequestId
from schemas.names import Json, JsonObject
from schemas.scrub import without_references

SESSION_REFUSED: Final = ".sessiontoken."
"""Stands in every error code about the session, whatever service says it."""

GATEWAY_CODES: Final = "9009"
"""How the gateway's own codes about access begin."""

OAUTH_ERRORS: Final = (
    *("invalid_request", "invalid_client", "invalid_grant"),
    *("unauthorized_client", "unsupported_grant_type", "invalid_scope"),
)
DEPTH_MAX: Final = 64
_BRACKET: Final = re.compile(r"[\[\]{}]")
_STEPS: Final = {"[": 1, "{": 1, "]": -1, "}": -1}
_SHAPES: Final = (
    ("errorcode", "errormessage"),
    ("faultcode", "faultstring"),
    ("error", "error_description"),
    ("code", "message"),
)
_NESTED: Final = ("fault", "faultresponse", "requesterror", "error")
_OAUTH_WORD: Final = re.compile("|".join(OAUTH_ERRORS))
_XML_FAULT: Final = re.compile(r"<(?:[\w.-]+:)?fault[\s>]", re.IGNORECASE)
_XML_PART: Final = re.compile(r"<(?:[\w.-]+:)?(code|message|description)>([^<]*)<", re.IGNORECASE)
_HTML: Final = re.compile(r"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What an error body says. Neither text is scrubbed or bounded yet."""

    code: str | None
    text: str
    by_gateway: bool
    """Said before any service looked at the question: credentials, address or subscription."""
    in_shape: bool = True
    """Whether the text was found where a documented shape has it; else it is the whole body."""


def refusal_of(answer: Answer) -> Refusal | None:
    """None for an answer that is not ThingSpace's: a page for people, put in by something in between."""
    text = text_of(answer)
    value = json_of(answer)
    if value is not None:
        return _json_refusal(value) or Refusal(None, text, by_gateway=False, in_shape=False)
    if _XML_FAULT.search(text):
        parts = {name.lower(): without_references(said.strip()) for name, said in _XML_PART.findall(text)}
        return Refusal(
            parts.get("code"),
            _sentence(parts.get("message"), parts.get("description")),
            by_gateway=True,
        )
    if _HTML.search(text):
        return None
    word = _OAUTH_WORD.search(text)
    return Refusal(word[0] if word else None, text, by_gateway=word is not None, in_shape=False)


def refuses_token(answer: Answer) -> bool:
    """Whether the gateway takes our credentials for wrong or expired, in whatever words."""
    return answer.status == 401 and refusal_of(answer) is not None


def refuses_session(answer: Answer) -> bool:
    if answer.status < 400:
        return False
    refusal = refusal_of(answer)
    return refusal is not None and SESSION_REFUSED in f".{refusal.code or ''}.".casefold()


def json_of(answer: Answer) -> Json:
    """None where it is no JSON, or nested more deeply than anything that ThingSpace says."""
    text = text_of(answer)
    if _nested_deeply(text):
        return None
    try:
        value: Json = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value


def _nested_deeply(text: str) -> bool:
    """Brackets within texts count too: whoever says so many is not ThingSpace either."""
    if text.count("[") + text.count("{") <= DEPTH_MAX:
        return False
    deepest = accumulate(_STEPS[bracket] for bracket in _BRACKET.findall(text))
    return max(deepest, default=0) > DEPTH_MAX


def text_of(answer: Answer) -> str:
    return answer.body.decode("utf-8-sig", "replace").strip()


def token_of(answer: Answer) -> tuple[str, float | None] | None:
    """The OAuth token and how many seconds it still lives, where that is said."""
    said = _folded(json_of(answer))
    token = _text(said.get("access_token"))
    return (token, _seconds(said.get("expires_in"))) if token else None


def session_of(answer: Answer) -> str | None:
    return _text(_folded(json_of(answer)).get("sessiontoken"))


def request_id_of(answer: Answer) -> RequestId | None:
    text = _text(_folded(json_of(answer)).get("requestid"))
    return RequestId(text) if text and len(text) <= REQUEST_ID_CHARS_MAX else None


def status_of(answer: Answer, endpoint: str, asked: RequestId) -> RequestStatus | None:
    """None where the answer is no status, or that of another request."""
    value = json_of(answer)
    said = _folded(value)
    status, subs = said.get("status"), said.get("subrequests")
    if not (isinstance(status, str) or subs) or _text(said.get("requestid")) not in (None, asked):
        return None
    return RequestStatus(
        endpoint=endpoint,
        status=_text(status),
        sub_requests=tuple(sub for one in _listed(subs) for sub in _sub_requests(_folded(one))),
        body=value,
    )


def _sub_requests(said: JsonObject) -> Iterator[SubRequest]:
    """One for each identifier: documents show a list of them, the vendor's libraries a single object."""
    status = _text(said.get("status"))
    named = [_folded(one) for one in _listed(said.get("ids"))]
    for one in named or [{}]:
        kind = _text(one.get("kind"))
        yield SubRequest(kind=kind and kind.casefold(), id=_text(one.get("id")), status=status)


def listeners_of(answer: Answer, password: str | None = None) -> tuple[Listener, ...] | None:
    """ThingSpace shows passwords: kept is whether each is `password`. None where it is no list."""
    value = json_of(answer)
    if not isinstance(value, list):
        return None
    return tuple(
        Listener(
            service,
            _text(one.get("url")) or "",
            _text(one.get("username")),
            _fits(one.get("password"), password),
        )
        for one in map(_folded, value)
        if (service := _text(one.get("servicename")) or _text(one.get("name")))
    )


def _fits(shown: Json, password: str | None) -> bool | None:
    if not isinstance(shown, str):
        return None
    return compare_digest(shown.encode(), (password or "").encode())


def _json_refusal(value: Json) -> Refusal | None:
    """The first documented shape that fits, also inside a list or one of the known envelopes."""
    if isinstance(value, list):
        return _json_refusal(value[0]) if value else None
    said = _folded(value)
    for envelope in _NESTED:
        if isinstance(said.get(envelope), dict):
            inner = _json_refusal(said[envelope])
            gateway = envelope == "fault"
            return inner and Refusal(inner.code, inner.text, by_gateway=gateway or inner.by_gateway)
    for code_name, text_name in _SHAPES:
        code, text = _text(said.get(code_name)), _text(said.get(text_name))
        if code or text:
            gateway = code_name == "error" or (code or "").startswith(GATEWAY_CODES)
            return Refusal(code, _sentence(text, _text(said.get("description"))), by_gateway=gateway)
    return None


def _sentence(*parts: str | None) -> str:
    return ". ".join(part.rstrip(".") for part in parts if part)


def _folded(value: Json) -> JsonObject:
    """An object under its members' folded names; empty for anything else."""
    return {key.strip().casefold(): part for key, part in value.items()} if isinstance(value, dict) else {}


def _listed(value: Json) -> list[Json]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _text(value: Json) -> str | None:
    """Numbers count as their text; an empty one as absent. NUL, which no database holds, becomes U+FFFD."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).replace("\x00", "\ufffd").strip() or None


def _seconds(value: Json) -> float | None:
    text = _text(value)
    return float(text) if text and text.isascii() and text.isdigit() else None
