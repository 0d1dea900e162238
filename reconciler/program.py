"""What `profile-reconciler` and `profile-audit` have in common: from the command line to an exit code.

0 done, 1 failed or found wrong, 2 misused. Whatever is a person's to put right ends in one readable message
and no traceback; an error that nobody foresaw keeps its traceback, because it is ours.
"""

import asyncio
import logging
import os
import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from reconciler.background import LibraryLines, nobody_counts, watch_background
from reconciler.faults import BrokenError
from reconciler.readable import ReadableError
from schemas.logline import Log
from schemas.settings import SettingsError

if TYPE_CHECKING:
    from argparse import _SubParsersAction

DONE = 0
FAILED = 1
MISUSED = 2
INTERRUPTED = 128 + signal.SIGINT


@dataclass(frozen=True, slots=True)
class Command:
    """One subcommand. `name` may be two words (`topics create`); `run` gives the exit code."""

    name: str
    summary: str
    add_arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], Awaitable[int]]


def main(program: str, description: str, commands: Sequence[Command], argv: Sequence[str] | None) -> int:
    """Parses, runs one command, and turns every foreseen failure into its message and exit code."""
    parser = command_line(program, description, commands)
    words = sys.argv[1:] if argv is None else argv
    arguments = parser.parse_args(words)
    if any(_is_no_text(word) for word in words):
        parser.error("an argument is not UTF-8 text, so no record and no database takes it; nothing was done")
    # What aiokafka would log comes to people as our own sentence, and to machines as our own log line.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL + 1)
    log = Log(program)
    logging.lastResort = LibraryLines(log)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            watch_background(runner.get_loop(), log, nobody_counts)
            code = runner.run(_awaited(arguments.command, arguments))
        sys.stdout.flush()
    except SettingsError as error:
        return _told(program, "nothing was done, because of these settings\n" + str(error), MISUSED)
    except (ReadableError, BrokenError) as error:
        return _told(program, str(error), FAILED)
    except BrokenPipeError:
        return _reader_left()
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _is_no_text(word: str) -> bool:
    """Python keeps bytes of the command line that are no UTF-8 as halves of characters."""
    return any("\ud800" <= character <= "\udfff" for character in word)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop where there is a build of it: the same work for less processor time."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


async def _awaited(command: Command, arguments: Namespace) -> int:
    return await command.run(arguments)


def put(line: str) -> None:
    """A result, on stdout."""
    sys.stdout.write(f"{line}\n")


def warn(line: str) -> None:
    """A remark to the person at the keyboard, on stderr."""
    sys.stderr.write(f"{line}\n")


def _told(program: str, message: str, code: int) -> int:
    warn(f"{program}: {message}")
    return code


def _reader_left() -> int:
    """`… | head` has seen enough: the interpreter must not complain when it flushes what nobody reads."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return DONE


def command_line(program: str, description: str, commands: Sequence[Command]) -> ArgumentParser:
    """The parser; what it parses carries the chosen `command`."""
    parser = ArgumentParser(prog=program, description=description, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"{program} {version('profile-ledger')}")
    top = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    groups: dict[str, _SubParsersAction[ArgumentParser]] = {}
    for command in commands:
        group, _, name = command.name.rpartition(" ")
        if group and group not in groups:
            names = [
                other.name.removeprefix(f"{group} ")
                for other in commands
                if other.name.startswith(f"{group} ")
            ]
            holder = top.add_parser(group, help=", ".join(names), allow_abbrev=False)
            groups[group] = holder.add_subparsers(required=True, metavar="COMMAND", title="commands")
        place = groups[group] if group else top
        own = place.add_parser(name, help=command.summary, description=command.summary, allow_abbrev=False)
        command.add_arguments(own)
        own.set_defaults(command=command)
    return parser
