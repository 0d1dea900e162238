"""`profile-reconciler submit`"""

import asyncio
import re
import signal
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final
from uuid import uuid4

from reconciler.audit.as_json import text
from reconciler.audit.for_people import printable
from reconciler.audit.for_people import show as show_to_people
from reconciler.listeners.listeners import CARRIES_RESULTS, registered
from reconciler.person import person_argument, who
from reconciler.program import DONE, FAILED, MISUSED, Command, put, warn
from reconciler.readable import ReadableError
from reconciler.settings import ReconcilerSettings
from reconciler.submit.file import FileRun, Habits
from reconciler.submit.order import OPTIONS, Fault, Wanted, faults_of, order_of, read_file
from reconciler.submit.outcome import Outcome, document, outcome_of, report, sentence
from reconciler.submit.progress import shown
from reconciler.submit.row import next_step
from reconciler.submit.submit import Busy, Terms, Waits
from reconciler.submit.wiring import Parts, open_submission
from reconciler.thingspace.accounts import SETTING
from reconciler.thingspace.client import ThingSpace
from reconciler.thingspace.wiring import open_thingspace
from schemas.ids import AccountName
from schemas.logline import Log
from schemas.settings import SettingsError, load
from schemas.signal import ACTIONS

PATIENCE_S: Final = 3600.0
"""For a ThingSpace that is away, before the rest of its account is left to a later run."""
FAULTS_SHOWN: Final = 100
_INTENT: Final = re.compile(r"[A-Za-z0-9._:\-]{1,100}")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=ACTIONS, metavar="ACTION", help=", ".join(ACTIONS))
    parser.add_argument("--account", metavar="A")
    parser.add_argument("--eid", metavar="E")
    parser.add_argument("--iccid", metavar="I")
    parser.add_argument("--imei", metavar="M")
    for option in OPTIONS:
        parser.add_argument(f"--{option.replace('_', '-')}", metavar="TEXT")
    parser.add_argument(
        "--file",
        type=Path,
        metavar="CSV",
        help="one order a row; its first line names columns: account, action, eid, iccid, imei, and the "
        "options above with underscores. The same file never sends an order twice",
    )
    parser.add_argument(
        "--intent",
        type=_intent,
        metavar="ID",
        help="your own name for this order: said again, it is not sent again",
    )
    parser.add_argument("--dry-run", action="store_true", help="check everything, and send nothing")
    parser.add_argument("--force", action="store_true", help="although the device has an operation under way")
    parser.add_argument(
        "--without-listener", action="store_true", help="although nobody hears what becomes of it"
    )
    parser.add_argument("--go-on", action="store_true", help="also behind a row that did not succeed")
    person_argument(parser)
    parser.add_argument("--json", action="store_true", help="JSON, one document for each order")


def _intent(said: str) -> str:
    if not _INTENT.fullmatch(said):
        raise ArgumentTypeError("an intent is named by up to 100 letters, digits, dots, colons and dashes")
    return said


async def run(arguments: Namespace) -> int:
    """Exit code 0 only where ThingSpace took every order, now or before."""
    if (misuse := _misuse(arguments)) is not None:
        warn(f"profile-reconciler: {misuse}")
        return MISUSED
    settings = load(ReconcilerSettings)
    if settings.thingspace_accounts_file is None:
        raise SettingsError([f"{SETTING}: is not set; name the TOML file with the accounts' credentials"])
    log = Log("profile-reconciler")
    async with open_thingspace(settings, log) as thingspace:
        assert thingspace is not None, "its accounts file is set"
        wanted, faults = await _read(arguments, thingspace)
        if faults:
            return _refused(faults)
        if not arguments.without_listener:
            await _demand_listeners(thingspace, wanted)
        terms = Terms(who(arguments.by), settings.eid_lease, arguments.force, arguments.without_listener)
        async with open_submission(settings, thingspace, terms) as parts:
            if arguments.dry_run:
                return await _tried(arguments, parts, wanted)
            await _reserve(parts, wanted)
            if arguments.file is None:
                return await _one(arguments, parts, wanted[0])
            habits = Habits(settings.eid_lease.total_seconds(), PATIENCE_S, arguments.go_on)
            return await _file(arguments, parts, wanted, habits, log)


def _misuse(arguments: Namespace) -> str | None:
    if arguments.file is None:
        return None if arguments.action else "say which action, or name a file with --file"
    alone = [name for name in ("eid", "iccid", "imei", "intent") if getattr(arguments, name) is not None]
    return f"--{alone[0]} belongs to one device, and --file to many; leave one out" if alone else None


async def _read(arguments: Namespace, thingspace: ThingSpace) -> tuple[Sequence[Wanted], Sequence[Fault]]:
    said = _said(arguments)
    if arguments.file is not None:
        try:
            content = await asyncio.to_thread(arguments.file.read_bytes)
        except OSError as error:
            return (), (
                Fault(None, f"{arguments.file} cannot be read ({error.strerror}); name another file"),
            )
        return read_file(content, said, thingspace.accounts)
    order = order_of(said)
    faults = tuple(Fault(None, says) for says in faults_of(order, thingspace.accounts))
    return ((Wanted(arguments.intent or str(uuid4()), order),), faults)


