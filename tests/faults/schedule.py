"""What happens when. Pure: the same fault and seed give the same steps."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """`at_s` after the load began; `act` is a name of `acts.ACTS`; `on` names a part of the scene.

    `for_s` is how long it lasts where it is undone; steps on one part follow each other, never overlap.
    """

    at_s: float
    act: str
    on: str
    for_s: float = 0.0

    def __str__(self) -> str:
        lasting = f" for {self.for_s:.1f} s" if self.for_s else ""
        return f"{self.at_s:6.1f} s  {self.act} {self.on}{lasting}"


@dataclass(frozen=True, slots=True)
class Schedule:
    """`seed` is all that is needed to draw it again."""

    fault: str
    seed: int
    steps: tuple[Step, ...]

    def by_part(self) -> dict[str, list[Step]]:
        """The steps on each part, in order."""
        found: dict[str, list[Step]] = {}
        for step in sorted(self.steps):
            found.setdefault(step.on, []).append(step)
        return found

    def as_json(self) -> dict[str, object]:
        return {"fault": self.fault, "seed": self.seed, "steps": [asdict(step) for step in self.steps]}


Draw = Callable[[random.Random], Sequence[Step]]


def schedule(fault: str, seed: int, draw: Draw) -> Schedule:
    return Schedule(fault, seed, tuple(sorted(draw(random.Random(f"{fault}/{seed}")))))


def moments(rng: random.Random, count: int, within_s: float, *, after_s: float = 1.0) -> list[float]:
    """So many, in order, one in each of as many equal spans: random, but never all at once."""
    span = (within_s - after_s) / count
    return [round(after_s + span * (number + rng.random()), 2) for number in range(count)]


def lasting(rng: random.Random, least_s: float, most_s: float) -> float:
    return round(rng.uniform(least_s, most_s), 2)
