"""Operations without a final answer, and why each still waits: in words of the table that gave its state."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, cast

from rich.console import RenderableType
from rich.text import Text

from reconciler.audit.for_people import new_table, shown, word
from reconciler.audit.stories import Row
from reconciler.core.evidence import Fact
from reconciler.core.facts import Facts, deciding_row

REASONS: Final[Mapping[str, str]] = {
    "conflicted": "because sources contradict each other",
    "last_attempt": "because ThingSpace sends its warning no more",
    "refused": "because a callback for it was refused",
    "target": "because nobody named the profile",
    "unclear": "because something unclear was said",
}
"""Why a look comes sooner than the schedule asks for it."""


def document(row: Row) -> Mapping[str, object]:
    return {**row, "why": why(row)}


def facts_of(row: Row) -> Facts:
    facts = row["facts"]
    assert isinstance(facts, list)
    return frozenset(cast("list[Fact]", facts))


def why(row: Row) -> str:
    """One sentence without its end."""
    said = [
        "it is settled, but nobody named the profile it changed"
        if row["final"]
        else deciding_row(facts_of(row))[1]
    ]
    if row["abandoned"]:
        said.append("after 30 days nobody asks any more: decide")
    elif row["request_id"] is None:
        said.append("without a request id there is nothing to ask ThingSpace")
    elif row["next_poll_at"] is None:
        said.append("the schedule has no more looks")
    return "; ".join(said)


def overdue_view(rows: Iterable[Row], now: datetime) -> Iterator[RenderableType]:
    found = list(rows)
    if not found:
        yield Text("Nothing is overdue.")
        return
    table = new_table("what", "since (UTC)", "state", "polls", "next poll", "why")
    for row in found:
        table.add_row(
            f"{shown(row['action'] or 'unknown action')} {shown(row['iccid_target'])}\n"
            f"EID {shown(row['eid'] or row['device'])}\n"
            f"{_named(row)}, account {shown(row['account'])}",
            f"{shown(row['first_seen_at'])}\n{_ago(row['first_seen_at'], now)}",
            word("abandoned") if row["abandoned"] else word(row["state"]),
            shown(row["polls"]),
            next_look(row, now),
            why(row).replace("; ", "\n"),
        )
    yield table


def next_look(row: Row, now: datetime) -> str:
    at, reason = row["next_poll_at"], row["due_reason"]
    if not isinstance(at, datetime):
        return "none"
    said = f"{shown(at)}, in {span((at - now).total_seconds())}" if at > now else "due now"
    return f"{said}\n{REASONS.get(str(reason), str(reason))}" if reason is not None else said


def _named(row: Row) -> str:
    if row["request_id"] is not None:
        return f"request {shown(row['request_id'])}"
    return f"intent {shown(row['intent_id'])}"


def _ago(value: object, now: datetime) -> str:
    assert isinstance(value, datetime)
    return f"{span((now - value.astimezone(UTC)).total_seconds())} ago"


_UNITS: Final = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def span(seconds: float) -> str:
    """A length of time in the largest unit that it fills."""
    whole = max(int(seconds), 0)
    size, unit = next((size, unit) for size, unit in _UNITS if whole >= size or size == 1)
    count = whole // size
    return f"{count} {unit}" + ("" if count == 1 else "s")
