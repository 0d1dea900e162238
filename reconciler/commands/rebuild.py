"""`profile-reconciler rebuild`"""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from functools import partial
from importlib.metadata import version
from time import monotonic
from typing import TYPE_CHECKING, Final

from reconciler.access import writer_access
from reconciler.audit.as_json import text
from reconciler.audit.for_people import show as show_to_people
from reconciler.person import person_argument, who
from reconciler.postgres.admin import fitting_session
from reconciler.postgres.ledger import SESSION
from reconciler.postgres.rebuild import PostgresRepair
from reconciler.program import DONE, FAILED, Command, put, warn
from reconciler.queries import query
from reconciler.rebuild.reader import RebuildReader
from reconciler.rebuild.rebuild import Rebuild, Report
from reconciler.rebuild.view import Asked, document, view
from reconciler.settings import ReconcilerSettings
from schemas.settings import load
from schemas.signal import RULES_VERSION

if TYPE_CHECKING:
    from reconciler.postgres.admin import Session

PROGRAM: Final = "profile-reconciler rebuild"
NAMED: Final = 100
NAMED_MAX: Final = 1_000_000
PATIENT: Final = {"statement_timeout": "120s", "lock_timeout": "30s"}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--check", action="store_true", help="only compare, change nothing; exit code 1 where rows differ"
    )
    parser.add_argument(
        "--reclassify",
        action="store_true",
        help="apply today's signal rules to recorded callbacks that older ones read; events stay unchanged",
    )
    parser.add_argument(
        "--limit",
        type=_count,
        default=NAMED,
        metavar="N",
        help=f"name the first N differences, count the others (default {NAMED})",
    )
    parser.add_argument("--why", metavar="TEXT", help="for the record, without --check")
    person_argument(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > NAMED_MAX:
        raise ArgumentTypeError(f"a number from 0 to {NAMED_MAX} is needed")
    return int(text)


async def run(arguments: Namespace) -> int:
    began = monotonic()
    report = Report(arguments.limit)
    settings = {name: value for name, value in SESSION.items() if name != "application_name"} | PATIENT
    access = writer_access(load(ReconcilerSettings))
    async with fitting_session(access, PROGRAM, within_s=None, **settings) as session:
        rebuild_id = None if arguments.check else await _started(session, arguments)
        reader = RebuildReader(session, RULES_VERSION if arguments.reclassify else 0)
        repair = None if rebuild_id is None else PostgresRepair(session, reader, rebuild_id)
        snapshot = partial(session.transaction, isolation="repeatable_read", readonly=True)
        await Rebuild(reader, snapshot, repair, report, lambda line: warn(f"{PROGRAM}: {line}")).run()
        if rebuild_id is not None:
            await session.execute(query("rebuild_end"), rebuild_id, report.events, report.total)
    asked = Asked(arguments.check, arguments.reclassify, rebuild_id, monotonic() - began)
    if arguments.json:
        put(text(document(report, asked)))
    else:
        show_to_people(sys.stdout, view(report, asked))
    return FAILED if arguments.check and report.total else DONE


async def _started(session: "Session", arguments: Namespace) -> int:
    rebuild_id: int = await session.fetchval(
        query("rebuild_start"),
        *(f"profile-ledger {version('profile-ledger')}", RULES_VERSION, arguments.reclassify),
        *(arguments.why, who(arguments.by)),
    )
    return rebuild_id


COMMAND = Command(
    "rebuild",
    "fold the whole audit log again and put right every row that differs, on the record; --check only "
    "compares. Safe while `run` works",
    add_arguments,
    run,
)
