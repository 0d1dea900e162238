"""`profile-reconciler explain`"""

import sys
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from reconciler.access import writer_access
from reconciler.audit.as_json import text
from reconciler.audit.for_people import printable
from reconciler.audit.for_people import show as show_to_people
from reconciler.explain.explain import explained
from reconciler.explain.reader import read_story
from reconciler.explain.view import document, view
from reconciler.postgres.admin import fitting_session
from reconciler.program import DONE, FAILED, Command, put, warn
from reconciler.settings import ReconcilerSettings
from schemas.settings import load


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "request_id", metavar="REQUEST_ID", help="ThingSpace's id of the request, or the id of an intent"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document instead of sentences")


async def run(arguments: Namespace) -> int:
    settings = load(ReconcilerSettings)
    async with fitting_session(
        writer_access(settings), "profile-reconciler explain", default_transaction_read_only="on"
    ) as session:
        found = await read_story(session, arguments.request_id)
    if found is None:
        if arguments.json:
            put(text(document(arguments.request_id, ())))
        warn(f"profile-reconciler: nothing is known of a request or intent {printable(arguments.request_id)}")
        return FAILED
    told = explained(*found, datetime.now(UTC))
    if arguments.json:
        put(text(document(found.story.request_id, told)))
    else:
        show_to_people(sys.stdout, view(found.story.request_id, told))
    return DONE


COMMAND = Command(
    "explain", "why a request stands where it stands, and what happens next", add_arguments, run
)
