"""The rows that the job ledger gives and takes, as values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from reconciler.downstream.answer import Answer
from reconciler.downstream.job import Change, Job, State

ENGINE: Final = "engine"


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job that may go on. `job` is what the machine needs of it."""

    job_id: int
    target: str
    mapping_id: int
    account: str
    eid: str
    app_id: str
    holder_id: str
    device_id: str
    transaction_id: str | None
    job: Job


@dataclass(frozen=True, slots=True)
class Step:
    """One transition to be recorded: what was done, by whom, and what the target said to it."""

    step: str
    change: Change
    by: str = ENGINE
    request: str | None = None
    answer: Answer | None = None
    sends: int = 0
    """How often its deletion was sent, this time included."""
    sent_at: datetime | None = None
    transaction_id: str | None = None
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class TargetRow:
    name: str
    stopped_because: str | None
    stopped_by: str | None
    proven: bool


def tries_after(was: State, tries: int, change: Change) -> int:
    """Counted anew in each state."""
    return tries + 1 if change.state == was else 0
