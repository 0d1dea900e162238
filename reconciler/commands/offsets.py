"""`profile-reconciler offsets show`"""

import sys
from argparse import ArgumentParser, Namespace

from reconciler.access import writer_access
from reconciler.audit.as_json import text
from reconciler.audit.for_people import show as show_to_people
from reconciler.offsets import offsets_table, stored_offsets
from reconciler.postgres_admin import fitting_session
from reconciler.program import DONE, Command, put
from reconciler.settings import ReconcilerSettings
from schemas.settings import load


def show_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document a line instead of a table")


async def show(arguments: Namespace) -> int:
    async with fitting_session(
        writer_access(load(ReconcilerSettings)), "profile-reconciler offsets"
    ) as session:
        offsets = await stored_offsets(session)
    if arguments.json:
        for offset in offsets:
            put(text(offset))
    else:
        show_to_people(sys.stdout, [offsets_table(offsets)])
    return DONE


SHOW = Command("offsets show", "where each partition stands", show_arguments, show)
