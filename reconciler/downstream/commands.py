"""The commands of `profile-downstream`."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, get_args

import orjson

from reconciler.audit.for_people import show as show_to_people
from reconciler.downstream import view
from reconciler.downstream.desk import Desk, Row
from reconciler.downstream.engine import Engine
from reconciler.downstream.job import Patience, State
from reconciler.downstream.mapping import read_mapping, written
from reconciler.downstream.migrate import fitting_session, migrate
from reconciler.downstream.settings import DownstreamSettings
from reconciler.downstream.targets import Target, read_targets
from reconciler.downstream.worker import EVERYTHING
from reconciler.person import agreed, person_argument, who
from reconciler.program import DONE, FAILED, MISUSED, Command, put, warn
from schemas.logline import Log
from schemas.settings import SettingsError, load

LISTED: Final = 100
LIMIT_MAX: Final = 100_000
ID_MAX: Final = 2**63 - 1


def _targets(settings: DownstreamSettings) -> Mapping[str, Target]:
    if settings.targets_file is None:
        raise SettingsError(
            ["DOWNSTREAM_TARGETS_FILE: is not set; nobody is told anything before it names a targets file"]
        )
    return read_targets(settings.targets_file)


@asynccontextmanager
async def _desk(settings: DownstreamSettings | None = None) -> AsyncIterator[Desk]:
    async with fitting_session((settings or load(DownstreamSettings)).access()) as session:
        yield Desk(session)


def _json_argument(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="JSON instead; for lists one document a line")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text) <= ID_MAX:
        raise ArgumentTypeError(f"{text!r} is no number of a job: `jobs` tells them")
    return int(text)


def _put_json(row: object) -> None:
    put(orjson.dumps(row, default=str).decode())


async def run_migrate(_: Namespace) -> int:
    await migrate(load(DownstreamSettings).owner_access(), put)
    return DONE


async def run_engine(_: Namespace) -> int:
    settings = load(DownstreamSettings)
    await Engine(settings, _targets(settings), Log("profile-downstream")).run(Patience())
    return DONE


async def run_status(arguments: Namespace) -> int:
    settings = load(DownstreamSettings)
    targets = _targets(settings)
    async with _desk(settings) as desk:
        rows = view.status(targets, await desk.targets(), await desk.counts())
    if arguments.json:
        _put_json(rows)
    else:
        show_to_people(sys.stdout, view.status_table(rows))
    return DONE


def jobs_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--id", type=_number, metavar="JOB", help="this one, with everything that was done for it"
    )
    parser.add_argument("--target")
    parser.add_argument("--state", choices=get_args(State))
    parser.add_argument("--waiting", action="store_true", help="only those that wait for a person")
    parser.add_argument(
        "--limit", type=_limit, default=LISTED, metavar="N", help=f"the newest N (default {LISTED})"
    )
    _json_argument(parser)


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text) <= LIMIT_MAX:
        raise ArgumentTypeError(f"{text!r} is no number from 1 to {LIMIT_MAX}")
    return int(text)


async def run_jobs(arguments: Namespace) -> int:
    async with _desk() as desk:
        if arguments.id is not None:
            return await _one(desk, arguments)
        rows = await desk.jobs(
            arguments.target, arguments.state, waiting=arguments.waiting, limit=arguments.limit
        )
    if arguments.json:
        for row in rows:
            _put_json(row)
    else:
        show_to_people(sys.stdout, view.jobs_table(rows))
    return DONE


async def _one(desk: Desk, arguments: Namespace) -> int:
    row = await desk.job(arguments.id)
    if row is None:
        warn(f"profile-downstream: there is no job {arguments.id}; `jobs` tells them")
        return FAILED
    if arguments.json:
        _put_json(row)
    else:
        show_to_people(sys.stdout, view.job_view(row))
    return DONE


def _choice_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", type=_number, metavar="JOB")
    parser.add_argument("--all-of", metavar="TARGET", help="every held job of this target instead")
    person_argument(parser)


def cancel_arguments(parser: ArgumentParser) -> None:
    _choice_arguments(parser)
    parser.add_argument("--why", default="", help="for the record")


async def run_approve(arguments: Namespace) -> int:
    by = who(arguments.by)
    return await _each(arguments, "approved", lambda desk, job_id: desk.approve(job_id, by))


async def run_cancel(arguments: Namespace) -> int:
    by = who(arguments.by)
    return await _each(arguments, "cancelled", lambda desk, job_id: desk.cancel(job_id, by, arguments.why))


async def _each(arguments: Namespace, done: str, act: Callable[[Desk, int], Awaitable[str]]) -> int:
    if bool(arguments.ids) == bool(arguments.all_of):
        warn("profile-downstream: nothing was done; name jobs, or a target with --all-of")
        return MISUSED
    code = DONE
    async with _desk() as desk:
        for job_id in arguments.ids or await _held(desk, arguments.all_of):
            said = await act(desk, job_id)
            put(f"job {job_id}: {said}")
            if said != done:
                code = FAILED
    return code


async def _held(desk: Desk, target: str) -> list[int]:
    rows = await desk.jobs(target, "held", waiting=False, limit=LIMIT_MAX)
    return sorted(_id(row) for row in rows)


def _id(row: Row) -> int:
    job_id = row["job_id"]
    assert isinstance(job_id, int)
    return job_id


def target_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("target", nargs="?", metavar="TARGET")
    parser.add_argument("--all", action="store_true", help="everything, whatever the targets file says")
    person_argument(parser)


def pause_arguments(parser: ArgumentParser) -> None:
    target_arguments(parser)
    parser.add_argument("--why", default="paused by a person", help="for the record")


async def run_pause(arguments: Namespace) -> int:
    """Works without a targets file, too: it is what one reaches for first."""
    name = _named(arguments)
    if name is None:
        return MISUSED
    async with _desk() as desk:
        going = await desk.stop(name, arguments.why, who(arguments.by))
    put(f"{_called(name)}: {'stopped; what is under way is finished' if going else 'was stopped already'}")
    return DONE


async def run_resume(arguments: Namespace) -> int:
    name = _named(arguments)
    if name is None:
        return MISUSED
    async with _desk() as desk:
        await desk.resume(name)
    put(f"{_called(name)}: goes on; deletions planned until now do not count towards its threshold any more")
    return DONE


def _named(arguments: Namespace) -> str | None:
    if bool(arguments.target) == arguments.all:
        warn("profile-downstream: nothing was done; name a target, or --all")
        return None
    return EVERYTHING if arguments.all else str(arguments.target)


def _called(name: str) -> str:
    return "every target" if name == EVERYTHING else f"target {name}"


def import_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="CSV")
    parser.add_argument("--dry-run", action="store_true", help="only check it")
    person_argument(parser)


async def run_import(arguments: Namespace) -> int:
    settings = load(DownstreamSettings)
    lines = read_mapping(arguments.file, _targets(settings))
    if arguments.dry_run:
        put(f"{len(lines)} lines, all usable; nothing was changed")
        return DONE
    async with _desk(settings) as desk:
        made, changed = await desk.put(lines, arguments.file.name, who(arguments.by))
    put(f"{made} rows made, {changed} brought up to date")
    return DONE


def export_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--target")
    _json_argument(parser)


async def run_export(arguments: Namespace) -> int:
    async with _desk() as desk:
        rows = await desk.mapping(arguments.target)
    if arguments.json:
        for row in rows:
            _put_json(row)
    else:
        sys.stdout.write(written(rows))
    return DONE


def forget_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do it without asking")


async def run_forget(arguments: Namespace) -> int:
    settings = load(DownstreamSettings)
    topic = settings.topics.operations
    if not arguments.yes and not agreed(f"What settled on {topic} while nobody read is not acted on."):
        warn("profile-downstream: nothing was changed; say --yes where nobody can be asked")
        return MISUSED
    async with _desk(settings) as desk:
        await desk.forget_offsets(topic)
    put(f"the next start begins at the end of {topic}")
    return DONE


def _nothing(_: ArgumentParser) -> None:
    """Everything is a setting."""


COMMANDS = (
    Command("migrate", "bring the schema of the job ledger up to date", _nothing, run_migrate),
    Command(
        "run", "plan what settles and tell the live targets, until a signal ends it", _nothing, run_engine
    ),
    Command("status", "where each target stands", _json_argument, run_status),
    Command("jobs", "what was planned, and what became of it", jobs_arguments, run_jobs),
    Command("approve", "let jobs go on that are held, unknown or failed", _choice_arguments, run_approve),
    Command("cancel", "give jobs up that were not sent", cancel_arguments, run_cancel),
    Command("pause", "send nothing more to a target, or to anybody", pause_arguments, run_pause),
    Command("resume", "go on with a target that was stopped", target_arguments, run_resume),
    Command(
        "mapping import",
        "take a CSV file into the mapping, all of it or nothing",
        import_arguments,
        run_import,
    ),
    Command("mapping export", "the mapping as a CSV file", export_arguments, run_export),
)
