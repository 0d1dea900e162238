"""`profile-reconciler migrate`"""

from argparse import ArgumentParser, Namespace

import orjson

from reconciler.access import owner_access
from reconciler.migrate import migrate, read_migrations
from reconciler.postgres.admin import owner_session
from reconciler.program import DONE, Command, put, warn
from reconciler.settings import ReconcilerSettings
from schemas.settings import load


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")


async def run(arguments: Namespace) -> int:
    access = owner_access(load(ReconcilerSettings), warn)
    known = read_migrations()
    told: list[str] = []
    async with owner_session(access) as database:
        applied = await migrate(database, known, told.append if arguments.json else put)
    if arguments.json:
        report = {"version": len(known), "applied": [step.label for step in applied], "said": told}
        put(orjson.dumps(report).decode())
    return DONE


COMMAND = Command(
    "migrate", "bring the database's schema up to date and create the three roles", add_arguments, run
)
