"""Identifiers of devices and profiles: where a callback names them, and the advisory checks of their digits.

Nothing is refused because a check digit fails: Verizon's own samples fail them. A failing check is a flag.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

from schemas.ids import IDENTIFIER_CHARS_MAX, Eid, Iccid
from schemas.names import Json, JsonObject, spelled

Named = tuple[str, str]
"""Kind (lower case) and id (as received, trimmed)."""

EID_DIGITS: Final = 32
ICCID_DIGITS: Final = range(18, 21)
IMEI_DIGITS: Final = 15
IMEI_DIGITS_UNCHECKED: Final = (14, 16)
"""An IMEI without its check digit, and an IMEISV, which has none."""

_USUAL_KINDS: Final = frozenset({"eid", "iccid", "imei", "mdn"})
"""Those that need no folding."""

_NUMBERS: Final = frozenset({int, float})
"""The types of JSON's numbers; a truth value is none."""

_CHECKED_CACHED: Final = 16_384

_ZERO = ord("0")
_DOUBLED = bytes.maketrans(b"0123456789", bytes(_ZERO + digit for digit in (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))


def text_of(value: Json) -> str | None:
    """A text or number as trimmed text; anything else, and an empty text, is absent."""
    if type(value) is str:
        return value.strip() or None
    return str(value) if type(value) in _NUMBERS else None


def named_in(entries: Json) -> list[Named]:
    """The usable identifiers of an array (or of a single object), in its order."""
    if isinstance(entries, dict):
        entries = [entries]
    if not isinstance(entries, list):
        return []
    found: list[Named] = []
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        kind, identifier = entry.get("kind"), entry.get("id")
        if type(kind) is str and kind in _USUAL_KINDS and type(identifier) is str and len(entry) == 2:
            named: Named | None = (kind, identifier.strip())
        else:
            named = _named(spelled(entry))
        if named is not None and named[1]:
            found.append(named)
    return found


def _named(entry: JsonObject) -> Named | None:
    kind, identifier = text_of(entry.get("kind")), text_of(entry.get("id"))
    if kind is None or identifier is None or len(kind) > IDENTIFIER_CHARS_MAX:
        return None
    return kind.casefold(), identifier


@lru_cache(maxsize=_CHECKED_CACHED)
def luhn(digits: bytes) -> bool:
    """Whether the last of these ASCII digits is the Luhn check of the others.

    Remembered: what was seen is mostly seen again, as a copy or with the next step of its device.
    """
    weighed = digits[-1::-2] + digits[-2::-2].translate(_DOUBLED)
    return (sum(weighed) - _ZERO * len(digits)) % 10 == 0


def _eid_flag(eid: str) -> str | None:
    if len(eid) != EID_DIGITS:
        return "eid_length"
    return None if eid.encode().isdigit() and int(eid) % 97 == 1 else "eid_check"


def _iccid_flag(iccid: str) -> str | None:
    digits = iccid.rstrip("Ff").encode()
    return None if digits.isdigit() and len(digits) in ICCID_DIGITS and luhn(digits) else "iccid_check"


def _imei_flag(imei: str) -> str | None:
    digits = imei.encode()
    if not digits.isdigit():
        return "imei_check"
    if len(digits) in IMEI_DIGITS_UNCHECKED:
        return None
    return None if len(digits) == IMEI_DIGITS and luhn(digits) else "imei_check"


_CHECKS: Final[dict[str, Callable[[str], str | None]]] = {
    "eid": _eid_flag,
    "iccid": _iccid_flag,
    "imei": _imei_flag,
}


class Devices:
    """The identifiers of one callback: those echoed from the request, and those reported of the device.

    Where both name one kind, the echoed one stands.
    """

    __slots__ = ("eid", "flags", "iccid_echoed", "iccid_reported", "identifiers", "imei", "mdn")

    def __init__(self, device_ids: Json, collection: Json) -> None:
        echoed, reported = named_in(device_ids), named_in(collection)
        self.identifiers: tuple[Named, ...] = tuple(sorted({*echoed, *reported}))
        self.flags = failed_checks(self.identifiers)
        too_long = [named for named in self.identifiers if len(named[1]) > IDENTIFIER_CHARS_MAX]
        if too_long:  # such a text names nothing: it stays in the body
            self.identifiers = tuple(named for named in self.identifiers if named not in too_long)
            echoed = [named for named in echoed if named not in too_long]
            reported = [named for named in reported if named not in too_long]
        first_echoed, first_reported = dict(reversed(echoed)), dict(reversed(reported))
        first = {**first_reported, **first_echoed}.get
        eid, iccid_echoed, iccid_reported = (
            first("eid"),
            first_echoed.get("iccid"),
            first_reported.get("iccid"),
        )
        self.eid = Eid(eid) if eid else None
        self.imei = first_echoed.get("imei") or first_reported.get("imei")
        self.mdn = first_echoed.get("mdn") or first_reported.get("mdn")
        self.iccid_echoed = Iccid(iccid_echoed) if iccid_echoed else None
        self.iccid_reported = Iccid(iccid_reported) if iccid_reported else None
        if not (eid or self.imei or self.mdn or iccid_echoed or iccid_reported):
            self.flags.append("no_device")


def failed_checks(identifiers: Iterable[Named]) -> list[str]:
    """The flags of the advisory checks, in the order of the identifiers."""
    return [
        flag
        for kind, text in identifiers
        if (check := _CHECKS.get(kind)) is not None and (flag := check(text)) is not None
    ]
