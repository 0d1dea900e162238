"""`profile-reconciler sweep --once`"""

from argparse import ArgumentParser, Namespace

from reconciler.access import writer_access
from reconciler.audit.as_json import text
from reconciler.metrics import Metrics
from reconciler.postgres.admin import fitting_session
from reconciler.program import DONE, FAILED, MISUSED, Command, put, warn
from reconciler.readable import ReadableError
from reconciler.settings import ReconcilerSettings
from reconciler.sweep.sweep import Report, UnsaidError
from reconciler.sweep.view import document, sentences
from reconciler.sweep.wiring import open_sweep
from reconciler.thingspace.wiring import open_thingspace
from schemas.logline import Log
from schemas.settings import load


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--once", action="store_true", help="needed: the sweep that goes on for ever is a part of `run`"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document instead of sentences")


async def run(arguments: Namespace) -> int:
    """Exit code 1 where something due could not be asked about."""
    if not arguments.once:
        warn("profile-reconciler: say `sweep --once`; `profile-reconciler run` sweeps all the time")
        return MISUSED
    report, configured = await _swept()
    if arguments.json:
        put(text(document(report, configured=configured)))
    else:
        for sentence in sentences(report, configured=configured):
            put(sentence)
    return FAILED if report.away else DONE


async def _swept() -> tuple[Report, bool]:
    settings = load(ReconcilerSettings)
    access, log = writer_access(settings), Log("profile-reconciler")
    async with fitting_session(access, "profile-reconciler sweep"):
        pass  # a schema that does not fit is said by its own sentence
    async with open_thingspace(settings, log) as thingspace:
        try:
            async with open_sweep(settings, access, thingspace, Metrics().sweep, log) as sweep:
                return await sweep.once(), thingspace is not None
        except UnsaidError as error:
            raise ReadableError(f"What was found could not be said: {error}") from error


COMMAND = Command("sweep", "ask ThingSpace about every operation that is due, now", add_arguments, run)
