"""The subcommands of `profile-audit`: arguments in, tables or JSON out."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from rich.console import RenderableType
from rich.text import Text

from reconciler.access import auditor_access
from reconciler.audit import as_json, for_people
from reconciler.audit import overdue as overdue_words
from reconciler.audit.reading import AuditReader
from reconciler.audit.stories import EventFilter, Row
from reconciler.postgres.admin import fitting_session
from reconciler.program import DONE, FAILED, Command, put, warn
from reconciler.settings import ReconcilerSettings
from schemas.settings import load

SIGNALS = (
    "success",
    "failure",
    "interim",
    "held",
    "unclear",
    "poll_success",
    "poll_failure",
    "poll_pending",
)
TABLE_EVENTS = 100


@asynccontextmanager
async def _reader() -> AsyncIterator[AuditReader]:
    async with fitting_session(
        auditor_access(load(ReconcilerSettings), warn),
        "profile-audit",
        default_transaction_read_only="on",
        plan_cache_mode="force_custom_plan",  # a filter that is null must cost nothing
    ) as connection:
        yield AuditReader(connection)


def _print(document: as_json.Document) -> None:
    put(as_json.text(document))


def _show(view: Iterable[RenderableType]) -> None:
    for_people.show(sys.stdout, view)


def _json_argument(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document; for lists one a line")


def _moment(text: str) -> datetime:
    """UTC where it names no zone."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ArgumentTypeError(f"{text!r} is no time: write it as 2026-03-03T10:00:00Z") from None


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= sys.maxsize:
        raise ArgumentTypeError(f"a number from 1 to {sys.maxsize} is needed")
    return int(text)


def request_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("request_id", metavar="REQUEST_ID", help="ThingSpace's id of the request")
    _json_argument(parser)


async def request(arguments: Namespace) -> int:
    async with _reader() as reader:
        story = await reader.request(arguments.request_id)
    if story is None:
        if arguments.json:
            _print({"request_id": arguments.request_id, "operations": []})
        return _unknown(f"nothing is known of request {for_people.printable(arguments.request_id)}")
    if arguments.json:
        _print(as_json.request_document(story))
    else:
        _show(for_people.request_view(story))
    return DONE


def _unknown(what: str) -> int:
    warn(f"profile-audit: {what}")
    return FAILED


def device_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("eid", metavar="EID", help="the eUICC's identifier, as ThingSpace writes it")
    _json_argument(parser)


async def device(arguments: Namespace) -> int:
    async with _reader() as reader:
        story = await reader.device(arguments.eid)
    if arguments.json:
        _print(as_json.device_document(story))
    elif story.known:
        _show(for_people.device_view(story))
    return DONE if story.known else _unknown(f"nothing is known of EID {for_people.printable(story.eid)}")


def as_of_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("eid", metavar="EID")
    parser.add_argument(
        "--at", required=True, type=_moment, metavar="TIME", help="RFC 3339; UTC where it names no zone"
    )
    _json_argument(parser)


async def as_of(arguments: Namespace) -> int:
    async with _reader() as reader:
        profiles = await reader.as_of(arguments.eid, arguments.at)
    if arguments.json:
        _print(as_json.as_of_document(arguments.eid, arguments.at, profiles))
        return DONE
    eid, at = for_people.printable(arguments.eid), for_people.shown(arguments.at)
    if profiles:
        _show([Text(f"what was recorded of EID {eid} at {at} UTC"), for_people.profiles_table(profiles)])
    else:
        _show([Text(f"nothing was recorded of EID {eid} at {at} UTC")])
    return DONE


def events_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--account")
    parser.add_argument("--eid")
    parser.add_argument("--iccid", help="named, reported, or concluded as the target")
    parser.add_argument("--request-id", metavar="REQUEST_ID")
    parser.add_argument("--signal", choices=SIGNALS, metavar="SIGNAL", help=", ".join(SIGNALS))
    parser.add_argument("--since", type=_moment, metavar="TIME", help="recorded then or later")
    parser.add_argument("--until", type=_moment, metavar="TIME", help="recorded before")
    parser.add_argument(
        "--limit",
        type=_count,
        metavar="N",
        help=f"at most so many, the oldest first (tables: {TABLE_EVENTS})",
    )
    _json_argument(parser)


async def events(arguments: Namespace) -> int:
    wanted = EventFilter(
        account=arguments.account,
        eid=arguments.eid,
        iccid=arguments.iccid,
        request_id=arguments.request_id,
        signal=arguments.signal,
        since=arguments.since,
        until=arguments.until,
        limit=arguments.limit,
    )
    async with _reader() as reader:
        if arguments.json:
            async for event in reader.events(wanted):
                _print(as_json.event_document(event))
        else:
            await _events_table(reader, wanted)
    return DONE


async def _events_table(reader: AuditReader, wanted: EventFilter) -> None:
    """One more than is shown is asked for, to say whether there are more."""
    limit = wanted.limit or TABLE_EVENTS
    asked = replace(wanted, limit=limit + 1)
    found: list[Row] = [event async for event in reader.events(asked)]
    _show([for_people.events_table(found[:limit])])
    if len(found) > limit:
        _show([Text(f"the first {limit}; there are more: ask with --limit, --since or --json")])


def overdue_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--account")
    parser.add_argument(
        "--limit",
        type=_count,
        metavar="N",
        help=f"at most so many, the oldest first (tables: {TABLE_EVENTS})",
    )
    _json_argument(parser)


async def overdue(arguments: Namespace) -> int:
    async with _reader() as reader:
        if arguments.json:
            async for row in reader.overdue(arguments.account, arguments.limit):
                _print(overdue_words.document(row))
            return DONE
        limit = arguments.limit or TABLE_EVENTS
        found: list[Row] = [row async for row in reader.overdue(arguments.account, limit + 1)]
    _show(overdue_words.overdue_view(found[:limit], datetime.now(UTC)))
    if len(found) > limit:
        _show([Text(f"the oldest {limit}; there are more: ask with --limit, --account or --json")])
    return DONE


async def verify(arguments: Namespace) -> int:
    async with _reader() as reader:
        chains = [chain async for chain in reader.verify()]
    if arguments.json:
        _print(as_json.verify_document(chains))
    else:
        _show(for_people.verify_view(chains))
    return FAILED if any(chain.fault is not None for chain in chains) else DONE


COMMANDS = (
    Command("request", "what became of a request, and every event that says so", request_arguments, request),
    Command("device", "the profiles, operations and history of an eUICC", device_arguments, device),
    Command("as-of", "the profiles of an eUICC as they were recorded at a time", as_of_arguments, as_of),
    Command("events", "the audit log, filtered, oldest first", events_arguments, events),
    Command(
        "overdue", "operations without a final answer, the oldest first, and why", overdue_arguments, overdue
    ),
    Command("verify", "recompute the hash chains of the audit log", _json_argument, verify),
)
