"""The rows that the job ledger gives and takes, as values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from reconciler.downstream.answer import Answer
from reconciler.downstream.job import UNSENT, Change, Job, State

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


class Sent(NamedTuple):
    """Deletions that may have been carried out, and when the last of them was sent."""

    sends: int
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Step:
    """One transition to be recorded: what was done, by whom, and what the target said to it."""

    step: str
    change: Change
    by: str = ENGINE
    request: str | None = None
    answer: Answer | None = None
    sent: Sent | None = None
    """What is known of its deletions now; None: the same as before."""
    transaction_id: str | None = None
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class TargetRow:
    name: str
    stopped_because: str | None
    stopped_by: str | None
    proven: bool


def tries_after(was: State, tries: int, change: Change) -> int:
    """Counted on as long as a job does not get on: a deletion that was sent in vain is no progress."""
    if change.state == was or (was == "sending" and change.state in UNSENT):
        return tries + 1
    return tries if change.state == "sending" else 0
