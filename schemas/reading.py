"""Reading JSON that was not written with care, without ever guessing: each refusal has its reason.

The strict reader (orjson) comes first and nearly always suffices. What it refuses may still be JSON with the
vendor's trailing commas, or with numbers that only the standard library reads exactly.
"""

import json
import re
from dataclasses import dataclass
from math import isinf
from typing import Final, Literal, NoReturn

from schemas.names import Json, JsonObject, decides_twice

Reason = Literal[
    "not_utf8",
    "not_json",
    "not_object",
    "too_deep",
    "deciding_member_twice",
    "request_id_too_long",
    "lone_surrogate",
    "number_out_of_range",
    "gzip_undecodable",
]
"""Why a callback could not be read. The last one is the receiver's, which undoes the encoding."""

BOM: Final = b"\xef\xbb\xbf"
DIGITS_MAX: Final = 308
"""Wider integers are infinite to every reader that takes numbers for doubles."""

# All that stays up to a trailing comma or the end: other characters, strings (an unfinished one to its end),
# commas that no repair may touch, opening brackets, and commas that something follows.
_KEPT = re.compile(
    rb'((?:[^",\[{]++|"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[{,]\s*+,|[\[{]|,(?!\s*+[}\]]))*+)(?:,|\Z)', re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Refusal:
    reason: Reason


class _RefusedError(ValueError):
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


def without_trailing_commas(text: bytes) -> bytes:
    """The text without commas that stand outside strings directly before a closing bracket."""
    return b"".join(_KEPT.findall(text))


def is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def read_exactly(text: bytes) -> Json | Refusal:
    """The value with every digit of its numbers; a deciding member twice in one object is refused."""
    try:
        value: Json = _EXACT.decode(text.decode())
        json.dumps(value, ensure_ascii=False).encode()
    except _RefusedError as refused:
        return Refusal(refused.reason)
    except RecursionError:
        return Refusal("too_deep")
    except UnicodeEncodeError:
        return Refusal("lone_surrogate")
    except ValueError:
        return Refusal("not_json")
    return value


def _object(pairs: list[tuple[str, Json]]) -> JsonObject:
    node = dict(pairs)
    if len(node) != len(pairs) and decides_twice([key for key, _ in pairs]):
        raise _RefusedError("deciding_member_twice")
    return node


def _integer(digits: str) -> int:
    if len(digits) > DIGITS_MAX:
        raise _RefusedError("number_out_of_range")
    return int(digits)


def _real(digits: str) -> float:
    number = float(digits)
    if isinf(number):
        raise _RefusedError("number_out_of_range")
    return number


def _no_number(_name: str) -> NoReturn:
    raise _RefusedError("not_json")


_EXACT = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_real, parse_constant=_no_number
)
