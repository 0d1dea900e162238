"""The life of a job: one thing to delete at one target. Pure: times and answers are given.

    held -> looking -> sending -> accepted -> checking -> confirmed
                                            (and the ends that are none: see FINAL)

What a job is about to do is written before it is done. So a job that is found `sending` when the program
starts may have been sent or not, nobody knows, and it goes on by looking; where a target cannot be looked at,
a person must say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from reconciler.downstream.answer import Answer, Outcome

State = Literal[
    "dry_run",
    "held",
    "looking",
    "sending",
    "accepted",
    "checking",
    "confirmed",
    "already_absent",
    "linked_anew",
    "cancelled",
    "too_old",
    "denied",
    "merged",
    "failed",
    "unknown",
]

FINAL: Final[frozenset[State]] = frozenset(
    {
        *("dry_run", "confirmed", "already_absent", "linked_anew", "cancelled", "too_old", "denied"),
        *("merged", "failed"),
    }
)
"""`unknown` is not final: it waits for a person."""

UNSENT: Final[frozenset[State]] = frozenset({"held", "looking"})
"""Nothing was sent yet, so that cancelling is still the whole truth."""

Step = Literal["look", "send", "ask", "check"]
"""Look whether it is there and still the same; send the deletion; ask for the transaction; check that it is
gone."""

LOOKS: Final[Mapping[State, Step]] = {
    "held": "look",
    "looking": "look",
    "sending": "look",
    "accepted": "ask",
    "checking": "check",
}
"""The next step at a target that can be looked at; `send` only ever follows a look."""

BLIND: Final[Mapping[State, Step]] = {"held": "send", "looking": "send"}
"""At a target that cannot be looked at, a job in `sending` has no next step but a person's."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long a job tries."""

    sends_max: int = 3
    tries_max: int = 20
    asked_first_s: float = 2.0
    asked_last_s: float = 60.0
    asked_for: timedelta = timedelta(minutes=15)
    again_first_s: float = 5.0
    again_last_s: float = 900.0


@dataclass(frozen=True, slots=True)
class Job:
    """What the machine needs to know of one.

    `sends`: deletions that may have been carried out. `tries`: steps since it last got on.
    """

    state: State
    event_at: datetime
    sends: int = 0
    tries: int = 0
    sent_at: datetime | None = None
    approved: bool = False
    verified: bool = False
    """Its mapping was once seen to lead to something."""


