"""What a target's answer means to the job that asked."""

from dataclasses import dataclass
from typing import Final, Literal

Outcome = Literal[
    "accepted",  # the target will do it; ask later by its transaction id
    "confirmed",  # done
    "not_there",  # there was nothing to delete, says the target
    "exists",  # there already
    "pending",  # not yet, or never heard of it: the target does not tell these apart
    "refused",  # this record is at fault, and would be again
    "broken",  # the target as a whole: credentials, address, quota; every job would fail
    "throttled",  # too many; slower
    "away",  # nothing happened; try again
    "lost",  # sent, and no answer that can be used: look before doing it again
    "unknown",  # an answer nobody has described; a person must look
]


TEXT_CHARS_MAX: Final = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """`code` and `text` are the target's own words, bounded, and without what we sent."""

    outcome: Outcome
    code: str = ""
    text: str = ""
    transaction_id: str | None = None
    http_status: int | None = None
    retry_after_s: float | None = None
    may_be_done: bool = False
    """Sent and no answer came, where doing it twice is the same as once: tried again, and counted as sent."""


def text_of(found: object, chars_max: int = TEXT_CHARS_MAX) -> str:
    """A word of the target's, bounded; with NUL, which no database text can hold, as U+FFFD."""
    if isinstance(found, bool) or not isinstance(found, str | int):
        return ""
    return str(found).replace("\x00", "\ufffd").strip()[:chars_max]
