"""What PostgreSQL and asyncpg say, translated once into the loop's words.

By SQLSTATE where there is one. A connection that breaks inside a transaction is reported by an
`InterfaceError` (or an operating system's error) without a state; what the server said before stands in the
exception's chain.
"""

from collections.abc import Iterator
from typing import Final

import asyncpg

from reconciler.faults import BrokenError, FencedError, RefusedError, TooLongError, TryAgainError

ERRORS: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the first query after the server ended an idle session may meet this one
    OSError,
    TimeoutError,
)
"""Everything that asyncpg raises when something is wrong outside of us."""

RULES: Final = frozenset(
    {
        "consumer_offset_not_negative",
        "event_kind_known",
        "event_outcome_known",
        "evidence_key_is_16_bytes",
        "operation_final_fits_state",
        "operation_has_request_or_intent",
        "operation_pkey",
        "operation_state_known",
        "profile_certainty_known",
        "profile_history_forward",
        "profile_named_unless_bootstrap",
        "profile_of_device",
        "profile_one_bootstrap",
        "profile_one_enabled",
        "profile_state_is_the_possible_one",
        "profile_state_known",
        "profile_suspended_exists",
    }
)
"""Constraints of ours that depend on what an event says: the event is refused, the others go on."""

RACES: Final = frozenset({"evidence_pkey"})
"""Unique keys that another writer may take between our reading and our writing: no lock row stands for it."""

AWAY: Final[dict[str, str]] = {
    "08": "the connection broke",
    "25006": "the server is a standby now",
    "25P03": "the session was ended while idle in its transaction",
    "25P04": "the transaction took too long",
    "40": "another transaction was in the way",
    "53": "the server is out of resources",
    "55P03": "a lock was not free in time",
    "57014": "a statement took too long",
    "57P": "the server is going down or coming up",
}
"""SQLSTATEs, or their first characters, after which the same batch may be tried again."""

TOO_LONG: Final = frozenset({"25P03", "25P04", "55P03", "57014"})
"""Of these, the ones after which a smaller batch may succeed: we think less long between statements, too."""

BROKE: Final = "08"
"""Says only that the connection is gone; behind it may stand why the server ended it."""

OURS: Final = (BrokenError, FencedError, RefusedError, TryAgainError)

REFUSALS: Final = ("22", "54000")
"""SQLSTATEs, or their first characters, of values that no table can hold."""


def translated(error: Exception, *, connected: bool) -> Exception:
    """The loop's word for one of `ERRORS`; `connected` tells whether the connection can still be used.

    asyncpg may lose its place when a connection breaks in the middle of a COPY, and says so by an internal
    error, before it knows of the break.
    """
    said = [link for link in _chain(error) if isinstance(link, asyncpg.PostgresError) and link.sqlstate]
    server = next((link for link in said if not str(link.sqlstate).startswith(BROKE)), next(iter(said), None))
    if server is not None:
        rule = str(getattr(server, "constraint_name", None) or "")
        return _by_state(str(server.sqlstate), rule, server)
    lost_place = any(isinstance(link, asyncpg.InternalClientError) for link in _chain(error))
    if isinstance(error, OSError | TimeoutError) or lost_place or not connected:
        return TryAgainError(f"PostgreSQL does not answer ({type(error).__name__})")
    return BrokenError(
        f"PostgreSQL's client failed ({error}). Nothing of this batch was kept; it is not at fault."
    )


def _by_state(state: str, constraint: str, error: asyncpg.PostgresError) -> Exception:
    if state == "23505" and constraint in RACES:
        return TryAgainError(f"another writer was faster ({constraint})")
    if state.startswith("23") and constraint in RULES:
        return RefusedError(f"{state} {constraint}")
    if state.startswith(REFUSALS):
        return RefusedError(state)
    for prefix, meaning in AWAY.items():
        if state.startswith(prefix):
            return (TooLongError if state in TOO_LONG else TryAgainError)(f"{meaning} ({state})")
    return BrokenError(
        f"PostgreSQL refused a statement ({state}: {error.args[0]}). Nothing of this batch was kept, "
        "everything before it is. Trying again would not help: check the schema's version and the rights."
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """What led to an error, but nothing of earlier tries: while their errors, in the loop's words, are still
    handled, an error of this try remembers them.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen and not isinstance(error, OURS):
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
