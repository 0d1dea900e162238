"""The simulator's journal, read back: what was sent, what was answered, what must follow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

TRUSTED = frozenset({"right", "previous", "printed"})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One delivery. `status` None where no answer came; `event_id` None where nobody can read the body."""

    account: str
    request_id: str | None
    payload_id: str
    event_id: str | None
    credentials: str
    attempt: int
    status: int | None
    expected_status: int

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def trusted(self) -> bool:
        return self.credentials in TRUSTED


@dataclass(frozen=True, slots=True)
class Truth:
    kind: Literal["operation", "quarantine"]
    account: str
    request_id: str | None
    device: str | None
    action: str | None
    state: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Journal:
    attempts: tuple[Attempt, ...]
    truths: tuple[Truth, ...]

    def payloads(self) -> Mapping[tuple[str, str], tuple[Attempt, ...]]:
        """The attempts of each message, by account and payload id."""
        grouped: dict[tuple[str, str], list[Attempt]] = {}
        for attempt in self.attempts:
            grouped.setdefault((attempt.account, attempt.payload_id), []).append(attempt)
        return {key: tuple(attempts) for key, attempts in grouped.items()}

    def was_out_of_room(self) -> bool:
        """Somebody was told so: with a 5xx."""
        return any(attempt.status is not None and attempt.status >= 500 for attempt in self.attempts)

    def incomplete_requests(self) -> frozenset[tuple[str, str | None]]:
        """Requests of which a message never got the answer that was meant: nothing certain is promised."""
        return frozenset(
            (account, attempts[0].request_id)
            for (account, _), attempts in self.payloads().items()
            if not any(attempt.accepted or attempt.status == attempt.expected_status for attempt in attempts)
        )


ATTEMPT, TRUTH = TypeAdapter(Attempt), TypeAdapter(Truth)


def read_journal(*paths: Path) -> Journal:
    """One journal out of several files. A half line at the end, as a killed simulator leaves, is none."""
    lines = [line for path in paths for line in _lines(path)]
    return Journal(
        tuple(ATTEMPT.validate_python(line) for line in lines if line["type"] == "attempt"),
        tuple(TRUTH.validate_python(line) for line in lines if line["type"] == "truth"),
    )


def _lines(path: Path) -> Iterable[dict[str, object]]:
    text = path.read_text(encoding="utf-8")
    return (json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n"))
