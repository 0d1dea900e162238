"""Single statements on a test's database: to spoil it as its owner, to look at it as the auditor."""

from tests.support.database import AUDITOR, Database


async def execute(database: Database, statement: str) -> None:
    async with database.connect() as connection:
        await connection.execute(statement)


async def column(database: Database, statement: str) -> list[object]:
    async with database.connect(AUDITOR) as connection:
        return [row[0] for row in await connection.fetch(statement)]
