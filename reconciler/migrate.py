"""Which schema changes a database still needs, and making them: forward only, each file one transaction.

A migration is `sql/migrations/NNNN_name.sql`, numbered from 0001 without gaps. What was applied is remembered
with the SHA-256 of its file, so that a file changed afterwards is found before anything is done: schema
changes go into new files. The same memory tells `run` and the audit commands whether program and database
fit.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Protocol

from reconciler.readable import ReadableError

FILE_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")


class SchemaError(ReadableError):
    """Program and schema do not fit, or the schema cannot be changed; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    name: str
    sha256: str
    sql: str

    @property
    def label(self) -> str:
        return f"{self.version:04} {self.name}"


@dataclass(frozen=True, slots=True)
class Applied:
    version: int
    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class RolesReport:
    """`remarks` are sentences on what the connected user could not do and what a superuser may do instead."""

    created: tuple[str, ...]
    remarks: tuple[str, ...]


class SchemaDatabase(Protocol):
    """One session on the database that holds the runner's lock."""

    async def applied(self) -> Sequence[Applied]: ...

    async def prepare_roles(self) -> RolesReport: ...

    async def apply(self, migration: Migration) -> None: ...


def read_migrations(folder: Traversable | None = None) -> tuple[Migration, ...]:
    """The files of this release in order; `ValueError` where the numbering has a gap or a stranger."""
    folder = folder or files("reconciler") / "sql" / "migrations"
    found = sorted((_migration(file) for file in folder.iterdir() if file.is_file()), key=lambda m: m.version)
    for expected, migration in enumerate(found, start=1):
        if migration.version != expected:
            raise ValueError(f"migration {migration.label} stands where {expected:04} is expected")
    return tuple(found)


def _migration(file: Traversable) -> Migration:
    match = FILE_NAME.fullmatch(file.name)
    if match is None:
        raise ValueError(f"{file.name} is not named as a migration: NNNN_name.sql")
    content = file.read_bytes()
    return Migration(int(match[1]), match[2], hashlib.sha256(content).hexdigest(), content.decode("utf-8"))


def pending(known: Sequence[Migration], applied: Sequence[Applied]) -> tuple[Migration, ...]:
    """What is left to apply; refuses a schema that is newer or whose files were changed since."""
    _refuse_newer(known, applied)
    _refuse_changed(known, applied)
    done = {entry.version for entry in applied}
    newest = max(done, default=0)
    left = tuple(migration for migration in known if migration.version not in done)
    skipped = [migration.label for migration in left if migration.version < newest]
    if skipped:
        raise SchemaError(
            f"The database is at version {newest} but never had {', '.join(skipped)}; its list of migrations "
            "was altered. Nothing was changed. Restore the database from its backup, or ask who altered it."
        )
    return left


def _refuse_newer(known: Sequence[Migration], applied: Sequence[Applied]) -> None:
    newest_known = len(known)
    newest = max((entry.version for entry in applied), default=0)
    if newest > newest_known:
        raise SchemaError(
            f"The database has schema version {newest}, but this program knows only versions up to "
            f"{newest_known}. Nothing was changed. Install the release that made this schema, or a later one."
        )


def _refuse_changed(known: Sequence[Migration], applied: Sequence[Applied]) -> None:
    by_version = {migration.version: migration for migration in known}
    changed = [
        f"{entry.version:04} {entry.name}"
        for entry in applied
        if by_version[entry.version].sha256 != entry.sha256
    ]
    if changed:
        raise SchemaError(
            f"The file of migration {', '.join(changed)} is not the one that this database was made with. "
            "Nothing was changed. Put the released file back; a schema change goes into a new file."
        )


def check_version(known: Sequence[Migration], applied: Sequence[Applied]) -> None:
    """For programs that only use the schema: raises unless it is exactly the one they were written for."""
    left = pending(known, applied)
    if not applied:
        raise SchemaError(
            "The database has no schema of this product yet. Nothing was changed. Run `profile-reconciler "
            "migrate` with the owner's MIGRATE_POSTGRES_DSN, or check the name of the database."
        )
    if left:
        raise SchemaError(
            f"The database has schema version {len(applied)}, this program needs {len(known)}. Nothing was "
            "changed. Run `profile-reconciler migrate`, then start again."
        )


async def migrate(
    database: SchemaDatabase, known: Sequence[Migration], say: Callable[[str], None]
) -> tuple[Migration, ...]:
    """Applies what is pending and tells each step; gives back what it applied."""
    left = pending(known, await database.applied())
    roles = await database.prepare_roles()
    for role in roles.created:
        say(f"role {role}: created")
    for remark in roles.remarks:
        say(remark)
    for migration in left:
        await database.apply(migration)
        say(f"migration {migration.label}: applied")
    say(f"schema is at version {len(known)}" + ("" if left else "; nothing to do"))
    return left
