"""From the bytes of one callback to what it says: parsed with tolerance, without its secrets.

The path is: strict JSON (else the lenient reader), one walk that leaves out what may not be kept and gives
the canonical form, proofs on bytes that nothing deciding stood there twice and no configured secret is left,
and last the members that have a meaning. Each proof that fails in doubt leads to a slower, certain way with
the same result. Of a layout that was met before, all this is known already (`schemas.layout`).
"""

from functools import partial
from typing import Final, NamedTuple

import orjson

from schemas.canonical import Survey, canonical_json, compact_json, exact_json
from schemas.identifier import Devices, text_of
from schemas.ids import REQUEST_ID_CHARS_MAX, RequestId
from schemas.layout import Familiar, Layouts
from schemas.names import Json, JsonObject, spelled
from schemas.parsed import Callback, Credentials, Line, Unreadable
from schemas.reading import BOM, Reason, Refusal, is_utf8, read_exactly, without_trailing_commas
from schemas.redaction import redacted, request_id_in
from schemas.scrub import Secrets, with_texts

__all__ = ["Callback", "Credentials", "Familiar", "Line", "Secrets", "Unreadable", "parse", "read"]

ATTEMPT_MAX: Final = 2**31 - 1
ATTEMPT_PLAIN_MAX: Final = 99
"""A greater number is looked at for a secret; so short a one is none."""


class _Delivery(NamedTuple):
    """What belongs to one copy of a callback and leaves before the body is kept."""

    credentials: Credentials
    attempt: int | None
    attempts_max: int | None


def parse(raw: bytes, secrets: Secrets) -> Callback | Unreadable:
    """`read`, with everything at hand."""
    found = read(raw, secrets)
    return found.callback() if isinstance(found, Familiar) else found


def read(raw: bytes, secrets: Secrets) -> Callback | Familiar | Unreadable:
    """Never raises for what a sender can put into `raw`."""
    familiar = _LAYOUTS.read(raw, secrets)
    if familiar is not None:
        return familiar
    parsed = parse_generally(raw, secrets)
    if isinstance(parsed, Callback):
        _LAYOUTS.meet(raw)
    return parsed


def parse_generally(raw: bytes, secrets: Secrets) -> Callback | Unreadable:
    """`parse` for a body in any layout: the same, only slower."""
    try:
        body: Json = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return _parse_leniently(raw, secrets)
    return _understand(raw, body, secrets, exact=False)


def unreadable(raw: bytes, reason: Reason, secrets: Secrets) -> Unreadable:
    """What is kept of a body that cannot be used."""
    return Unreadable(reason, request_id_in(raw, secrets), redacted(raw, secrets))


def _parse_leniently(raw: bytes, secrets: Secrets) -> Callback | Unreadable:
    if not is_utf8(raw):
        return unreadable(raw, "not_utf8", secrets)
    plain = raw.removeprefix(BOM)
    text = without_trailing_commas(plain)
    try:
        body: Json = orjson.loads(text)
    except orjson.JSONDecodeError:
        parsed = _parse_exactly(text, secrets)
    else:
        parsed = _understand(text, body, secrets, exact=False)
    if isinstance(parsed, Callback) and len(text) != len(plain):
        return parsed._replace(flags=(*parsed.flags, "repaired_json"))
    return parsed


def _parse_exactly(text: bytes, secrets: Secrets) -> Callback | Unreadable:
    body = read_exactly(text)
    if isinstance(body, Refusal):
        return unreadable(text, body.reason, secrets)
    return _understand(text, body, secrets, exact=True)


def _understand(text: bytes, body: Json, secrets: Secrets, *, exact: bool) -> Callback | Unreadable:
    if not isinstance(body, dict):
        return unreadable(text, "not_object", secrets)
    delivery = _delivery(spelled(body), secrets)
    survey = Survey(exact=exact)
    hashed = survey.object(body, 1)
    if survey.too_deep:
        return unreadable(text, "too_deep", secrets)
    if survey.decides_twice:
        return unreadable(text, "deciding_member_twice", secrets)
    if survey.inexact and not exact:
        return _parse_exactly(text, secrets)
    canonical = canonical_json(hashed, exact=exact)
    if not exact and _may_repeat(text, canonical, survey):
        reread = read_exactly(text)
        if isinstance(reread, Refusal):
            return unreadable(text, reread.reason, secrets)
    if secrets.may_stand_in(canonical):
        body = {secrets.masked(key): secrets.masked_value(value) for key, value in body.items()}
        canonical = canonical_json(Survey(exact=exact).object(body, 1), exact=exact)
    callback = _callback(body, canonical, survey, delivery)
    if callback.request_id is not None and len(callback.request_id) > REQUEST_ID_CHARS_MAX:
        return unreadable(text, "request_id_too_long", secrets)
    return callback


