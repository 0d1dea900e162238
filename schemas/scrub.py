"""Replacing configured secrets wherever a body may hide them.

A body member that is a credential is left out by name (`schemas.names.DROPPED`). This module is for the same
secret written elsewhere: in a text, in a name, in a number.
"""

import re
from collections.abc import Callable, Iterable

import orjson

from schemas.names import Json

MASK = "***"


class Secrets:
    """Every configured password and path secret, compiled once per account set. Never printed."""

    __slots__ = ("_needles", "_pattern", "_values")

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values = tuple(
            sorted({value for value in values if value}, key=lambda value: (-len(value), value))
        )
        self._needles = tuple(orjson.dumps(value)[1:-1] for value in self._values)
        self._pattern = re.compile("|".join(map(re.escape, self._values)))

    def __repr__(self) -> str:
        return f"Secrets({len(self._values)} hidden)"

    def may_stand_in(self, encoded: bytes) -> bool:
        """Whether a secret may stand in a string or number of this JSON; False is certain."""
        return any(needle in encoded for needle in self._needles)

    def stand_in(self, text: str) -> bool:
        return any(value in text for value in self._values)

    def masked(self, text: str) -> str:
        """The text with every secret replaced; wholly replaced where a secret would still show."""
        if not self.stand_in(text):
            return text
        masked = self._pattern.sub(MASK, text)
        return MASK if self.stand_in(masked) else masked

    def masked_value(self, value: Json) -> Json:
        """A copy without secrets; a number that shows one becomes the mask."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            return MASK if self.stand_in(repr(value)) else value
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
