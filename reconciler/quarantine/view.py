"""The quarantine as people and programs read it. Text from outside is shown with its controls escaped."""

from collections.abc import Iterator, Sequence
from textwrap import shorten

from rich.console import RenderableType
from rich.text import Text

from reconciler.audit.for_people import new_table, printable, shown
from reconciler.audit.stories import Row
from reconciler.quarantine.quarantine import Quarantined

ERROR_CHARS = 60
CONTENT_CHARS_MAX = 8192


def document(row: Quarantined) -> dict[str, object]:
    """Without the content, which may be long."""
    return {
        "quarantine_id": row.quarantine_id,
        "reason": row.reason,
        "account": row.account,
        "request_id": row.request_id,
        "source_ip": row.source_ip,
        "observed_at": row.observed_at,
        "status": row.status,
        "copies": row.copies,
        "bytes": len(row.content),
        "error": row.error,
        "digest": row.digest,
        "topic": row.topic,
        "partition": row.partition,
        "offset": row.offset,
        "service": row.service,
        "recorded_at": row.recorded_at,
        "last_recorded_at": row.last_recorded_at,
    }


def list_table(rows: Sequence[Quarantined], limit: int | None) -> Iterator[RenderableType]:
    table = new_table("row", "recorded (UTC)", "reason", "account", "request", "status", "copies", "error")
    for row in rows:
        table.add_row(
            str(row.quarantine_id),
            shown(row.recorded_at),
            shown(row.reason),
            shown(row.account),
            shown(row.request_id),
            row.status,
            str(row.copies),
            shorten(shown(row.error), ERROR_CHARS, placeholder="…"),
        )
    yield table
    if rows and len(rows) == limit:
        yield Text(f"the first {limit}; for more: --after {rows[-1].quarantine_id}")


def row_view(row: Quarantined, actions: Sequence[Row], obstacle: str | None) -> Iterator[RenderableType]:
    """`obstacle`: why it cannot be replayed today."""
    yield Text(f"row {row.quarantine_id}: {printable(row.reason)}, {row.status}", style="bold")
    yield Text(
        f"  account {shown(row.account)} · service {shown(row.service)} · request {shown(row.request_id)} · "
        f"from {shown(row.source_ip)} · observed {shown(row.observed_at)}"
    )
    yield Text(
        f"  {row.copies} copies, the first at {printable(row.topic)} {row.partition}/{row.offset}, recorded "
        f"{shown(row.recorded_at)}, the last {shown(row.last_recorded_at)}"
    )
    if row.error is not None:
        yield Text(f"  {printable(row.error)}")
    yield Text("  could be replayed today" if obstacle is None else f"  cannot be replayed: {obstacle}")
    for action in actions:
        yield Text(f"  {_said(action)}")
    yield Text()
    yield Text(_content(row))


def _said(action: Row) -> str:
    why = "" if action["why"] is None else f": {shown(action['why'])}"
    return f"{shown(action['done_at'])} {shown(action['action'])} by {shown(action['done_by'])}{why}"


def _content(row: Quarantined) -> str:
    text = row.text()
    if text is None:
        return f"({len(row.content)} bytes that are no plain text)" if row.content else "(nothing was kept)"
    lines = "\n".join(printable(line) for line in text[:CONTENT_CHARS_MAX].splitlines())
    rest = len(text) - CONTENT_CHARS_MAX
    return f"{lines}\n({rest} more characters; --json has them)" if rest > 0 else lines
