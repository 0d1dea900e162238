"""What happens next with an operation, and when. Pure."""

from datetime import datetime

from reconciler.audit.for_people import shown
from reconciler.audit.overdue import REASONS, facts_of, span
from reconciler.audit.stories import Row
from reconciler.core.facts import DECIDED_STATES


def next_step(row: Row, now: datetime) -> str:
    if not DECIDED_STATES.keys().isdisjoint(facts_of(row)) and row["next_poll_at"] is None:
        return "Nothing: it is decided. What still comes is recorded; only a later decision changes it."
    if row["final"] and row["next_poll_at"] is None:
        return "Nothing: it is settled. What still comes is recorded; a contradiction would open it again."
    if row["abandoned"]:
        return f"Nothing by itself: after 30 days nobody asks any more. {_decide(row)}"
    if row["request_id"] is None:
        return f"ThingSpace cannot be asked without a request id. {_decide(row)}"
    at = row["next_poll_at"]
    if not isinstance(at, datetime):
        return f"The schedule has no more looks; a callback would still settle it. {_decide(row)}"
    said = f"{_when(row, at, now)} That will be poll {_number(row)}."
    if row["state"] == "conflicted":
        return f"{said} If it agrees with one side, that side wins. {_decide(row)}"
    if row["final"]:
        return f"{said} It is settled; only the profile that it changed is not known."
    return f"{said} A callback may settle it before."


def _when(row: Row, at: datetime, now: datetime) -> str:
    reason = row["due_reason"]
    because = f", {REASONS.get(str(reason), str(reason))}" if reason is not None else ", by the schedule"
    if at > now:
        return f"ThingSpace is asked at {shown(at)} UTC, in {span((at - now).total_seconds())}{because}."
    late = span((now - at).total_seconds())
    return f"ThingSpace is to be asked since {late}{because}: it needs a running sweep and a known account."


def _number(row: Row) -> int:
    polls = row["polls"]
    assert isinstance(polls, int)
    return polls + 1


def _decide(row: Row) -> str:
    named = row["request_id"] or row["intent_id"]
    return (
        f"Who knows what became of it says so by `profile-reconciler decide {shown(named)} --eid "
        f"{shown(row['eid'])} --as succeeded|failed|void --why TEXT`."
    )
