"""`profile-reconciler quarantine list`, `show`, `replay` and `discard`"""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from reconciler.access import writer_access
from reconciler.audit.as_json import text
from reconciler.audit.for_people import show as show_to_people
from reconciler.kafka.security import security_options
from reconciler.kafka.sender import sender
from reconciler.person import agreed, person_argument, who
from reconciler.postgres.admin import fitting_session
from reconciler.program import DONE, FAILED, MISUSED, Command, put, warn
from reconciler.quarantine.quarantine import STATUSES, Quarantined, is_unproven, replayed
from reconciler.quarantine.shelf import Settled, Shelf, Wanted
from reconciler.quarantine.view import document, list_table, row_view
from reconciler.settings import ReconcilerSettings
from schemas.settings import load
from schemas.topics import Topics

LISTED: Final = 100
ID_MAX: Final = 2**63 - 1
EVERY: Final = "all"


class Desk(NamedTuple):
    settings: ReconcilerSettings
    shelf: Shelf

    @property
    def topics(self) -> Topics:
        return self.settings.topics


@asynccontextmanager
async def _desk() -> AsyncIterator[Desk]:
    settings = load(ReconcilerSettings)
    async with fitting_session(
        writer_access(settings), "profile-reconciler quarantine", lock_timeout="15s"
    ) as session:
        yield Desk(settings, Shelf(session, settings.topics))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > ID_MAX:
        raise ArgumentTypeError(f"{text!r} is no number of a row: `quarantine list` tells them")
    return int(text)


def _json_argument(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="JSON instead; for lists one document a line")


def _filter_arguments(parser: ArgumentParser, *, limit: int | None) -> None:
    parser.add_argument("--reason", help="why the record could not be used, as `list` tells it")
    parser.add_argument("--account")
    parser.add_argument("--after", type=_number, default=0, metavar="ID", help="only rows behind this one")
    parser.add_argument(
        "--limit",
        type=_number,
        default=limit,
        metavar="N",
        help="at most so many, the oldest first" + (f" (default {limit})" if limit else ""),
    )


def list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--status", choices=(*STATUSES, EVERY), default="open", help="default: what nobody has dealt with"
    )
    _filter_arguments(parser, limit=LISTED)
    _json_argument(parser)


async def list_rows(arguments: Namespace) -> int:
    wanted = _wanted(arguments, None if arguments.status == EVERY else arguments.status)
    found: list[Quarantined] = []
    async with _desk() as desk:
        async for row in desk.shelf.rows(wanted):
            if arguments.json:
                put(text(document(row)))
            else:
                found.append(row)
    if not arguments.json:
        show_to_people(sys.stdout, list_table(found, wanted.limit))
    return DONE


def _wanted(arguments: Namespace, status: str | None) -> Wanted:
    known = next((known for known in STATUSES if known == status), None)
    return Wanted(known, arguments.reason, arguments.account, arguments.after, arguments.limit)


def show_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("quarantine_id", type=_number, metavar="ID")
    _json_argument(parser)


async def show(arguments: Namespace) -> int:
    async with _desk() as desk:
        row = await desk.shelf.row(arguments.quarantine_id)
        if row is None:
            warn(f"profile-reconciler: the quarantine has no row {arguments.quarantine_id}")
            return FAILED
        actions = await desk.shelf.actions(row.quarantine_id)
        today = replayed(row, desk.topics)
    verdict = today if isinstance(today, str) else None
    if arguments.json:
        put(text({**document(row), "content": row.text(), "actions": actions, "obstacle": verdict}))
    else:
        show_to_people(sys.stdout, row_view(row, actions, verdict))
    return DONE


def _choice_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", type=_number, metavar="ID", help="rows; or give a filter instead")
    _filter_arguments(parser, limit=None)
    parser.add_argument("--yes", action="store_true", help="with a filter: do it without asking")
    person_argument(parser)
    _json_argument(parser)


def replay_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="only say what could be replayed today")
    _choice_arguments(parser)


