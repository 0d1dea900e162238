"""`profile-reconciler announce`"""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from typing import Final

import orjson

from reconciler.audit.as_json import text
from reconciler.audit.for_people import printable
from reconciler.kafka.security import security_options
from reconciler.kafka.sender import sender
from reconciler.person import person_argument, who
from reconciler.program import DONE, MISUSED, Command, put, warn
from reconciler.relay.announce import announced_event, announcement_of
from reconciler.settings import ReconcilerSettings
from schemas.record import Undecodable, record_of
from schemas.settings import load

PRODUCER: Final = "reconciler/announce"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--account", required=True, metavar="A")
    parser.add_argument("--request-id", required=True, metavar="R", help="as ThingSpace named it")
    parser.add_argument("--eid", required=True, metavar="E")
    parser.add_argument("--iccid", metavar="I", help="the profile it is about, unless it is about none")
    parser.add_argument("--action", required=True, metavar="ACTION")
    parser.add_argument("--intent", metavar="ID", help="the intent whose answer was lost")
    parser.add_argument("--requested-at", metavar="TIME", help="like 2026-03-03T12:00:00Z")
    person_argument(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a sentence")


async def run(arguments: Namespace) -> int:
    """Said twice, it is one event."""
    settings, now = load(ReconcilerSettings), datetime.now(UTC)
    found = announcement_of(orjson.dumps(_said(arguments)), (), now)
    if isinstance(found, Undecodable):
        warn(f"profile-reconciler: {printable(found.detail)}. Nothing was announced")
        return MISUSED
    event = announced_event(found[0], now, PRODUCER)
    async with sender(",".join(settings.kafka_bootstrap_servers), security_options(settings)) as send:
        sent = await send(record_of(settings.topics, event))
    if arguments.json:
        put(
            text(
                {
                    "event_id": event.event_id,
                    "topic": sent.topic,
                    "partition": sent.partition,
                    "offset": sent.offset,
                }
            )
        )
    else:
        put(
            f"Announced: {event.action} by request {printable(arguments.request_id)} on EID "
            f"{printable(arguments.eid)}. It counts as soon as `profile-reconciler run` has read it; nothing "
            "has to be said again."
        )
    return DONE


def _said(arguments: Namespace) -> dict[str, str]:
    members = {
        "account": arguments.account,
        "request_id": arguments.request_id,
        "eid": arguments.eid,
        "iccid": arguments.iccid,
        "action": arguments.action,
        "intent_id": arguments.intent,
        "requested_at": arguments.requested_at,
        "requested_by": who(arguments.by),
    }
    return {name: value for name, value in members.items() if value is not None}


COMMAND = Command("announce", "tell the ledger of a request that somebody else sent", add_arguments, run)