def _said(arguments: Namespace) -> Mapping[str, str]:
    names = ("action", "account", "eid", "iccid", "imei", *OPTIONS)
    return {name: getattr(arguments, name) for name in names if getattr(arguments, name)}


def _refused(faults: Sequence[Fault]) -> int:
    for fault in faults[:FAULTS_SHOWN]:
        warn(f"profile-reconciler: {printable(str(fault))}")
    if len(faults) > FAULTS_SHOWN:
        warn(f"profile-reconciler: and {len(faults) - FAULTS_SHOWN} more")
    warn("profile-reconciler: nothing was sent")
    return MISUSED


async def _demand_listeners(thingspace: ThingSpace, wanted: Sequence[Wanted]) -> None:
    accounts = dict.fromkeys(one.order.account for one in wanted)
    deaf = [account for account in accounts if not await registered(thingspace, account)]
    if deaf:
        raise ReadableError(_deaf(deaf))


def _deaf(deaf: Sequence[AccountName]) -> str:
    return (
        f"No listener is registered at ThingSpace for {CARRIES_RESULTS} of account {', '.join(deaf)}, so "
        "nobody would hear what became of it. Nothing was sent. Register one with `profile-reconciler "
        "listeners register`, or say --without-listener, which is recorded: then only polls tell."
    )


async def _reserve(parts: Parts, wanted: Sequence[Wanted]) -> None:
    """Two that submit the same at once would each take the other's rows for left behind."""
    name = sha256("\n".join(one.key for one in wanted).encode()).hexdigest()
    if not await parts.ledger.reserve(name):
        raise ReadableError(
            "Another process submits the very same at this moment. Nothing was sent by this one. Wait until "
            "it has ended, or end it; then run this again."
        )


async def _tried(arguments: Namespace, parts: Parts, wanted: Sequence[Wanted]) -> int:
    entries = await parts.ledger.entries([one.key for one in wanted])
    for one in wanted:
        entry = entries.get(one.key)
        if entry is not None and next_step(entry) not in ("begin", "send"):
            outcome = outcome_of(one, entry, earlier=True)
        else:
            outcome = Outcome(one, "not_started", entry, "would be sent")
        line = "" if one.line is None else f"line {one.line}: "
        put(text(document(outcome)) if arguments.json else line + sentence(outcome))
    return DONE


async def _one(arguments: Namespace, parts: Parts, wanted: Wanted) -> int:
    with _deferred_signals(lambda: warn("profile-reconciler: finishing what is on its way")):
        outcome = await _outcome(parts, wanted)
    if arguments.json:
        put(text(document(outcome)))
    elif outcome.word == "submitted":
        put(sentence(outcome))
    else:
        warn(f"profile-reconciler: {sentence(outcome)}")
    return DONE if outcome.word == "submitted" else FAILED


async def _outcome(parts: Parts, wanted: Wanted) -> Outcome:
    submission = parts.submission
    entry = await submission.latest(wanted)
    if entry is not None and not _is_same(wanted, entry.action, entry.eid, entry.iccid):
        raise ReadableError(
            f"Intent {wanted.key} is known, for something else ({entry.action} of ICCID {entry.iccid} on EID "
            f"{entry.eid}). Nothing was sent. Choose another name."
        )
    if entry is not None and next_step(entry) == "nothing":
        return outcome_of(wanted, entry, earlier=True)
    match await submission.carry_out(wanted, entry):
        case Busy(holder):
            says = f"{holder.words()}. Nothing was sent. Wait, or say --force, which is recorded"
            return Outcome(wanted, "held_back", None, says)
        case Waits(pending, error, _):
            return outcome_of(wanted, await submission.withdraw(pending, str(error)), earlier=False)
        case done:
            return outcome_of(wanted, done, earlier=False)


def _is_same(wanted: Wanted, action: str, eid: str | None, iccid: str | None) -> bool:
    order = wanted.order
    return (order.action, order.eid, order.iccid) == (action, eid, iccid)


async def _file(
    arguments: Namespace, parts: Parts, wanted: Sequence[Wanted], habits: Habits, log: Log
) -> int:
    with shown(len(wanted), log, as_json=arguments.json) as tell:
        run = FileRun(parts.submission, parts.ledger, habits, tell, log)

        def stop() -> None:
            warn("profile-reconciler: nothing more is begun; finishing what is on its way")
            run.stop()

        with _deferred_signals(stop):
            await run.run(wanted)
    if not arguments.json:
        show_to_people(sys.stdout, report(run.outcomes))
    if run.broken is not None:
        warn(f"profile-reconciler: {run.broken}")
    return DONE if all(one.word == "submitted" for one in run.outcomes) else FAILED


@contextmanager
def _deferred_signals(stop: Callable[[], None]) -> Iterator[None]:
    """The first signal asks to end in order; the second one ends."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def first() -> None:
        for number in numbers:
            loop.remove_signal_handler(number)
        stop()

    try:
        for number in numbers:
            loop.add_signal_handler(number, first)
    except (RuntimeError, ValueError):
        yield  # not the main thread: whoever started it ends it
        return
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


COMMAND = Command(
    "submit", "ask ThingSpace for an action on one device, or on those of a file", add_arguments, run
)