async def replay(arguments: Namespace) -> int:
    """What a receiver could not read is replayed by its number alone: nobody has checked its credentials."""
    async with _desk() as desk:
        chosen, passed = await _chosen(arguments, desk, with_unproven=False)
        code = _consent(arguments, f"This replays {len(chosen)} rows.", chosen, passed)
        if code is not None:
            return code
        if arguments.dry_run:
            return _told(arguments, [*passed, *[await _tried(desk, number) for number in chosen]])
        options = security_options(desk.settings)
        async with sender(",".join(desk.settings.kafka_bootstrap_servers), options) as send:
            return await _each(
                arguments, chosen, passed, lambda number: desk.shelf.replay(number, send, who(arguments.by))
            )


async def _tried(desk: Desk, quarantine_id: int) -> Settled:
    row = await desk.shelf.row(quarantine_id)
    if row is None:
        return Settled(quarantine_id, done=False, says="there is no such row")
    record = replayed(row, desk.topics)
    if isinstance(record, str):
        return Settled(quarantine_id, done=False, says=record)
    return Settled(quarantine_id, done=True, says=f"would be produced to {record.topic}")


def discard_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--why", required=True, metavar="TEXT", help="for the record")
    _choice_arguments(parser)


async def discard(arguments: Namespace) -> int:
    async with _desk() as desk:
        chosen, _ = await _chosen(arguments, desk, with_unproven=True)
        code = _consent(arguments, f"This discards {len(chosen)} rows.", chosen, ())
        if code is not None:
            return code
        by = who(arguments.by)
        return await _each(
            arguments, chosen, (), lambda number: desk.shelf.discard(number, arguments.why, by)
        )


async def _chosen(
    arguments: Namespace, desk: Desk, *, with_unproven: bool
) -> tuple[Sequence[int], Sequence[Settled]]:
    """The rows named, or the open ones that the filter finds; beside them those that must be named."""
    if arguments.ids:
        return arguments.ids, ()
    if arguments.reason is None and arguments.account is None:
        return (), ()
    chosen: list[int] = []
    passed: list[Settled] = []
    async for row in desk.shelf.rows(_wanted(arguments, "open")):
        if not with_unproven and is_unproven(row, desk.topics):
            says = "a receiver could not read it, so nobody has checked who sent it: name its number"
            passed.append(Settled(row.quarantine_id, done=False, says=says))
        else:
            chosen.append(row.quarantine_id)
    return chosen, passed


def _consent(
    arguments: Namespace, question: str, chosen: Sequence[int], passed: Sequence[Settled]
) -> int | None:
    """The exit code where nothing is to be done or told; else None. Rows that are named need no question."""
    if arguments.ids:
        return None
    if arguments.reason is None and arguments.account is None:
        warn("profile-reconciler: name rows by their number, or give --reason or --account")
        return MISUSED
    if not chosen and not passed:
        warn("profile-reconciler: no open row has this reason and account; nothing was done")
        return DONE
    if not chosen or arguments.yes or getattr(arguments, "dry_run", False):
        return None
    answer = agreed(question)
    if answer is None:
        warn(f"profile-reconciler: {question} Nothing was done; say --yes to do it")
        return MISUSED
    return None if answer else FAILED


async def _each(
    arguments: Namespace,
    chosen: Sequence[int],
    passed: Sequence[Settled],
    settle: Callable[[int], Awaitable[Settled]],
) -> int:
    """One after the other, told as they are done: what was told stays when a later one fails."""
    codes = [_told(arguments, passed)]
    codes += [_told(arguments, [await settle(number)]) for number in chosen]
    return max(codes)


def _told(arguments: Namespace, settled: Sequence[Settled]) -> int:
    for one in settled:
        if arguments.json:
            put(text({**one._asdict(), "sent": one.sent._asdict() if one.sent else None}))
        else:
            put(f"{one.quarantine_id}: {one.says}")
    return DONE if all(one.done for one in settled) else FAILED


LIST = Command("quarantine list", "records that could not be used", list_arguments, list_rows)
SHOW = Command(
    "quarantine show", "one of them with its content, scrubbed, and what was done", show_arguments, show
)
REPLAY = Command(
    "quarantine replay",
    "decode records again with this release, and produce to the topic those that can be used now",
    replay_arguments,
    replay,
)
DISCARD = Command(
    "quarantine discard", "settle records that nobody needs; their content stays", discard_arguments, discard
)
