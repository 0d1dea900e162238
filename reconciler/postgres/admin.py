"""The PostgreSQL adapter of the commands that people type: one session, errors in words.

Every error of asyncpg leaves this module as `DatabaseError`, whose text says what happened, what was kept
and what to do. The loop has an adapter of its own, because it must tell errors apart to retry them.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg

from reconciler.migrate import (
    Applied,
    Migration,
    RolesReport,
    SchemaError,
    check_version,
    read_migrations,
)
from reconciler.postgres.errors import ERRORS
from reconciler.queries import query
from reconciler.readable import ReadableError
from schemas.settings import SettingsError

CONNECT_TIMEOUT_S = 10.0
LOCK_TIMEOUT = "60s"
IDLE_LIMIT = "60s"
"""Of a transaction whose program stands still: the reconcilers need its rows. Above the time that a command
computes, or waits for Kafka, between two statements."""
LACKING = (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.UndefinedColumnError)

if TYPE_CHECKING:
    Session = asyncpg.Connection[asyncpg.Record]


class DatabaseError(ReadableError):
    """The database cannot be reached, or refused; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a database: `setting` is the name of the setting that `dsn` came from, for messages."""

    dsn: str
    setting: str
    password: str | None = None

    def __repr__(self) -> str:
        return f"Access(setting={self.setting!r})"

    @property
    def place(self) -> str:
        """Host, port and database of the DSN; never the user's password or the query part."""
        parts = urlsplit(self.dsn)
        host = parts.netloc.rpartition("@")[2] or "the local socket"
        return f"{host}, database {parts.path.lstrip('/') or '(default)'}"


@asynccontextmanager
async def session(
    access: Access, program: str, *, within_s: float | None = None, **server_settings: str
) -> AsyncIterator["Session"]:
    """One connection for the length of the block; what the database says against it is a `DatabaseError`.

    `within_s`: for every answer, above the server's own time limits, which a server that froze or vanished
    does not keep. None where a person waits and can leave.
    """
    with translated(access):
        connection = await asyncpg.connect(
            access.dsn,
            password=access.password,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=within_s,
            server_settings={
                "application_name": program,
                "idle_in_transaction_session_timeout": IDLE_LIMIT,
                **server_settings,
            },
        )
        try:
            yield connection
        finally:
            await closed(connection)


async def closed(connection: "Session") -> None:
    """What ended the block, a cancellation for one, goes before a server that does not take leave."""
    try:
        await connection.close(timeout=CONNECT_TIMEOUT_S)
    except ERRORS:
        connection.terminate()


@contextmanager
def translated(access: Access) -> Iterator[None]:
    """Turns what asyncpg raises inside the block into one sentence for people."""
    try:
        yield
    except BrokenPipeError:
        raise  # whoever read our output has left: asyncpg has a word of its own for a lost server
    except asyncpg.InsufficientPrivilegeError as error:
        raise DatabaseError(
            f"PostgreSQL refused ({_cause(error)}). Nothing of this step was kept. Check that "
            f"{access.setting} names the role meant for this command."
        ) from error
    except LACKING as error:
        raise DatabaseError(
            f"The database at {access.place} lacks what this program reads ({_cause(error)}). Nothing was "
            "changed. Run `profile-reconciler migrate`."
        ) from error
    except asyncpg.QueryCanceledError as error:
        raise DatabaseError(
            "PostgreSQL stopped the query at its time limit. Nothing was changed. Ask for less at once, or "
            "raise the role's statement_timeout."
        ) from error
    except asyncpg.ClientConfigurationError as error:
        raise SettingsError([f"{access.setting}: {_cause(error)}; correct the URL"]) from error
    except ERRORS as error:
        raise DatabaseError(
            f"PostgreSQL at {access.place} cannot be used ({_cause(error)}). What was committed before is "
            f"kept, nothing else. Check that it runs and that {access.setting} is right, then try again."
        ) from error


def _cause(error: Exception) -> str:
    """The first line: PostgreSQL's DETAIL may quote a row."""
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return (str(error).splitlines() or [type(error).__name__])[0]


class OwnerSession:
    """`reconciler.migrate.SchemaDatabase` on a connection that holds the runner's lock."""

    def __init__(self, connection: "Session") -> None:
        self._connection = connection

    async def applied(self) -> Sequence[Applied]:
        if await self._connection.fetchval("select to_regclass('ledger.schema_migration')") is None:
            return ()
        return _applied(await self._connection.fetch(query("migrate_applied")))

    async def prepare_roles(self) -> RolesReport:
        before = await self._roles()
        try:
            await self._connection.execute(query("migrate_create_roles"))
            created = await self._roles() - before
            await self._connection.execute(query("migrate_own"))
        except asyncpg.InsufficientPrivilegeError as error:
            raise SchemaError(
                "The connected user may not prepare the roles profile_owner, profile_writer and "
                f"profile_auditor ({_cause(error)}). The schema was not changed. Connect as a superuser, or "
                "as the database's owner with CREATEROLE, or let a superuser create the three roles, make "
                "this user a member of profile_owner and give that role CREATE on the database."
            ) from error
        return RolesReport(tuple(sorted(created)), await self._limit_auditor())

    async def _roles(self) -> set[str]:
        return {row["rolname"] for row in await self._connection.fetch(query("migrate_roles_present"))}

    async def _limit_auditor(self) -> tuple[str, ...]:
        try:
            await self._connection.execute(query("migrate_limit_auditor"))
        except asyncpg.InsufficientPrivilegeError:
            return (
                "role profile_auditor: has no statement time-out, as the connected user may not set one; a "
                "superuser can: alter role profile_auditor set statement_timeout = '60s'",
            )
        return ()

    async def apply(self, migration: Migration) -> None:
        await self._connection.execute(query("migrate_act_as_owner"))
        try:
            async with self._connection.transaction():
                await self._connection.execute(migration.sql)
                await self._connection.execute(
                    query("migrate_record"), migration.version, migration.name, migration.sha256
                )
        except asyncpg.PostgresError as error:
            raise SchemaError(
                f"Migration {migration.label} failed ({_cause(error)}). Nothing of it was kept; earlier ones "
                "stay. Put the cause right and run migrate again."
            ) from error


@asynccontextmanager
async def owner_session(access: Access) -> AsyncIterator[OwnerSession]:
    """Waits for another runner up to `LOCK_TIMEOUT`; a locked table holds a migration no longer either."""
    async with session(access, "profile-reconciler migrate", lock_timeout=LOCK_TIMEOUT) as connection:
        await connection.execute(query("migrate_lock"))
        yield OwnerSession(connection)


async def schema_applied(connection: "Session") -> Sequence[Applied]:
    """The list of migrations as every role may read it; empty where there is no schema yet."""
    try:
        return _applied(await connection.fetch(query("audit_schema_applied")))
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        return ()


def _applied(rows: Sequence[asyncpg.Record]) -> tuple[Applied, ...]:
    return tuple(Applied(row["version"], row["name"], row["sha256"]) for row in rows)


@asynccontextmanager
async def fitting_session(
    access: Access, program: str, *, within_s: float | None = None, **server_settings: str
) -> AsyncIterator["Session"]:
    """A session on a database whose schema is exactly this program's; raises `SchemaError` otherwise."""
    async with session(access, program, within_s=within_s, **server_settings) as connection:
        check_version(read_migrations(), await schema_applied(connection))
        yield connection
