"""Every statement is one that PostgreSQL takes, by the role that uses it, and each is used."""

from importlib.resources import files

from tests.support.database import Database
from tests.support.downstream import Downstream

QUERIES = files("reconciler.downstream") / "sql" / "queries"
OF_THE_OWNER = ("migrate_",)


async def test_each_statement_can_be_prepared_by_the_engine(
    downstream: Downstream, database: Database
) -> None:
    names = sorted(file.name.removesuffix(".sql") for file in QUERIES.iterdir())
    assert names
    async with database.connect("profile_downstream") as engine:
        for name in names:
            if not name.startswith(OF_THE_OWNER):
                await engine.prepare((QUERIES / f"{name}.sql").read_text())


def test_each_statement_is_used() -> None:
    package = files("reconciler.downstream")
    code = "".join(file.read_text() for file in package.iterdir() if file.name.endswith(".py"))
    unused = [file.name for file in QUERIES.iterdir() if f'"{file.name.removesuffix(".sql")}"' not in code]
    assert unused == []


async def test_the_record_of_transitions_cannot_be_changed(
    downstream: Downstream, database: Database
) -> None:
    async with database.connect("profile_downstream") as engine:
        rights = await engine.fetchrow(
            "select has_table_privilege('downstream.transition', 'update') as altered, "
            "has_table_privilege('downstream.transition', 'delete') as removed, "
            "has_schema_privilege('ledger', 'usage') as ledger"
        )
    assert dict(rights or {}) == {"altered": False, "removed": False, "ledger": False}
