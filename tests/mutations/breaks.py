"""The mutations of `breaks.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

TABLE = Path(__file__).with_name("breaks.toml")


@dataclass(frozen=True, slots=True)
class Break:
    """`old` becomes `new` in `file`; `faults` are names of `tests.faults.catalogue`."""

    name: str
    title: str
    file: str
    faults: tuple[str, ...]
    old: str
    new: str


def breaks() -> Sequence[Break]:
    """In the order of the file."""
    read = TypeAdapter(tuple[Break, ...])
    return read.validate_python(tomllib.loads(TABLE.read_text(encoding="utf-8"))["break"])
