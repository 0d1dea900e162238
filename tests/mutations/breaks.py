"""The mutations of `breaks.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

INVARIANTS = frozenset("ABCDEFGH")
TABLE = Path(__file__).with_name("breaks.toml")


@dataclass(frozen=True, slots=True)
class Break:
    """`old` becomes `new` in `file`; `faults` are names of `tests.faults.catalogue`.

    It counts as noticed when one of `shown_by` was found: a time limit that a busy machine broke does not,
    unless a broken limit is what should show.
    """

    name: str
    title: str
    file: str
    faults: tuple[str, ...]
    old: str
    new: str
    shown_by: frozenset[str] = INVARIANTS

    def is_shown(self, found: Collection[str]) -> bool:
        """`found` are letters, as `A`, `A/F` or `H/truth`, or words of the bench."""
        return any(part in self.shown_by for letter in found for part in letter.split("/"))


def breaks() -> Sequence[Break]:
    """In the order of the file."""
    read = TypeAdapter(tuple[Break, ...])
    return read.validate_python(tomllib.loads(TABLE.read_text(encoding="utf-8"))["break"])
