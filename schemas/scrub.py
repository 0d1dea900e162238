"""Finding and replacing configured secrets, wherever a text may hide them.

A body member that is a credential is left out by name (`schemas.names.DROPPED`). This module is for the same
secret written elsewhere: in a text, in a name, in a number. A secret shows not only where it stands literally
but also where undoing escapes (JSON's, percent, character references) would bring it back.
"""

import html
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final
from urllib.parse import unquote

import orjson

from schemas.names import Json

MASK: Final = "***"
ROUNDS_MAX: Final = 16
"""Escapes within escapes; a text that is not plain after so many rounds is taken for hiding something."""

_PLAINER_CHARS_MIN: Final = 6
"""A secret that holds escapes itself is also looked for without them, unless little would be left of it."""

_PADDING = re.compile(r"(?<=&#)0++(?=[0-9])")
_ENDLESS = re.compile(r"&#[0-9]{100,}+;?")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")


class Secrets:
    """Every configured password and path secret, compiled once per account set. Never printed."""

    __slots__ = ("_escaped", "_literal", "_needles", "_shown", "_values")

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values = tuple(
            sorted({value for value in values if value}, key=lambda value: (-len(value), value))
        )
        levels = (level for value in self._values for level in _levels(value) if level is not None)
        self._shown = tuple({*self._values, *(level for level in levels if len(level) >= _PLAINER_CHARS_MIN)})
        self._needles = tuple(orjson.dumps(value)[1:-1] for value in self._values)
        self._literal = re.compile("|".join(map(re.escape, self._values)))
        escaped = [needle.decode() for needle in self._needles]
        self._escaped = re.compile("|".join(map(re.escape, sorted({*self._values, *escaped}, key=len)[::-1])))

    def __repr__(self) -> str:
        return f"Secrets({len(self._values)} hidden)"

    @property
    def ascii(self) -> bool:
        """Whether no secret depends on how other letters are encoded."""
        return all(value.isascii() for value in self._values)

    def may_stand_in(self, encoded: bytes) -> bool:
        """Whether a secret may stand in a text or number of this JSON; False is certain."""
        for needle in self._needles:  # any() takes longer for the usual few
            if needle in encoded:
                return True
        escapes = b"\\" in encoded or b"%" in encoded or b"&" in encoded
        return escapes and self.show_in(encoded.decode())

    def show_in(self, text: str) -> bool:
        """Whether a secret stands in the text, or would once its escapes are undone."""
        if not self._values:
            return False
        return any(level is None or any(map(level.__contains__, self._shown)) for level in _levels(text))

    def masked(self, text: str) -> str:
        """The text with every secret replaced; wholly replaced where one would still show."""
        if not self.show_in(text):
            return text
        masked = self._literal.sub(MASK, text)
        return MASK if self.show_in(masked) else masked

    def masked_escaped(self, text: str) -> str:
        """The text with every secret replaced where it stands literally or as JSON escapes it."""
        return self._escaped.sub(MASK, text) if self._values else text

    def masked_value(self, value: Json) -> Json:
        """A copy without secrets; a number that shows one becomes the mask."""
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return MASK if self.show_in(repr(value)) else value
        return with_texts(value, self.masked, self.masked_value)


def with_texts(value: Json, change: Callable[[str], str], deeper: Callable[[Json], Json]) -> Json:
    """A copy with every text and every member's name changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [deeper(item) for item in value]
    if isinstance(value, dict):
        return {change(key): deeper(item) for key, item in value.items()}
    return value


def _levels(text: str) -> Iterator[str | None]:
    """The text, then what it says with its escapes undone once, twice…; None where that would not end."""
    for _ in range(ROUNDS_MAX):
        yield text
        plainer = _unescaped(text)
        if plainer == text:
            return
        text = plainer
    yield None


def _unescaped(text: str) -> str:
    if "\\" in text:
        text = _ESCAPE.sub(_escaped_character, text)
        if _SURROGATE.search(text):
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if "%" in text:
        text = unquote(text)
    return without_references(text)


def without_references(text: str) -> str:
    """The text with HTML's character references undone. Python reads no number of some thousand digits; so
    great a one stands for no character, and goes as the library has others of that kind go."""
    if "&" not in text:
        return text
    return html.unescape(_ENDLESS.sub("\ufffd", _PADDING.sub("", text)))


def _escaped_character(match: re.Match[str]) -> str:
    wide, narrow, other = match.groups()
    return str(other) if other is not None else chr(int(wide or narrow, 16))
