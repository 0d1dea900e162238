"""When a consumer that looks alive is dead: what it should read is there, it is asked for it, nothing comes.

Only three things together say so, for a while: Kafka answers somebody else, the loop asks for records, and
the same partition does not move, or no partitions are ever given. While PostgreSQL is away nobody asks; while
Kafka is away nobody else is answered; on an idle topic nothing is missing. Each restart that did not help
doubles the time until the next one, because a slow line must not be cut for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from reconciler.core.batch import Place

STUCK_AFTER_S: Final = 12.0
"""Above a broker's longest wait for records and the time in which a partition changes its leader."""
UNPLACED_AFTER_S: Final = 20.0
"""Above the time that a group may take to share out its partitions."""
PATIENCE_MAX: Final = 16

Stage = Literal["joining", "placing", "reading"]
Cause = tuple[Stage, Place | None]


@dataclass(frozen=True, slots=True)
class Look:
    """One moment. `ends` were asked on another connection; `positions` are where the consumer reads on."""

    asked: bool
    """Whether the loop has asked the consumer for something since the look before."""
    stage: Stage
    positions: Mapping[Place, int]
    ends: Mapping[Place, int]


class Watchdog:
    """Given a look every few seconds, says why the consumer must be made anew."""

    def __init__(self) -> None:
        self._since: dict[Cause, float] = {}
        self._positions: Mapping[Place, int] = {}
        self._patience = 1

    def blind(self) -> None:
        """Kafka answers nobody: then it is not the consumer."""
        self._since.clear()

    def look(self, now: float, look: Look) -> str | None:
        """In a few words why, or None. `now` is monotonic, in seconds."""
        causes = _causes(look, self._positions) if look.asked else frozenset[Cause]()
        if look.stage == "reading" and not causes and look.asked:
            self._patience = 1
        self._positions = look.positions
        self._since = {cause: self._since.get(cause, now) for cause in causes}
        for cause, since in self._since.items():
            if now - since >= _limit_s(cause) * self._patience:
                self._since.clear()
                self._patience = min(2 * self._patience, PATIENCE_MAX)
                return _words(cause, now - since)
        return None


def _limit_s(cause: Cause) -> float:
    return STUCK_AFTER_S if cause[0] == "reading" else UNPLACED_AFTER_S


def _causes(look: Look, before: Mapping[Place, int]) -> frozenset[Cause]:
    """What may be wrong at this moment; it is, where it stays."""
    if look.stage != "reading":
        return frozenset({(look.stage, None)})
    return frozenset(
        (look.stage, place)
        for place, position in look.positions.items()
        if position < look.ends.get(place, 0) and before.get(place, position) == position
    )


def _words(cause: Cause, seconds: float) -> str:
    stage, place = cause
    if place is not None:
        return (
            f"{place.topic} partition {place.partition} has records that have not come for {seconds:.0f} s, "
            "though Kafka answers others"
        )
    what = "the group has given no partitions" if stage == "joining" else "Kafka has not said where to read"
    return f"{what} for {seconds:.0f} s, though Kafka answers others"
