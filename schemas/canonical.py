"""One walk over a callback's body: it leaves out what may not be kept and gives the form that is hashed.

The canonical form is what Python's `json.dumps(x, sort_keys=True, separators=(",", ":"),
ensure_ascii=False)` writes, with arrays of identifiers sorted by the canonical text of their items. orjson
writes the same bytes as long as no number is a float or wider than 64 bits; where one is, the body is read
again by the standard library (`exact`), which keeps every digit.
"""

import json
from typing import Final

import orjson

from schemas.names import DROPPED, ORDINARY, Json, JsonObject, canonical_name, decides_twice

DEPTH_MAX: Final = 100
"""Containers within containers, the outermost counted."""

_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1


def canonical_json(value: Json, *, exact: bool) -> bytes:
    """The canonical bytes of a value whose arrays are in order already."""
    if exact:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def exact_json(value: object) -> bytes:
    """Compact JSON in the order given, with every digit of every number."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def compact_json(value: object) -> bytes:
    """Compact JSON in the order given."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:  # an integer over 64 bits
        return exact_json(value)


class Survey:
    """What one walk over a body finds; the walk removes the members named in `DROPPED` from it in place."""

    __slots__ = (
        "colons_dropped",
        "decides_twice",
        "dropped",
        "exact",
        "inexact",
        "pascal_case",
        "too_deep",
        "unknown_member",
    )

    def __init__(self, *, exact: bool) -> None:
        self.exact = exact
        self.inexact = False
        """A number that only the standard library reads and writes exactly."""
        self.too_deep = False
        self.decides_twice = False
        self.pascal_case = False
        self.unknown_member = False
        self.dropped = False
        self.colons_dropped = 0
        """Colons that left with the dropped members, their own included."""

    def object(self, node: JsonObject, depth: int) -> JsonObject:
        """The object as it is hashed: itself, or a copy where an array below had to be sorted."""
        if depth > DEPTH_MAX:
            self.too_deep = True
            return node
        if not node.keys() <= ORDINARY:
            self._settle_names(node, depth)
        view = node
        for key, value in node.items():
            if type(value) is str:
                continue
            hashed = self._value(value, depth)
            if hashed is not value:
                if view is node:
                    view = node.copy()
                view[key] = hashed
        return view

    def _value(self, value: Json, depth: int) -> Json:
        if isinstance(value, dict):
            return self.object(value, depth + 1)
        if isinstance(value, list):
            return self._array(value, depth + 1)
        if isinstance(value, float) or (isinstance(value, int) and not _INT_MIN <= value <= _INT_MAX):
            self.inexact = True
        return value

    def _array(self, node: list[Json], depth: int) -> list[Json]:
        if depth > DEPTH_MAX:
            self.too_deep = True
            return node
        view = [self._value(item, depth) for item in node]
        if view and all(map(_is_identifier, view)):
            view.sort(key=self._text)
        return view

    def _text(self, value: Json) -> bytes:
        return canonical_json(value, exact=self.exact)

    def _settle_names(self, node: JsonObject, depth: int) -> None:
        keys = list(node)
        respelled = False
        for key in keys:
            if key in ORDINARY:
                continue
            name = canonical_name(key)
            if name != key:
                respelled = True
                self.pascal_case |= key.strip()[0].isupper()
            if name in DROPPED:
                self._drop(node.pop(key), depth)
            elif name not in ORDINARY:
                self.unknown_member = True
        if respelled and decides_twice(keys):
            self.decides_twice = True

    def _drop(self, value: Json, depth: int) -> None:
        self.dropped = True
        self.colons_dropped += 1
        if isinstance(value, str):
            self.colons_dropped += value.count(":")
        elif isinstance(value, dict | list):
            self._value(value, depth)
            if not self.too_deep:
                self.colons_dropped += canonical_json(value, exact=True).count(b":")


def surveyed(body: JsonObject) -> tuple[bytes, Survey]:
    """The canonical bytes of a body, and what the walk found; dropped members leave the body in place."""
    survey = Survey(exact=False)
    hashed = survey.object(body, 1)
    if survey.inexact:
        survey = Survey(exact=True)
        hashed = survey.object(body, 1)
    return canonical_json(hashed, exact=survey.exact), survey


def _is_identifier(item: Json) -> bool:
    return isinstance(item, dict) and ("kind" in item or any(canonical_name(key) == "kind" for key in item))
