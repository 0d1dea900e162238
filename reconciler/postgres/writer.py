"""A plan, written: one round trip per kind of row, COPY for rows that cannot be there yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reconciler.core import chain
from reconciler.core.evidence import Evidence
from reconciler.core.operation import Operation
from reconciler.core.plan import Plan, Row
from reconciler.core.profile import Profile
from reconciler.queries import query
from schemas.message import Message

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

SCHEMA: Final = "ledger"

COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "event": (*chain.COLUMNS, "body_digest", "chain_hash", "body_salt", "body"),
    "evidence": ("evidence_key", *Evidence._fields[1:]),
    "operation": (*Operation._fields, "version"),
    "profile": ("profile_id", *Profile._fields, "version"),
    "outbox": Message._fields,
}
"""The columns that COPY fills, in the order of the plan's rows."""


async def write(connection: "Connection", plan: Plan) -> None:
    """Everything of the plan, in the open transaction. Vanished rows go first, to free their keys."""
    writer = _Writer(connection)
    await writer.copy("event", plan.events)
    await writer.rows("write_deliveries", plan.deliveries)
    await writer.copy("evidence", plan.evidence)
    await writer.rows("alter_evidence", plan.evidence_altered)
    await writer.rows("write_links", plan.links)
    await writer.ids("delete_operations", plan.operations_gone)
    await writer.rows("alter_operations", plan.operations_changed)
    await writer.copy("operation", plan.operations)
    await writer.ids("close_looks", plan.looks_closed)
    await writer.rows("write_looks", plan.looks)
    await writer.rows("close_history", plan.history_closed)
    await writer.ids("delete_profiles", plan.profiles_gone)
    await writer.rows("alter_profiles", plan.profiles_changed)
    await writer.copy("profile", plan.profiles)
    await writer.ids("write_history", plan.history)
    await writer.copy("outbox", plan.outbox)
    await writer.rows("write_quarantine", plan.quarantine)
    await writer.rows("write_offsets", plan.offsets)


@dataclass(frozen=True, slots=True)
class _Writer:
    connection: "Connection"

    async def copy(self, table: str, rows: Sequence[Row]) -> None:
        if rows:
            await self.connection.copy_records_to_table(
                table, schema_name=SCHEMA, columns=COLUMNS[table], records=rows
            )

    async def rows(self, name: str, rows: Sequence[Row]) -> None:
        """A statement that takes its rows as one array for each column."""
        if rows:
            await self.connection.execute(query(name), *(list(column) for column in zip(*rows, strict=True)))

    async def ids(self, name: str, ids: Sequence[object]) -> None:
        if ids:
            await self.connection.execute(query(name), ids)
