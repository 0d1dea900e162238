"""`profile-reconciler decide`"""

import asyncio
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Final

from reconciler.access import writer_access
from reconciler.audit.as_json import text
from reconciler.audit.for_people import printable
from reconciler.audit.for_people import show as show_to_people
from reconciler.core.evidence import KEY_BYTES
from reconciler.decision.decision import CHOICES, Ambiguous, Candidate, Wanted, chosen, decision
from reconciler.decision.view import candidate_view, candidates_table, document
from reconciler.kafka.security import security_options
from reconciler.kafka.sender import sender
from reconciler.person import person_argument, who
from reconciler.postgres.admin import fitting_session
from reconciler.program import DONE, FAILED, Command, put, warn
from reconciler.queries import query
from reconciler.settings import ReconcilerSettings
from schemas.event import DecisionEvent
from schemas.ids import AccountName, Eid, Iccid
from schemas.record import record_of
from schemas.settings import load

if TYPE_CHECKING:
    from reconciler.postgres.admin import Session

APPLIED_WITHIN_S: Final = 15.0
LOOK_EVERY_S: Final = 0.1
WHY_CHARS_MAX: Final = 2000


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("id", metavar="REQUEST_ID_OR_INTENT_ID")
    parser.add_argument("--eid", required=True, metavar="E", help="the device of the operation")
    parser.add_argument("--iccid", metavar="I", help="its target, where the request has several")
    parser.add_argument("--account", help="where several accounts have a request of this id")
    parser.add_argument("--as", dest="decided", required=True, choices=CHOICES, help="what became of it")
    parser.add_argument("--why", required=True, type=_reason, metavar="TEXT", help="for the record")
    person_argument(parser)
    parser.add_argument("--dry-run", action="store_true", help="only say what would be decided about")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of sentences")


def _reason(text: str) -> str:
    if not text.strip() or len(text) > WHY_CHARS_MAX:
        raise ArgumentTypeError(f"say why, in up to {WHY_CHARS_MAX} characters")
    return text


async def run(arguments: Namespace) -> int:
    """The decision is an event like every other; this waits a while until it has been applied."""
    settings = load(ReconcilerSettings)
    async with fitting_session(writer_access(settings), "profile-reconciler decide") as session:
        rows = await session.fetch(query("decide_candidates"), arguments.id)
        found = chosen(_wanted(arguments), [Candidate(**row) for row in rows])
        if isinstance(found, Ambiguous):
            return _refused(found)
        if not arguments.json:
            show_to_people(sys.stdout, candidate_view(found))
        if arguments.dry_run:
            return _told(arguments, found, None, applied=False, state=found.state)
        if found.is_decided(arguments.decided):
            return _told(arguments, found, None, applied=True, state=found.state)
        event = decision(found, arguments.decided, arguments.why, who(arguments.by), datetime.now(UTC))
        bootstrap = ",".join(settings.kafka_bootstrap_servers)
        async with sender(bootstrap, security_options(settings)) as send:
            await send(record_of(settings.topics, event))
        state = await _applied(session, found, event)
    return _told(arguments, found, event, applied=state is not None, state=state or found.state)


def _wanted(arguments: Namespace) -> Wanted:
    return Wanted(
        id=arguments.id,
        eid=Eid(arguments.eid),
        iccid=None if arguments.iccid is None else Iccid(arguments.iccid),
        account=None if arguments.account is None else AccountName(arguments.account),
    )


def _refused(found: Ambiguous) -> int:
    warn(f"profile-reconciler: {printable(found.says)}. Nothing was decided")
    if found.among:
        show_to_people(sys.stderr, [candidates_table(found.among)])
    return FAILED


async def _applied(session: "Session", row: Candidate, event: DecisionEvent) -> str | None:
    """The state once the reconciler has taken the decision in; None where that takes too long."""
    key = bytes.fromhex(event.event_id)[:KEY_BYTES]
    until = monotonic() + APPLIED_WITHIN_S
    while monotonic() < until:
        now = await session.fetchrow(query("decide_applied"), key, row.operation_id)
        if now is not None and now["applied"]:
            return str(now["state"])
        await asyncio.sleep(LOOK_EVERY_S)
    return None


def _told(
    arguments: Namespace, row: Candidate, event: DecisionEvent | None, *, applied: bool, state: str
) -> int:
    event_id = None if event is None else event.event_id
    if arguments.json:
        put(text(document(row, arguments.decided, event_id=event_id, applied=applied, state=state)))
    elif arguments.dry_run:
        put(f"It would be decided as {arguments.decided}. Nothing was done.")
    elif event is None:
        put(f"It was decided as {arguments.decided} already. Nothing was done.")
    elif applied:
        put(f"Decided as {arguments.decided} by {printable(event.decided_by)}: it is {state} now.")
    else:
        put(
            f"Decided as {arguments.decided} by {printable(event.decided_by)}. The decision is recorded, and "
            "counts as soon as `profile-reconciler run` has read it; nothing has to be said again."
        )
    return DONE


COMMAND = Command("decide", "settle by hand what no callback and no poll settles", add_arguments, run)
