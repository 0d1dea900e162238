"""The runner on a real PostgreSQL: fresh, again, two at once, newer, changed, failing, as a plain owner."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import asyncpg
import pytest

from reconciler.migrate import Migration, SchemaError, migrate, read_migrations
from reconciler.postgres.admin import Access, DatabaseError, owner_session, session
from tests.support.database import Database

KNOWN = read_migrations()


async def migrated(dsn: str, known: Sequence[Migration] = KNOWN) -> list[str]:
    said: list[str] = []
    async with owner_session(Access(dsn, "MIGRATE_POSTGRES_DSN")) as database:
        await migrate(database, known, said.append)
    return said


async def test_a_fresh_database_gets_every_file_and_a_second_run_nothing(
    unmigrated_database: Database,
) -> None:
    first = await migrated(unmigrated_database.owner_dsn)
    assert [line for line in first if line.startswith("migration")] == [
        f"migration {step.label}: applied" for step in KNOWN
    ]
    second = await migrated(unmigrated_database.owner_dsn)
    assert second == [f"schema is at version {len(KNOWN)}; nothing to do"]


async def test_two_runners_at_once_share_the_work_without_harm(unmigrated_database: Database) -> None:
    told = await asyncio.gather(*[migrated(unmigrated_database.owner_dsn) for _ in range(3)])
    applied = [line for said in told for line in said if line.startswith("migration")]
    assert sorted(applied) == [f"migration {step.label}: applied" for step in KNOWN]


async def test_a_newer_schema_is_refused_and_left_alone(database: Database) -> None:
    with pytest.raises(SchemaError, match=f"has schema version {len(KNOWN)}"):
        await migrated(database.owner_dsn, KNOWN[:-1])
    async with database.connect() as connection:
        assert await connection.fetchval("select count(*) from audit.schema_migrations") == len(KNOWN)


async def test_a_changed_file_is_refused_by_name(database: Database) -> None:
    changed = (replace(KNOWN[0], sha256="0" * 64), *KNOWN[1:])
    with pytest.raises(SchemaError, match=KNOWN[0].label):
        await migrated(database.owner_dsn, changed)


async def test_a_failing_file_leaves_nothing_of_itself(database: Database) -> None:
    bad = Migration(len(KNOWN) + 1, "bad", "f" * 64, "create table ledger.half (); select 1 / 0;")
    with pytest.raises(SchemaError, match=r"bad failed .*division by zero.* Nothing of it was kept"):
        await migrated(database.owner_dsn, (*KNOWN, bad))
    async with database.connect() as connection:
        assert await connection.fetchval("select to_regclass('ledger.half')") is None
        assert await connection.fetchval("select max(version) from ledger.schema_migration") == len(KNOWN)


async def test_everything_belongs_to_the_owner_role(database: Database) -> None:
    async with database.connect() as connection:
        owners = await connection.fetch(
            "select distinct pg_get_userbyid(relowner) as owner from pg_class"
            " where relnamespace::regnamespace::text in ('ledger', 'audit')"
        )
    assert [row["owner"] for row in owners] == ["profile_owner"]


async def test_the_owner_role_itself_may_migrate(database: Database) -> None:
    said = await migrated(database.dsn("profile_owner"))
    assert said[-1].endswith("nothing to do")


async def test_a_plain_owner_who_may_act_as_the_owner_role_needs_no_superuser(
    unmigrated_database: Database,
) -> None:
    name = f"deployer_{unmigrated_database.name}"
    async with unmigrated_database.connect() as connection:
        await connection.execute(f'create role "{name}" login createrole')
        try:
            await connection.execute(f'alter database "{unmigrated_database.name}" owner to "{name}"')
            with pytest.raises(SchemaError, match=r"profile_owner.*CREATEROLE"):
                await migrated(unmigrated_database.dsn(name))  # the three roles are somebody else's
            await connection.execute(f'grant profile_owner to "{name}"')
            assert (await migrated(unmigrated_database.dsn(name)))[-1].startswith("schema is at version")
        finally:
            await connection.execute(f'alter database "{unmigrated_database.name}" owner to postgres')
            await connection.execute(f'drop owned by "{name}"')
            await connection.execute(f'drop role "{name}"')


async def test_a_database_that_does_not_answer_is_one_sentence_without_the_password(stack: object) -> None:
    access = Access("postgresql://someone:hidden@127.0.0.1:1/nowhere", "PROFILE_POSTGRES_DSN")
    with pytest.raises(DatabaseError) as raised:
        async with session(access, "test"):
            raise AssertionError("nobody listens there")
    assert "PostgreSQL at 127.0.0.1:1, database nowhere cannot be used" in str(raised.value)
    assert "PROFILE_POSTGRES_DSN" in str(raised.value)
    assert "hidden" not in str(raised.value) + repr(access)


async def test_a_lost_server_in_the_middle_is_the_same_sentence(database: Database) -> None:
    with pytest.raises(DatabaseError, match="cannot be used"):
        async with session(Access(database.writer_dsn, "PROFILE_POSTGRES_DSN"), "test") as connection:
            async with database.connect() as other:
                await other.execute("select pg_terminate_backend($1)", connection.get_server_pid())
            await connection.fetchval("select 1")


async def test_the_lock_is_released_with_the_session(database: Database) -> None:
    async with owner_session(Access(database.owner_dsn, "X")), database.connect() as connection:
        held = await connection.fetchval(
            "select count(*) from pg_locks where locktype = 'advisory' and granted"
        )
        assert held == 1
    async with database.connect() as connection:
        assert isinstance(connection, asyncpg.Connection)
        held = await connection.fetchval(
            "select count(*) from pg_locks where locktype = 'advisory' and granted"
            " and database = (select oid from pg_database where datname = current_database())"
        )
        assert held == 0