def _may_repeat(text: bytes, canonical: bytes, survey: Survey) -> bool:
    """False proves that no member stood twice in one object: then a colon would be missing.

    Every member brings a colon of its own, and no colon can hide in an escape (`\\u003a`).
    """
    if text.count(b":") != canonical.count(b":") + survey.colons_dropped:
        return True
    return b"\\" in text and b"\\u003" in text


def _callback(body: JsonObject, canonical: bytes, survey: Survey, delivery: _Delivery) -> Callback:
    nul = b"\\" in canonical and b"\\u0000" in canonical
    readable = spelled(_without_nul(body) if nul else body)
    profile = _object_in(_object_in(readable, "deviceResponse") or readable, "deviceProfileResponse").get
    fault_code, fault_text = _fault(readable.get("faultResponse"))
    devices = Devices(readable.get("deviceIds"), profile("deviceIdentifierCollection"))
    request_id = text_of(readable.get("requestId"))
    return Callback(
        body_json=exact_json(body) if survey.exact else orjson.dumps(body),
        canonical=canonical,
        exact=survey.exact,
        credentials=delivery.credentials,
        request_id=RequestId(request_id) if request_id else None,
        eid=devices.eid,
        imei=devices.imei,
        mdn=devices.mdn,
        iccid_echoed=devices.iccid_echoed,
        iccid_reported=devices.iccid_reported,
        identifiers=devices.identifiers,
        profile_status=text_of(profile("profileStatus")),
        status=text_of(readable.get("status")),
        euicc_status=text_of(profile("euiccStatus")),
        euicc_status_code=text_of(profile("euiccStatusCode")),
        euicc_status_desc=text_of(profile("euiccStatusDesc")),
        fault_code=fault_code,
        fault_text=fault_text,
        line=Line(
            text_of(profile("state")),
            text_of(profile("servicePlan")),
            text_of(profile("ipAddress")),
            text_of(profile("smsrOid")),
        ),
        attempt=delivery.attempt,
        attempts_max=delivery.attempts_max,
        flags=(*devices.flags, *_attempt_flags(delivery), *_survey_flags(survey)),
    )


def _without_nul(body: JsonObject) -> JsonObject:
    """A copy with NUL, which no database text can hold, as U+FFFD."""

    def change(text: str) -> str:
        return text.replace("\x00", "\ufffd")

    def deeper(value: Json) -> Json:
        return with_texts(value, change, deeper)

    return {change(key): deeper(value) for key, value in body.items()}


def _object_in(node: JsonObject, name: str) -> JsonObject:
    value = node.get(name)
    return spelled(value) if isinstance(value, dict) else {}


def _fault(value: Json) -> tuple[str | None, str | None]:
    """Code and text of a fault; one of unknown shape is all text, because it must not pass for a success."""
    if value is None:
        return None, None
    if isinstance(value, dict):
        named = spelled(value)
        return text_of(named.get("faultcode")), text_of(named.get("faultstring"))
    if isinstance(value, list):
        return None, compact_json(value).decode() if value else None
    return None, text_of(value)


def _delivery(envelope: JsonObject, secrets: Secrets) -> _Delivery:
    return _Delivery(
        Credentials(_shown(envelope.get("username")), _shown(envelope.get("password"))),
        _count_kept(envelope.get("callbackCount"), secrets),
        _count_kept(envelope.get("maxCallbackThreshold"), secrets),
    )


def _count_kept(value: Json, secrets: Secrets) -> int | None:
    count = _count(value)
    if count is not None and count > ATTEMPT_PLAIN_MAX and secrets.show_in(str(count)):
        return None
    return count


def _shown(value: Json) -> str | None:
    return value if isinstance(value, str) else text_of(value)


def _count(value: Json) -> int | None:
    if type(value) is int:
        return value if 0 <= value <= ATTEMPT_MAX else None
    text = text_of(value) or ""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(ATTEMPT_MAX))):
        return None
    return _count(int(text))


def _attempt_flags(delivery: _Delivery) -> list[str]:
    attempt, attempts_max = delivery.attempt, delivery.attempts_max
    if attempt is None:
        return ["attempt_missing"]
    flags = ["first_seen_late"] if attempt > 1 else []
    if attempts_max is not None and attempt >= attempts_max:
        flags.append("last_attempt" if attempt == attempts_max else "attempt_above_max")
    return flags


def _survey_flags(survey: Survey) -> list[str]:
    flags = ["pascal_case"] if survey.pascal_case else []
    if survey.unknown_member:
        flags.append("unknown_member")
    return flags


_LAYOUTS: Final = Layouts(partial(parse_generally, secrets=Secrets()))
