"""What an operation has learned, and the state that follows from it (machines.md 3).

Facts are a set: each counts once, however often it was said, and keeps the least time it was observed at.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

from reconciler.core.evidence import Evidence, Fact
from schemas.operation_message import OperationState

State = OperationState

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

DECISION_WORDS: Final = "somebody decided it, and the latest decision goes before everything else"

SETTLED_STATES: Final[dict[Fact, State]] = {
    **dict.fromkeys(SUCCESSES, "succeeded"),
    **dict.fromkeys(FAILURES, "failed"),
    **DECIDED_STATES,
}
"""What a fact that settles says of the state."""


class StateRow(NamedTuple):
    """A row of machines.md 3. `words` say to people what holds where it decides."""

    number: int
    holds: Callable[[Facts], bool]
    state: State
    words: str


STATE_TABLE: Final[tuple[StateRow, ...]] = (
    StateRow(2, lambda facts: _balance(facts) > 0, "succeeded", "more sources say success than failure"),
    StateRow(3, lambda facts: _balance(facts) < 0, "failed", "more sources say failure than success"),
    StateRow(
        4,
        lambda facts: not facts.isdisjoint(SETTLING),
        "conflicted",
        "as many sources say success as say failure",
    ),
    StateRow(5, lambda facts: "unclear" in facts, "unclear", "something was said that settles nothing"),
    StateRow(6, lambda facts: "held" in facts, "held", "ThingSpace holds the request back"),
    StateRow(7, lambda facts: "interim" in facts, "warned", "a warning came, which is never the last word"),
    StateRow(
        8,
        lambda facts: "submitted" in facts or "announced" in facts,
        "submitted",
        "the request is known, and nobody has said yet what became of it",
    ),
    StateRow(
        9,
        lambda facts: "submit_unclear" in facts,
        "submit_unclear",
        "nobody knows whether ThingSpace got the request",
    ),
    StateRow(10, lambda facts: "rejected" in facts, "rejected", "ThingSpace refused the request at the door"),
    StateRow(
        11,
        lambda facts: "intended" in facts,
        "intended",
        "somebody meant to ask, and has not said what came of it",
    ),
)
"""Rows 2 to 11: the first that holds gives the state. `poll_pending` is no row: a poll has a request."""

FINAL_STATES: Final[frozenset[State]] = frozenset({"succeeded", "failed", "void", "rejected"})

_CACHED_SETS = 4096


@lru_cache(maxsize=_CACHED_SETS)
def undecided_state(facts: Facts) -> State:
    """The state without a decision."""
    return undecided_row(facts).state


def undecided_row(facts: Facts) -> StateRow:
    """The row that gives it."""
    return next(row for row in STATE_TABLE if row.holds(facts))


def deciding_row(facts: Facts) -> tuple[int, str]:
    """For people: number and words of the row that gave the state, row 1 included."""
    if not facts.isdisjoint(DECIDED_STATES):
        return 1, DECISION_WORDS
    row = undecided_row(facts)
    return row.number, row.words


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
