"""`profile-receiver spool …`: what waits on disk, and what Kafka will never take; also while `serve` runs."""

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from receiver.settings import SpoolSettings
from receiver.spool.outside import (
    drop_dead,
    resend_dead,
    spool_dead,
    spool_dead_row,
    spool_stats,
    stats_json,
)
from receiver.spool.words import DeadRow
from schemas.eventshape import rfc3339
from schemas.logline import say
from schemas.names import JsonObject
from schemas.settings import load

DONE, FAILED = 0, 1
ID_MAX: Final = 2**63 - 1

Change = Callable[[Path, Sequence[int]], int]

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_spool_command(commands: "_SubParsersAction[ArgumentParser]") -> None:
    spool = commands.add_parser("spool", help="what waits on disk, and what Kafka will never take")
    spool.add_argument("--json", action="store_true", help="one JSON document on stdout")
    spool.set_defaults(run=report_stats)
    dead = spool.add_subparsers(metavar="dead").add_parser("dead", help="what Kafka will never take")
    verbs = dead.add_subparsers(required=True, metavar="list|show|resend|drop")
    listing = verbs.add_parser("list", help="all of it, in order")
    listing.add_argument("--json", action="store_true", help="one JSON document a line")
    listing.set_defaults(run=report_dead)
    showing = verbs.add_parser("show", help="one record, as a JSON document")
    showing.add_argument("id", type=_id, metavar="ID")
    showing.add_argument("--json", action="store_true", help="which it is in any case")
    showing.set_defaults(run=report_dead_row)
    changes: dict[str, tuple[Change, str]] = {
        "resend": (resend_dead, "try Kafka once more"),
        "drop": (drop_dead, "remove them for ever"),
    }
    for verb, (change, help_text) in changes.items():
        changing = verbs.add_parser(verb, help=help_text)
        which = changing.add_mutually_exclusive_group(required=True)
        which.add_argument("ids", type=_id, nargs="*", default=[], metavar="ID", help="as `list` tells them")
        which.add_argument("--all", action="store_true", help="instead of ids")
        changing.add_argument("--json", action="store_true", help="one JSON document on stdout")
        changing.set_defaults(run=_changing(change, verb))


def _id(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > ID_MAX:
        raise ArgumentTypeError(f"{text!r} is no number of a dead record: `spool dead list` tells them")
    return int(text)


async def report_stats(arguments: Namespace) -> int:
    stats = spool_stats(_folder())
    if arguments.json:
        say(json.dumps(stats_json(stats)))
        return DONE
    oldest = "" if stats.oldest_at is None else f", the oldest since {rfc3339(stats.oldest_at)}"
    say(f"{stats.records} records wait ({stats.bytes} bytes){oldest}; {stats.dead} are dead")
    return DONE


async def report_dead(arguments: Namespace) -> int:
    for row in spool_dead(_folder()):
        if arguments.json:
            say(json.dumps(_summary(row)))
        else:
            topic = "unreadable" if row.row is None else row.row.record.topic
            say(f"{row.id}  {rfc3339(row.buried_at)}  {row.reason}  {topic}  {len(row.frame)} bytes")
    return DONE


async def report_dead_row(arguments: Namespace) -> int:
    row = spool_dead_row(_folder(), arguments.id)
    if row is None:
        return _unknown((arguments.id,))
    say(json.dumps(_summary(row) | _content(row), indent=None if arguments.json else 2))
    return DONE


def _changing(change: Change, verb: str) -> Callable[[Namespace], object]:
    async def run(arguments: Namespace) -> int:
        folder = _folder()
        ids = [row.id for row in spool_dead(folder)] if arguments.all else list(dict.fromkeys(arguments.ids))
        unknown = [id_ for id_ in ids if spool_dead_row(folder, id_) is None]
        count = change(folder, ids) if ids else 0
        done = {"resend": "wait again", "drop": "are gone"}[verb]
        say(json.dumps({"records": count}) if arguments.json else f"{count} records {done}")
        return _unknown(unknown) if unknown else DONE if count == len(ids) else FAILED

    return run


def _unknown(ids: Iterable[int]) -> int:
    say(f"no such dead record: {', '.join(map(str, ids))}; see spool dead list", stream=sys.stderr)
    return FAILED


def _folder() -> Path:
    """Raises SettingsError."""
    return load(SpoolSettings).spool_dir


def _summary(row: DeadRow) -> JsonObject:
    return {
        "id": row.id,
        "reason": row.reason,
        "buried_at": rfc3339(row.buried_at),
        "topic": None if row.row is None else row.row.record.topic,
        "bytes": len(row.frame),
    }


def _content(row: DeadRow) -> JsonObject:
    """What waited is scrubbed already; a damaged row cannot be told apart from noise and is left out."""
    if row.row is None:
        return {}
    record = row.row.record
    headers: JsonObject = {name: _text(value) for name, value in record.headers}
    return {
        "enqueued_at": rfc3339(row.row.enqueued_at),
        "key": _text(record.key),
        "headers": headers,
        "value": None if record.value is None else _text(record.value),
    }


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
