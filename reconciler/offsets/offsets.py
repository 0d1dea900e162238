"""Where each Kafka partition stands, as the database remembers it; Kafka's own offsets only lag behind."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.table import Table

from reconciler.audit.for_people import new_table, shown
from reconciler.audit.stories import Row
from reconciler.queries import query

if TYPE_CHECKING:
    from reconciler.postgres.admin import Session

ID_CHARS = 16


async def stored_offsets(connection: "Session") -> tuple[Row, ...]:
    """By topic and partition."""
    return tuple(dict(row) for row in await connection.fetch(query("offsets_show")))


def offsets_table(offsets: Iterable[Row]) -> Table:
    table = new_table("topic", "partition", "next offset", "last event")
    for row in offsets:
        table.add_row(
            shown(row["topic"]),
            shown(row["partition"]),
            shown(row["next_offset"]),
            shown(row["last_event_id"])[:ID_CHARS],
        )
    return table
