"""What makes two HTTP bodies the same message, computed without the product's own code.

ThingSpace gives a callback no id. The published rule (the callback part of `event_id`) is written here a
second time, from its text alone, so that the journal can be joined with topics and tables: both must agree.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

LEFT_OUT = frozenset({"username", "password", "devicecredential", "callbackcount", "maxcallbackthreshold"})
COUNT = re.compile(rb'("callbackcount"\s*:\s*"?)(\d+)', re.IGNORECASE)
BOM = b"\xef\xbb\xbf"


def canonical(value: Json) -> str:
    """JSON without white space, members by code point, non-ASCII as it is."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def without_trailing_commas(text: str) -> str:
    """The text without any comma that stands, outside strings, before a closing brace or bracket."""
    kept: list[str] = []
    inside = escaped = False
    for character in text:
        if inside:
            inside = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            inside = True
        elif character in "}]":
            _drop_comma(kept)
        kept.append(character)
    return "".join(kept)


def _drop_comma(kept: list[str]) -> None:
    last = len(kept) - 1
    while last >= 0 and kept[last].isspace():
        last -= 1
    if last >= 0 and kept[last] == ",":
        del kept[last]


def readable(body: bytes) -> dict[str, Json] | None:
    """The object a tolerant reader finds in a body, or None where there is none to find."""
    try:
        text = body.removeprefix(BOM).decode()
    except UnicodeDecodeError:
        return None
    for candidate in (text, without_trailing_commas(text)):
        try:
            value: Json = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        return value if isinstance(value, dict) else None
    return None


def essence(value: Json, secrets: Iterable[str] = ()) -> Json:
    """The value without credentials and counters, identifiers in a fixed order, secrets masked in strings."""
    known = sorted((secret for secret in secrets if secret), key=len, reverse=True)
    return _essence(value, known)


def _essence(value: Json, secrets: list[str]) -> Json:
    if isinstance(value, dict):
        return {
            _masked(name, secrets): _essence(member, secrets)
            for name, member in value.items()
            if name.casefold() not in LEFT_OUT
        }
    if isinstance(value, list):
        items = [_essence(item, secrets) for item in value]
        return sorted(items, key=canonical) if _are_identifiers(items) else items
    return _masked(value, secrets) if isinstance(value, str) else value


def _are_identifiers(items: list[Json]) -> bool:
    return bool(items) and all(
        isinstance(item, dict) and any(name.casefold() == "kind" for name in item) for item in items
    )


def _masked(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def payload_id(body: bytes) -> str:
    """SHA-256 of the message in a body, the same for every attempt and whatever the credentials were."""
    found = readable(body)
    text = COUNT.sub(rb"\1", body) if found is None else canonical(essence(found)).encode("utf-8", "replace")
    return hashlib.sha256(text).hexdigest()


def event_id(body: bytes, account: str, secrets: Iterable[str] = ()) -> str | None:
    """The id a stored event of this body must have; None for a body nobody can read."""
    found = readable(body)
    if found is None:
        return None
    text = canonical(["callback", account, essence(found, secrets)])
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def with_attempt(body: bytes, attempt: int) -> bytes:
    """The same message as its `attempt`-th delivery; a body without a counter stays as it is."""
    return COUNT.sub(rb"\g<1>" + str(attempt).encode(), body, count=1)


def text_of(members: Mapping[str, Json], name: str) -> str | None:
    """The first member of that name, in any casing, as text; None where there is none."""
    for found, value in members.items():
        if found.casefold() == name.casefold() and isinstance(value, str | int):
            return str(value)
    return None
