"""Named places at which a test build of the product ends, as by `kill -9`, each time it is started.

The product knows nothing of them: `armed` wraps what stands at each place, when the environment variable says
`NAME:N`, and ends the process when the place is reached for the N-th time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

VARIABLE = "PROFILE_KILL_AT"
LAST_WORD = "killed at "


@dataclass(frozen=True, slots=True)
class Point:
    """`part`: the kind of program it is in. `reached_max`: it ends when it is there so often, at most.

    `spooling`: it is only reached while Kafka does not answer.
    """

    part: str
    name: str
    title: str
    reached_max: int = 60
    spooling: bool = False

    @property
    def command(self) -> str:
        return {"receiver": "profile-receiver", "reconciler": "profile-reconciler"}[self.part]


POINTS: Sequence[Point] = (
    Point("receiver", "body-read", "the body is there, nothing is done with it"),
    Point("receiver", "queued", "the record waits in memory for its round"),
    Point("receiver", "batch-sent", "a batch is with the producer, no answer yet"),
    Point("receiver", "batch-acknowledged", "Kafka has the batch, nobody was told"),
    Point("receiver", "before-fsync", "rows are written, the spool has not committed", 12, spooling=True),
    Point("receiver", "after-fsync", "rows are on disk, nobody was told", 12, spooling=True),
    Point("receiver", "row-delivered", "Kafka has rows that are still in the spool", 2, spooling=True),
    Point("receiver", "before-answer", "the record is safe, the answer is not written"),
    Point("reconciler", "before-commit", "every row is written, nothing is committed", 20),
    Point("reconciler", "in-commit", "the commit is on its way", 20),
    Point("reconciler", "after-commit", "committed, and nothing learned of it", 20),
)


def armed(point: Point, at: int) -> dict[str, str]:
    """The setting that ends a program when it reaches the place for the `at`-th time."""
    return {VARIABLE: f"{point.name}:{at}"}
