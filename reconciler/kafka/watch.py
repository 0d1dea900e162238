"""The watch beside the consumer: it asks the cluster itself, and compares.

A consumer that gets nothing though there is something is replaced within half a minute. A topic that vanished
or was made anew under us ends the process within ten seconds, because nobody can know then which records are
missing: a person decides, by `profile-reconciler offsets reset`.
"""

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Final, Protocol

from reconciler.core.batch import Place, TopicId
from reconciler.faults import BrokenError, RecreatedError, TryAgainError
from reconciler.kafka.topics import Shapes
from reconciler.kafka.watchdog import Look, Watchdog
from schemas.logline import Log

EVERY_S: Final = 2.0
GONE_TIMES: Final = 3
"""So often in a row must a topic be missing: a broker that just started may not know it yet."""

AWAY_TIMES: Final = 2
"""So often in a row must nobody answer before that is told."""


class Watched(Protocol):
    """The consumer's keeper."""

    @property
    def placed_on(self) -> Mapping[str, TopicId]:
        """The topics' ids when the reader first had partitions: they may not change under it."""
        ...

    async def look(self, ends: Mapping[Place, int]) -> Look: ...

    def wear_out(self) -> None:
        """The consumer is to be replaced."""
        ...

    def condemn(self, error: BrokenError) -> None:
        """The loop is to end with this error."""
        ...


class Asked(Protocol):
    """The cluster. `TryAgainError` where it does not answer."""

    async def shapes(self) -> Shapes: ...

    async def ends(self, shapes: Shapes) -> Mapping[Place, int]: ...

    async def close(self) -> None: ...


class Meter(Protocol):
    def consumer_replaced(self) -> None: ...


async def watch(source: Watched, cluster: Asked, meter: Meter, log: Log) -> None:
    """For ever. Closes `cluster` at the end."""
    watchdog, identities, absence = Watchdog(), Identities(), Absence(log)
    try:
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                shapes = await cluster.shapes()
                look = await source.look(await cluster.ends(shapes))
            except TryAgainError as error:
                watchdog.blind()
                absence.goes_on(str(error))
                continue
            absence.ends()
            fault = identities.look(shapes, look.positions, source.placed_on)
            if fault is not None:
                log.emit("topic_lost", level="error", reason=str(fault))
                source.condemn(fault)
            reason = watchdog.look(monotonic(), look)
            if reason is not None:
                meter.consumer_replaced()
                log.emit("consumer_replaced", level="error", reason=reason)
                source.wear_out()
    finally:
        await cluster.close()


class Absence:
    """Of the brokers: told when it is no hiccup, and when it is over. To the loop it looks like silence."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._looks = 0

    def goes_on(self, reason: str) -> None:
        self._looks += 1
        if self._looks == AWAY_TIMES:
            self._log.emit("kafka_away", level="warning", reason=reason)

    def ends(self) -> None:
        if self._looks >= AWAY_TIMES:
            self._log.emit("kafka_back")
        self._looks = 0


class Identities:
    """Which topics they were when the reader began with them, or when they were seen first."""

    def __init__(self) -> None:
        self._known: dict[str, TopicId] = {}
        self._missed: dict[str, int] = {}

    def look(
        self, shapes: Shapes, positions: Mapping[Place, int], placed_on: Mapping[str, TopicId]
    ) -> BrokenError | None:
        """What is wrong with the first topic that is not what it was; said once for each change."""
        for topic, shape in shapes.items():
            if shape is None:
                self._missed[topic] = self._missed.get(topic, 0) + 1
                if self._missed[topic] == GONE_TIMES:
                    return _gone(topic)
                continue
            self._missed.pop(topic, None)
            known = self._known.get(topic, placed_on.get(topic))
            self._known[topic] = shape.topic_id
            if known not in (None, shape.topic_id):
                return _remade(topic, positions)
        return None


def _gone(topic: str) -> BrokenError:
    return BrokenError(
        f"{topic}: the topic was deleted while it was read. What was applied is kept; records that were in "
        "the topic only are lost with it. Make it anew with `profile-reconciler topics create`, then go on "
        f"by `profile-reconciler offsets reset --topic {topic}`, which records it."
    )


def _remade(topic: str, positions: Mapping[Place, int]) -> RecreatedError:
    ours = sorted(place for place in positions if place.topic == topic)
    place = ours[0] if ours else Place(topic, 0)
    return RecreatedError(place, positions.get(place, 0), "it is another topic of the same name now")
