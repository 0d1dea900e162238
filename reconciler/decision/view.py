"""What is decided about, in words, and as JSON. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from rich.console import RenderableType
from rich.text import Text

from reconciler.audit.for_people import new_table, shown, word
from reconciler.decision.decision import Candidate


def candidates_table(rows: Iterable[Candidate]) -> RenderableType:
    table = new_table("request", "intent", "account", "EID", "target ICCID", "action", "state")
    for row in rows:
        table.add_row(
            *(shown(value) for value in (row.request_id, row.intent_id, row.account)),
            *(shown(value) for value in (row.eid, row.iccid_target, row.action)),
            word(row.state),
        )
    return table


def candidate_view(row: Candidate) -> Iterator[RenderableType]:
    named = f"request {shown(row.request_id)}" if row.request_id else f"intent {shown(row.intent_id)}"
    place = f"({named}, account {shown(row.account)})"
    yield Text.assemble(
        (shown(row.action or "unknown action"), "bold"),
        f" of ICCID {shown(row.iccid_target)} on EID {shown(row.eid)} {place}",
    )
    yield Text.assemble("  is ", word(row.state), f": {row.why}")
    yield Text(f"  facts: {', '.join(row.facts)}; first seen {shown(row.first_seen_at)} UTC")


def document(
    row: Candidate, decided: str, *, event_id: str | None, applied: bool, state: str
) -> Mapping[str, object]:
    """`event_id` is None where nothing new was said."""
    return {
        "operation_id": row.operation_id,
        "account": row.account,
        "request_id": row.request_id,
        "intent_id": row.intent_id,
        "eid": row.eid,
        "iccid_target": row.iccid_target,
        "before": row.state,
        "decided": decided,
        "event_id": event_id,
        "applied": applied,
        "state": state,
    }
