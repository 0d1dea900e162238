"""What can go wrong between loop, database and Kafka, in the loop's words; adapters translate to them."""

from collections.abc import Mapping

from reconciler.core.batch import Place


class FencedError(Exception):
    """Somebody else moved the offsets, or this very batch was committed before; nothing was written now."""

    def __init__(self, stored: Mapping[Place, int]) -> None:
        super().__init__(f"the stored offsets are elsewhere: {_offsets(stored)}")
        self.stored = stored


class RefusedError(Exception):
    """The database refuses a row for what it holds. Names the rule, never the row."""


class TryAgainError(Exception):
    """The database is away, busy or changing hands; the same batch may be tried again later."""


class TooLongError(TryAgainError):
    """The database gave up for the time that it takes: it may have more time for less."""


class BrokenError(Exception):
    """Trying again would not help. The text says what happened, what was kept and what to do."""


class GapError(BrokenError):
    """Kafka no longer has the records that come next."""

    def __init__(self, place: Place, stored: int, first: int) -> None:
        super().__init__(
            f"{place.topic} partition {place.partition}: the records {stored} to {first - 1} were removed "
            "from Kafka before they were applied. Nothing was changed. Restore them, or go on without them "
            f"by `profile-reconciler offsets accept-gap --topic {place.topic} --partition "
            f"{place.partition}`, which records what is missing."
        )


class RecreatedError(BrokenError):
    """The topic is not the one that the stored offsets belong to."""

    def __init__(self, place: Place, stored: int, why: str) -> None:
        super().__init__(
            f"{place.topic} partition {place.partition}: {why}, but {stored} is the next offset to apply; "
            "the topic was made anew or truncated. Nothing was changed. If that was meant, go on by "
            f"`profile-reconciler offsets reset --topic {place.topic}`, which records it."
        )


def _offsets(stored: Mapping[Place, int]) -> str:
    return ", ".join(f"{place.topic}/{place.partition} at {offset}" for place, offset in stored.items())