@dataclass(frozen=True, slots=True)
class Change:
    """Where a job goes. `again_at`: when to take its next step, None where it has none.

    `target`: why the whole target must stop, where it must. `needs_approval`: nothing is done before a person
    approves it.
    """

    state: State
    reason: str
    again_at: datetime | None = None
    target: str | None = None
    needs_approval: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look found. `linked_at`: the youngest time that the profile names; None where none is readable.

    `doubtful`: a time without a zone so near to the event that it could be on either side.
    """

    there: bool
    others: int = 0
    linked_at: datetime | None = None
    doubtful: bool = False


def next_step(state: State, *, can_look: bool) -> Step | None:
    return (LOOKS if can_look else BLIND).get(state)


def after_look(job: Job, seen: Seen | Answer, now: datetime, patience: Patience) -> Change:
    """After a look at what is to be deleted: `sending` means that the deletion may be sent now."""
    if isinstance(seen, Answer):
        return _troubled(job, seen, now, patience, back="looking" if job.state in UNSENT else job.state)
    if not seen.there:
        return _absent(job, seen)
    if seen.linked_at is not None and not seen.doubtful and seen.linked_at > job.event_at:
        return Change("linked_anew", "linked again after the profile was deleted; left alone")
    if (seen.linked_at is None or seen.doubtful) and not job.approved:
        return Change(
            "held",
            "cannot tell whether it was linked again after the deletion; approve or cancel it",
            needs_approval=True,
        )
    if job.sends >= patience.sends_max:
        return Change("unknown", f"sent {job.sends} times and still there")
    return Change("sending", "there, and older than the deletion", now)


def _absent(job: Job, seen: Seen) -> Change:
    if job.sends:
        return Change("confirmed", "sent, and no longer there")
    if job.verified or seen.others:
        return Change("already_absent", "was not there any more")
    return Change("unknown", "not there, and its mapping was never seen to lead anywhere; check the mapping")


def after_send(
    job: Job, answer: Answer, now: datetime, patience: Patience, *, can_look: bool, proven: bool
) -> Change:
    """After a deletion was sent; `job` is as it was written before it.

    `proven`: the target has once answered as itself, so that "not there" is about the holder and not about
    the address.
    """
    if answer.outcome == "accepted":
        return Change("accepted", "queued at the target", now + timedelta(seconds=patience.asked_first_s))
    if answer.outcome == "confirmed":
        return Change("checking", "done, says the target", now) if can_look else Change("confirmed", "done")
    if answer.outcome == "not_there":
        return _not_there(answer, now, can_look=can_look, proven=proven)
    if answer.outcome == "lost":
        return _lost(job, now, patience, can_look=can_look)
    if not can_look and not was_not_done(answer) and job.sends >= patience.sends_max:
        return Change("unknown", f"sent {job.sends} times without an answer that settles it{_said(answer)}")
    return _troubled(job, answer, now, patience, back="looking" if can_look else "held")


def was_not_done(answer: Answer) -> bool:
    """Whether the target surely did nothing: it was never reached, or turned everybody away."""
    never_reached = answer.outcome == "away" and answer.http_status is None and not answer.may_be_done
    return never_reached or answer.outcome in ("throttled", "broken")


def _not_there(answer: Answer, now: datetime, *, can_look: bool, proven: bool) -> Change:
    if can_look:
        return Change("checking", "not there, says the target", now)
    if proven:
        return Change("failed", f"the target does not know the holder{_said(answer)}")
    return Change("held", "waits for its target", now, target="404 from an address that never answered yet")


def _lost(job: Job, now: datetime, patience: Patience, *, can_look: bool) -> Change:
    if can_look:
        return Change(
            "sending", "sent, and no answer; looking before anything else", _later(job, now, patience)
        )
    return Change("unknown", "sent, and no answer; nobody knows whether it was done")


def after_ask(job: Job, answer: Answer, now: datetime, patience: Patience) -> Change:
    """After asking for the transaction."""
    if answer.outcome in ("confirmed", "not_there"):
        return Change("checking", "done, says the target", now)
    sent_at = job.sent_at or now
    if answer.outcome in ("pending", "accepted"):
        if now - sent_at >= patience.asked_for:
            return Change("checking", "the target does not say what became of it", now)
        return Change("accepted", "not done yet", now + timedelta(seconds=_asked_again_s(job, patience)))
    return _troubled(job, answer, now, patience, back="accepted")


def after_check(job: Job, seen: Seen | Answer, now: datetime, patience: Patience) -> Change:
    """After looking whether it is gone."""
    if isinstance(seen, Answer):
        return _troubled(job, seen, now, patience, back="checking")
    if not seen.there:
        return Change("confirmed", "no longer there")
    sent_at = job.sent_at or now
    if seen.linked_at is not None and not seen.doubtful and seen.linked_at > sent_at:
        return Change("confirmed", "was deleted, and has been linked again since")
    if now - sent_at < patience.asked_for:
        return Change("checking", "still there", now + timedelta(seconds=_asked_again_s(job, patience)))
    return Change("unknown", "done, says the target, and still there")


def _troubled(job: Job, answer: Answer, now: datetime, patience: Patience, *, back: State) -> Change:
    """Anything that is no plain answer: the job at fault, the target at fault, or nobody for the moment."""
    said = _said(answer)
    if answer.outcome == "refused":
        return Change("failed", f"refused for what it is{said}")
    if answer.outcome == "broken":
        return Change(back, f"waits for its target{said}", now, target=f"every job would fail{said}")
    if answer.outcome in TRANSIENT and job.tries < patience.tries_max:
        wait_s = max(answer.retry_after_s or 0.0, _again_s(job, patience))
        return Change(back, f"the target is {answer.outcome}{said}", now + timedelta(seconds=wait_s))
    return Change("unknown", f"not understood, or for too long{said}")


TRANSIENT: Final[frozenset[Outcome]] = frozenset({"throttled", "away", "lost"})
"""For a question `lost` is the same as `away`: asking again does no harm."""


def _said(answer: Answer) -> str:
    status = "" if answer.http_status is None else f"HTTP {answer.http_status}"
    words = " ".join(part for part in (status, answer.code, answer.text) if part)
    return f" ({words})" if words else ""


def _later(job: Job, now: datetime, patience: Patience) -> datetime:
    return now + timedelta(seconds=_again_s(job, patience))


def _again_s(job: Job, patience: Patience) -> float:
    return min(patience.again_first_s * 2.0 ** min(job.tries, 30), patience.again_last_s)


def _asked_again_s(job: Job, patience: Patience) -> float:
    return min(patience.asked_first_s * 2.0 ** min(job.tries, 30), patience.asked_last_s)
