"""From the command line to an exit code: 0 done, 1 failed, 2 misused; a message, never a traceback."""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable
from importlib.metadata import version

import pytest

from reconciler import program
from reconciler.__main__ import COMMANDS as RECONCILER_COMMANDS
from reconciler.audit.commands import COMMANDS as AUDIT_COMMANDS
from reconciler.faults import BrokenError
from reconciler.program import Command, put
from reconciler.readable import ReadableError
from schemas.settings import SettingsError

PROMISED = {
    *("migrate", "topics create", "topics check", "run"),
    *("offsets show", "offsets reset", "offsets accept-gap"),
    *("quarantine list", "quarantine show", "quarantine replay", "quarantine discard"),
    "rebuild",
}
PROMISED_AUDIT = {"request", "device", "as-of", "events", "verify"}


def no_arguments(_: ArgumentParser) -> None: ...


def command(name: str, run: Callable[[Namespace], Awaitable[int]]) -> Command:
    return Command(name, "a summary", no_arguments, run)


def main(*argv: str, run: Callable[[Namespace], Awaitable[int]]) -> int:
    return program.main("prog", "What it is.", [command("one", run), command("group two", run)], argv)


def raising(error: BaseException) -> Callable[[Namespace], Awaitable[int]]:
    async def run(_: Namespace) -> int:
        raise error

    return run


def test_the_promised_commands_are_there() -> None:
    assert {command.name for command in RECONCILER_COMMANDS} >= PROMISED
    assert {command.name for command in AUDIT_COMMANDS} >= PROMISED_AUDIT


@pytest.mark.parametrize("argv", [("one",), ("group", "two")])
def test_a_command_of_one_or_two_words_runs_and_gives_its_exit_code(
    argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    async def run(_: Namespace) -> int:
        put("a result")
        return 1

    assert main(*argv, run=run) == 1
    assert capsys.readouterr().out == "a result\n"


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (
            ReadableError("PostgreSQL is away. Nothing was kept."),
            1,
            "prog: PostgreSQL is away. Nothing was kept.",
        ),
        (BrokenError("The topic is another one."), 1, "prog: The topic is another one."),
        (
            SettingsError(["A: is wrong; do this", "B: too; do that"]),
            2,
            "A: is wrong; do this\nB: too; do that",
        ),
    ],
)
def test_what_a_person_can_put_right_is_one_message(
    error: Exception, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("one", run=raising(error)) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith(message + "\n")
    assert "Traceback" not in captured.err


def test_an_error_that_nobody_foresaw_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        main("one", run=raising(ZeroDivisionError()))


@pytest.mark.parametrize("argv", [(), ("none",), ("group",), ("group", "none"), ("one", "--unknown")])
def test_misuse_is_exit_2(argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(*argv, run=raising(AssertionError()))
    assert left.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_version_and_help_are_results(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--version", "--help"):
        with pytest.raises(SystemExit) as left:
            main(option, run=raising(AssertionError()))
        assert left.value.code == 0
    assert capsys.readouterr().out.startswith(f"prog {version('profile-ledger')}\nusage: prog")


def test_a_reader_who_has_seen_enough_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        """A pipe whose reader left."""

        def write(self, _: str) -> int:
            raise BrokenPipeError

        def flush(self) -> None: ...

        def fileno(self) -> int:
            return duplicate

    async def run(_: Namespace) -> int:
        put("a result")
        return 0

    duplicate = os.dup(1)
    monkeypatch.setattr(sys, "stdout", Gone())
    try:
        assert main("one", run=run) == 0
    finally:
        os.close(duplicate)


def test_bytes_that_are_no_text_are_a_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing that is sent or stored can hold them; a command that got so far ended in a traceback."""
    ran = []

    async def run(arguments: Namespace) -> int:
        ran.append(arguments.said)
        return 0

    def said(parser: ArgumentParser) -> None:
        parser.add_argument("said")

    commands = [Command("one", "a summary", said, run)]
    with pytest.raises(SystemExit) as ended:
        program.main("prog", "What it is.", commands, ["one", "na\udcefve"])
    assert ended.value.code == 2
    assert "not UTF-8 text" in capsys.readouterr().err
    assert program.main("prog", "What it is.", commands, ["one", "na\xefve"]) == 0
    assert ran == ["na\xefve"]
