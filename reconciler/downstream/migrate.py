"""The schema of the job ledger: its own, with a memory of its own, next to the ledger or anywhere else."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import TYPE_CHECKING

import asyncpg

from reconciler.downstream.queries import query
from reconciler.migrate import Applied, Migration, SchemaError, pending, read_migrations
from reconciler.postgres.admin import Access, session

if TYPE_CHECKING:
    Session = asyncpg.Connection[asyncpg.Record]

PROGRAM = "profile-downstream"
ANSWER_WITHIN_S = 300.0
"""The longest statement is a person's, who lists jobs or takes in a mapping."""
LACKING = (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError)


def migrations() -> tuple[Migration, ...]:
    return read_migrations(files("reconciler.downstream") / "sql" / "migrations")


async def migrate(access: Access, say: Callable[[str], None]) -> None:
    """Brings the schema up to date, makes the role, and gives it its rights."""
    known = migrations()
    async with session(access, f"{PROGRAM} migrate", lock_timeout="60s") as connection:
        await connection.execute(query("migrate_lock"))
        left = pending(known, await _applied(connection))
        await connection.execute(query("migrate_role"))
        for migration in left:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(
                    query("migrate_record"), migration.version, migration.name, migration.sha256
                )
            say(f"migration {migration.label}: applied")
        await connection.execute(query("migrate_grant"))
        say(f"schema downstream is at version {len(known)}" + ("" if left else "; nothing to do"))


async def _applied(connection: "Session") -> Sequence[Applied]:
    try:
        rows = await connection.fetch(query("migrate_applied"))
    except LACKING:
        return ()
    return [Applied(row["version"], row["name"], row["sha256"]) for row in rows]


@asynccontextmanager
async def fitting_session(access: Access) -> AsyncIterator["Session"]:
    """A session on a database whose job ledger is exactly this program's; raises SchemaError otherwise."""
    async with session(access, PROGRAM, within_s=ANSWER_WITHIN_S, timezone="UTC", **KEEPALIVES) as connection:
        if pending(migrations(), await _applied(connection)):
            raise SchemaError(
                "The database has no job ledger of this version. Nothing was sent. Run `profile-downstream "
                "migrate`, then start again."
            )
        yield connection


KEEPALIVES = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}
"""So that the server notices within half a minute when our machine is gone, and another may work."""
