"""Identifiers of devices and profiles: where a callback names them, and the advisory checks of their digits.

Nothing is refused because a check digit fails: Verizon's own samples fail them. A failing check is a flag.
"""

from collections.abc import Callable
from typing import Final

from schemas.ids import IDENTIFIER_CHARS_MAX
from schemas.names import Json, spelled

Named = tuple[str, str]
"""Kind (lower case) and id (as received, trimmed)."""

EID_DIGITS: Final = 32
IMEI_DIGITS: Final = 15
IMEI_DIGITS_UNCHECKED: Final = (14, 16)
"""An IMEI without its check digit, and an IMEISV, which has none."""

_ZERO = ord("0")
_DOUBLED = bytes.maketrans(b"0123456789", bytes(_ZERO + digit for digit in (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))


def text_of(value: Json) -> str | None:
    """A text or number as trimmed text; anything else, and an empty text, is absent."""
    if type(value) is str:
        return value.strip() or None
    if value is None or isinstance(value, bool | list | dict):
        return None
    return str(value)


def named_in(entries: Json) -> list[Named]:
    """The usable identifiers of an array (or of a single object), in its order."""
    found: list[Named] = []
    if isinstance(entries, dict):
        entries = [entries]
    if not isinstance(entries, list):
        return found
    for entry in entries:
        if isinstance(entry, dict):
            named = spelled(entry)
            kind, identifier = text_of(named.get("kind")), text_of(named.get("id"))
            if kind and identifier:
                found.append((kind.casefold(), identifier))
    return found


def luhn(digits: str) -> bool:
    """Whether the last digit is the Luhn check of the others; the text holds ASCII digits only."""
    text = digits.encode()
    return (sum(text[-1::-2]) + sum(text[-2::-2].translate(_DOUBLED)) - _ZERO * len(text)) % 10 == 0


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _eid_flag(eid: str) -> str | None:
    if len(eid) != EID_DIGITS:
        return "eid_length"
    return None if _digits(eid) and int(eid) % 97 == 1 else "eid_check"


def _iccid_flag(iccid: str) -> str | None:
    unpadded = iccid.rstrip("Ff")
    return None if _digits(unpadded) and luhn(unpadded) else "iccid_check"


def _imei_flag(imei: str) -> str | None:
    if not _digits(imei):
        return "imei_check"
    if len(imei) in IMEI_DIGITS_UNCHECKED:
        return None
    return None if len(imei) == IMEI_DIGITS and luhn(imei) else "imei_check"


FLAG_OF: Final[dict[str, Callable[[str], str | None]]] = {
    "eid": _eid_flag,
    "iccid": _iccid_flag,
    "imei": _imei_flag,
}

TOO_LONG_FLAG: Final = {"eid": "eid_length", "iccid": "iccid_check", "imei": "imei_check"}


def usable(identifier: str) -> bool:
    """A longer text names nothing; it stays in the body."""
    return len(identifier) <= IDENTIFIER_CHARS_MAX
