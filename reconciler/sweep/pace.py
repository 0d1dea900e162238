"""How much the sweep takes at once, and how long it rests while ThingSpace does not answer.

Pure: time and chance are given.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

FIRST_S: Final = 1.0
LONGEST_S: Final = 15.0
"""How late at most we notice that ThingSpace is back, where it does not say itself when to come again."""
LATCHED_S: Final = 60.0
"""Asking an account whose logins are refused sends nothing: it is how we notice that a person has helped."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """`apart` is how far apart two polls of one operation are at least."""

    at_most: int
    apart: timedelta
    per_minute: int
    """Of one account, by all reconcilers together."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Of one account. `resumes_at` is a time of the caller's clock, in seconds."""

    failures: int = 0
    resumes_at: float = 0.0
    latched: bool = False

    def rests(self, now: float) -> bool:
        return now < self.resumes_at


FRESH: Final = Pace()


def after_failure(pace: Pace, now: float, chance: float, retry_after_s: float | None = None) -> Pace:
    """`chance` is between 0 and 1, so that several reconcilers do not come back in one moment.

    Several polls that fail together count once: the account rests already.
    """
    if pace.rests(now):
        return pace
    wait_s = min(FIRST_S * 2.0 ** min(pace.failures, 30), LONGEST_S) * (0.5 + chance / 2)
    if retry_after_s is not None:
        wait_s = max(wait_s, retry_after_s * (1 + chance / 10))
    return Pace(pace.failures + 1, now + wait_s)


def after_latch(now: float) -> Pace:
    return Pace(0, now + LATCHED_S, latched=True)
