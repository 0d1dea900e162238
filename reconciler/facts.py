"""What an operation has learned, and the state that follows from it (machines.md 3).

Facts are a set: each counts once, however often it was said, and keeps the least time it was observed at.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final, Literal

from reconciler.evidence import Evidence, Fact

State = Literal[
    "succeeded",
    "failed",
    "void",
    "conflicted",
    "unclear",
    "held",
    "warned",
    "submitted",
    "submit_unclear",
    "rejected",
    "intended",
]

Facts = frozenset[Fact]

SUCCESSES: Final[tuple[Fact, ...]] = ("success", "poll_success")
FAILURES: Final[tuple[Fact, ...]] = ("failure", "poll_failure")
SETTLING: Final[Facts] = frozenset((*SUCCESSES, *FAILURES))
"""Two against one settle it, which is why a poll decides what a late callback disputes."""


def _balance(facts: Facts) -> int:
    return sum(fact in facts for fact in SUCCESSES) - sum(fact in facts for fact in FAILURES)


DECIDED_STATES: Final[dict[Fact, State]] = {
    "decided_success": "succeeded",
    "decided_failure": "failed",
    "decided_void": "void",
}
"""Row 1: the latest decision goes before everything else."""

SETTLED_STATES: Final[dict[Fact, State]] = {
    **dict.fromkeys(SUCCESSES, "succeeded"),
    **dict.fromkeys(FAILURES, "failed"),
    **DECIDED_STATES,
}
"""What a fact that settles says of the state."""

STATE_TABLE: Final[tuple[tuple[Callable[[Facts], bool], State], ...]] = (
    (lambda facts: _balance(facts) > 0, "succeeded"),
    (lambda facts: _balance(facts) < 0, "failed"),
    (lambda facts: not facts.isdisjoint(SETTLING), "conflicted"),
    (lambda facts: "unclear" in facts, "unclear"),
    (lambda facts: "held" in facts, "held"),
    (lambda facts: "interim" in facts, "warned"),
    (lambda facts: "submitted" in facts or "announced" in facts, "submitted"),
    (lambda facts: "submit_unclear" in facts, "submit_unclear"),
    (lambda facts: "rejected" in facts, "rejected"),
    (lambda facts: "intended" in facts, "intended"),
)
"""Rows 2 to 11: the first that holds gives the state. `poll_pending` is no row: a poll has a request."""

FINAL_STATES: Final[frozenset[State]] = frozenset({"succeeded", "failed", "void", "rejected"})

_CACHED_SETS = 4096


@lru_cache(maxsize=_CACHED_SETS)
def undecided_state(facts: Facts) -> State:
    """The state without a decision."""
    return next(state for holds, state in STATE_TABLE if holds(facts))


def decision_order(row: Evidence) -> tuple[int, datetime, bytes]:
    """Sorts decisions; the latest counts. The key stands for the event id, whose beginning it is."""
    return (-1 if row.sequence is None else row.sequence, row.observed_at, row.key)


def settled_since(state: State, first_at: Mapping[Fact, datetime]) -> datetime:
    """Since when facts, taken in the order of their times, have said without a break what is final now.

    One side alone settled it with its first fact. Two against one settled it with their first too, if the
    other side spoke after both; else with their second.
    """
    if state == "rejected":
        return first_at["rejected"]
    winners, losers = (SUCCESSES, FAILURES) if state == "succeeded" else (FAILURES, SUCCESSES)
    said = sorted(first_at[fact] for fact in winners if fact in first_at)
    disputed = [first_at[fact] for fact in losers if fact in first_at]
    return said[-1] if disputed and disputed[0] < said[-1] else said[0]
