"""A database per test, copied from a template that the product's own migrations made once."""

import hashlib
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from deploy.local.apart import apart
from deploy.local.stack import Stack
from reconciler.migrate import migrate, read_migrations
from reconciler.postgres.admin import Access, owner_session

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

OWNER = "postgres"
WRITER = "profile_writer"
AUDITOR = "profile_auditor"
TEMPLATE_LOCK = 7_201_913


@dataclass(frozen=True, slots=True)
class Database:
    """The DSNs are libpq URLs without password: the stack trusts loopback."""

    name: str
    address: str

    def dsn(self, role: str) -> str:
        return f"postgresql://{role}@{self.address}/{self.name}"

    @property
    def owner_dsn(self) -> str:
        return self.dsn(OWNER)

    @property
    def writer_dsn(self) -> str:
        return self.dsn(WRITER)

    @property
    def auditor_dsn(self) -> str:
        return self.dsn(AUDITOR)

    @asynccontextmanager
    async def connect(self, role: str = OWNER) -> AsyncIterator["Connection"]:
        """One connection for the length of the block; as superuser unless told otherwise."""
        connection = await asyncpg.connect(self.dsn(role), timeout=10)
        try:
            yield connection
        finally:
            await connection.close(timeout=5)


def migrated_template(stack: Stack) -> str:
    """The name of a database with today's schema; made by the first who asks."""
    return apart(_migrated_template(stack))


@contextmanager
def database_from(stack: Stack, template: str) -> Iterator[Database]:
    """A fresh copy of `template`, dropped afterwards even when a program under test still holds it open."""
    database = Database(f"test_{uuid.uuid4().hex[:12]}", _address(stack))
    apart(_create(stack, database, template))
    try:
        yield database
    finally:
        apart(_drop(stack, database.name))


@contextmanager
def empty_database(stack: Stack) -> Iterator[Database]:
    """For tests of the migrations themselves."""
    database = Database(f"test_{uuid.uuid4().hex[:12]}", _address(stack))
    apart(_administer(stack, f'create database "{database.name}"'))
    try:
        yield database
    finally:
        apart(_drop(stack, database.name))


def _address(stack: Stack) -> str:
    return stack.dsn().split("@", 1)[1].split("/", 1)[0]


async def _migrated_template(stack: Stack) -> str:
    name = f"template_{_schema_digest()}"
    connection = await asyncpg.connect(stack.dsn(database="postgres"), timeout=10)
    try:
        await connection.execute("select pg_advisory_lock($1)", TEMPLATE_LOCK)
        if not await connection.fetchval("select 1 from pg_database where datname = $1", name):
            await connection.execute(f'drop database if exists "{name}_new"')
            await connection.execute(f'create database "{name}_new"')
            await _migrate(Database(f"{name}_new", _address(stack)))
            await connection.execute(f'alter database "{name}_new" rename to "{name}"')
    finally:
        await connection.close(timeout=5)
    return name


async def _create(stack: Stack, database: Database, template: str) -> None:
    await _administer(stack, f'create database "{database.name}" template "{template}"')
    await _migrate(database)  # nothing left to apply, but owner and role settings do not travel with a copy


async def _migrate(database: Database) -> None:
    async with owner_session(Access(database.owner_dsn, "MIGRATE_POSTGRES_DSN")) as session:
        await migrate(session, read_migrations(), lambda _: None)


async def _drop(stack: Stack, name: str) -> None:
    await _administer(stack, f'drop database if exists "{name}" with (force)')


async def _administer(stack: Stack, statement: str) -> None:
    connection = await asyncpg.connect(stack.dsn(database="postgres"), timeout=10)
    try:
        await connection.execute(statement)
    finally:
        await connection.close(timeout=5)


def _schema_digest() -> str:
    """Of every SQL file of the product: any change makes a new template."""
    folder = Path(str(files("reconciler"))) / "sql"
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.sql")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
