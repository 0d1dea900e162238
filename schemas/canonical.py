"""One walk over a callback's body: it leaves out what may not be kept and gives the form that is hashed.

The canonical form is what Python's `json.dumps(x, sort_keys=True, separators=(",", ":"),
ensure_ascii=False)` writes, with arrays of identifiers sorted by the canonical text of their items. orjson
writes the same bytes as long as no number is a float or wider than 64 bits; where one is, the body is read
again by the standard library (`exact`), which keeps every digit.
"""

import json
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import Final, cast

import orjson

from schemas.names import ORDINARY, Json, JsonObject, Shape, shape_of

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
        self.colons_dropped = 0
        """Colons that left with the dropped members, their own included: none where nothing was dropped."""

    def object(self, node: JsonObject, depth: int) -> JsonObject:
        """The object as it is hashed: itself, or a copy where an array below had to be sorted."""
        if depth > DEPTH_MAX:
            self.too_deep = True
            return node
        if not _all_ordinary(node):
            self._settle_names(node, shape_of(node), depth)
        view = node
        for key, value in node.items():
            if type(value) is str:
                continue
            if isinstance(value, dict):
                hashed: Json = self.object(value, depth + 1)
            elif isinstance(value, list):
                hashed = self._array(value, depth + 1)
            else:
                hashed = self.value(value, depth + 1)
            if hashed is not value:
                if view is node:
                    view = node.copy()
                view[key] = hashed
        return view

    def value(self, value: Json, depth: int) -> Json:
        """Any value as it is hashed; `depth` counts for a container."""
        if isinstance(value, dict):
            return self.object(value, depth)
        if isinstance(value, list):
            return self._array(value, depth)
        if isinstance(value, float) or (isinstance(value, int) and not _INT_MIN <= value <= _INT_MAX):
            self.inexact = True
        return value

    def _array(self, node: list[Json], depth: int) -> list[Json]:
        if depth > DEPTH_MAX:
            self.too_deep = True
            return node
        if not node:
            return node
        if depth < DEPTH_MAX and all(map(_is_plain_identifier, node)):
            return sorted(node, key=_id_and_kind)
        view = [self.value(item, depth + 1) for item in node]
        if not self.too_deep and (self.exact or not self.inexact) and all(map(_is_identifier, view)):
            view.sort(key=_exact_text if self.exact else _text)
        return view

    def _settle_names(self, node: JsonObject, shape: Shape, depth: int) -> None:
        if shape.respelled or shape.unknown_member:
            self.pascal_case |= shape.pascal_case
            self.unknown_member |= shape.unknown_member
            self.decides_twice |= shape.decides_twice
        for key in shape.dropped:
            value = node.pop(key)
            if isinstance(value, str):
                self.colons_dropped += value.count(":")
            elif value and type(value) is not int:
                self._survey_dropped(value, depth + 1)
        self.colons_dropped += len(shape.dropped)

    def _survey_dropped(self, value: Json, depth: int) -> None:
        """What leaves whole is looked at all the same: for its depth, and to account for its colons."""
        if self.value(value, depth) and not self.too_deep:
            self.colons_dropped += exact_json(value).count(b":")


def surveyed(body: JsonObject) -> tuple[bytes, Survey]:
    """The canonical bytes of a body, and what the walk found; dropped members leave the body in place.

    What is too deep has no canonical bytes: no writer takes what may be deeper than its own stack.
    """
    survey = Survey(exact=False)
    hashed = survey.object(body, 1)
    if survey.too_deep:
        return b"", survey
    if survey.inexact:
        survey = Survey(exact=True)
        hashed = survey.object(body, 1)
    return canonical_json(hashed, exact=survey.exact), survey


_all_ordinary = ORDINARY.issuperset
_id_and_kind = cast("Callable[[Json], tuple[str, str]]", itemgetter("id", "kind"))
_text = partial(orjson.dumps, option=orjson.OPT_SORT_KEYS)
_exact_text = partial(canonical_json, exact=True)


def _is_plain_identifier(item: Json) -> bool:
    """The usual identifier: two texts of letters and digits.

    A walk would leave it as it is, and its two texts sort as its canonical text does: it begins with the id,
    and the quotation mark behind a shorter id sorts before every letter and digit.
    """
    if not isinstance(item, dict) or len(item) != 2:
        return False
    identifier, kind = item.get("id"), item.get("kind")
    return type(identifier) is str and type(kind) is str and identifier.isalnum() and kind.isalnum()


def _is_identifier(item: Json) -> bool:
    return isinstance(item, dict) and ("kind" in item or shape_of(item).identifies)
