"""What the sender saw: when it was answered, and for how long it was not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

NOBODY_THERE = "ClientConnectorError"
UNNAMED = "unanswered"
TRUSTED = frozenset({"right", "previous", "printed"})


@dataclass(frozen=True, slots=True)
class Answered:
    """One attempt that should be accepted. `answered_at` None where no answer came; seconds since 1970.

    `error` is the sender's name for what came instead; the steady load knows none.
    """

    message: tuple[str, str]
    sent_at: float
    answered_at: float | None
    status: int | None
    error: str | None = None

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def failed_by_us(self) -> bool:
        """A 5xx: somebody was there, and would not take it."""
        return self.status is not None and self.status >= 500

    @property
    def broken_off(self) -> bool:
        """Somebody took the connection, and then gave no answer."""
        return self.error not in (None, NOBODY_THERE, UNNAMED)


def read_answers(paths: Iterable[Path]) -> list[Answered]:
    """The attempts with right credentials, by the moment of sending."""
    lines = [json.loads(line) for path in paths for line in path.read_text("utf-8").splitlines()]
    found = [
        Answered(
            message=(line["account"], line["payload_id"]),
            sent_at=_seconds(line["sent_at"]),
            answered_at=None if line["answered_at"] is None else _seconds(line["answered_at"]),
            status=line["status"],
            error=line["error"],
        )
        for line in lines
        if line["type"] == "attempt" and line["credentials"] in TRUSTED and line["expected_status"] == 200
    ]
    return sorted(found, key=lambda one: one.sent_at)


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def longest_unavailable_s(answers: Sequence[Answered]) -> float:
    """The longest time from a callback that was not accepted to the next one that was, nothing between."""
    longest, began = 0.0, None
    for one in answers:
        if not one.accepted:
            began = one.sent_at if began is None else began
        elif began is not None:
            longest, began = max(longest, one.sent_at - began), None
    if began is not None:
        longest = max(longest, answers[-1].sent_at - began)
    return longest


def accepted_within_s(answers: Sequence[Answered], share: float) -> float:
    """The time within which that share of the accepted callbacks was answered; 0 without any."""
    times = sorted(one.answered_at - one.sent_at for one in answers if one.accepted and one.answered_at)
    return times[min(len(times) - 1, int(share * len(times)))] if times else 0.0
