"""Named places in the product where a test build may end it, as `kill -9` would.

A program that has such places lists them in a module `points` of its package:

    POINTS: Mapping[str, str]   the name of each place, and what is about to happen there

and ends itself (SIGKILL) when the environment variable `PROFILE_KILL_AT` says `NAME:N` and the place of that
name is reached for the N-th time. Without the variable the places cost nothing and do nothing.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass

VARIABLE = "PROFILE_KILL_AT"
MODULES = {"receiver": "receiver.points", "reconciler": "reconciler.points"}


@dataclass(frozen=True, slots=True)
class Point:
    """`part`: the kind of program it is in."""

    part: str
    name: str
    title: str


def points() -> Iterator[Point]:
    """All that the product lists."""
    for part, module in MODULES.items():
        if importlib.util.find_spec(module) is not None:
            listed: dict[str, str] = dict(importlib.import_module(module).POINTS)
            yield from (Point(part, name, title) for name, title in listed.items())


def armed(name: str, at: int) -> dict[str, str]:
    """The setting that ends a program when it reaches the place for the `at`-th time."""
    return {VARIABLE: f"{name}:{at}"}
