"""Errors that nobody waits for: a line of the log each kind, counted each time, never a traceback unasked."""

import asyncio
import gc
import io
import json
import logging
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator

import pytest

from reconciler import program
from reconciler.background import EVERY_S, KINDS_MAX, Background, LibraryLines
from reconciler.downstream.metrics import Metrics as DownstreamMetrics
from reconciler.metrics import Metrics
from reconciler.program import DONE, Command
from schemas.logline import Log

QUOTED = "a body that was received"
Line = dict[str, object]


def lines(text: str) -> list[Line]:
    return [json.loads(line) for line in text.splitlines()]


class Ear:
    """A background with a clock of the test's own."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.now = 1000.0
        self.counted: Counter[str] = Counter()
        self._stream = io.StringIO()
        self._loop = loop
        self._background = Background(
            Log("t", stream=self._stream), lambda error: self.counted.update([error]), clock=lambda: self.now
        )

    def hear(self, error: Exception | None, message: str = "nobody asked") -> None:
        self._background.hear(self._loop, {"message": message, "exception": error})

    def told(self) -> list[Line]:
        return lines(self._stream.getvalue())


@pytest.fixture
def ear() -> Iterator[Ear]:
    loop = asyncio.new_event_loop()
    yield Ear(loop)
    loop.close()


def raised(error: Exception) -> Exception:
    try:
        raise error
    except type(error) as caught:
        return caught


def test_an_error_of_the_line_is_a_warning_and_one_of_ours_an_error_to_report(ear: Ear) -> None:
    ear.hear(raised(ConnectionResetError(QUOTED)))
    ear.hear(raised(ZeroDivisionError(QUOTED)))
    theirs, ours = ear.told()
    assert (theirs["level"], theirs["error"]) == ("warning", "ConnectionResetError")
    assert (ours["level"], ours["error"]) == ("error", "ZeroDivisionError")
    assert str(ours["where"]).startswith("test_background.py:")
    assert "report it" in str(ours["remedy"])
    assert all("nothing is lost" in str(line["reason"]) for line in (theirs, ours))
    assert QUOTED not in json.dumps([theirs, ours])


def test_what_is_no_exception_is_told_by_its_message(ear: Ear) -> None:
    ear.hear(None, "Task was destroyed but it is pending!")
    (line,) = ear.told()
    assert (line["error"], line["fault"]) == ("none", "Task was destroyed but it is pending!")


def test_a_crowd_of_one_kind_is_counted_and_told_now_and_then(ear: Ear) -> None:
    for _ in range(50):
        ear.hear(TimeoutError())
    ear.hear(OSError())
    ear.now += EVERY_S
    ear.hear(TimeoutError())
    assert [(line["error"], line["count"]) for line in ear.told()] == [
        ("TimeoutError", 1),
        ("OSError", 1),
        ("TimeoutError", 50),
    ]
    assert ear.counted == {"TimeoutError": 51, "OSError": 1}


def test_what_is_remembered_of_kinds_has_an_end(ear: Ear) -> None:
    for number in range(2 * KINDS_MAX):
        for _ in range(2):
            ear.hear(None, f"kind {number}")
    assert len(ear.told()) == 2 * KINDS_MAX
    assert len(ear._background._next_at) <= KINDS_MAX
    assert len(ear._background._untold) <= KINDS_MAX


def test_a_librarys_line_comes_without_its_traceback() -> None:
    stream = io.StringIO()
    logger = logging.Logger("aiohttp.server")
    logger.addHandler(LibraryLines(Log("t", stream=stream)))
    logger.error("Error handling request", exc_info=raised(ValueError(QUOTED)))
    logger.warning("slow")
    failed, slow = lines(stream.getvalue())
    assert (failed["level"], failed["fault"]) == ("error", "Error handling request")
    assert str(failed["error"]).startswith("ValueError at test_background.py:")
    assert (slow["level"], slow["error"]) == ("warning", "none")
    assert QUOTED not in stream.getvalue()


def test_both_programs_count_them() -> None:
    reconciler, downstream = Metrics(), DownstreamMetrics()
    for metrics in (reconciler, downstream):
        metrics.background_error("KafkaError")
    said = (reconciler.exposition() + downstream.exposition()).decode()
    assert 'reconciler_background_errors_total{error="KafkaError"} 1.0' in said
    assert 'downstream_background_errors_total{error="KafkaError"} 1.0' in said


def no_arguments(_: ArgumentParser) -> None: ...


async def leaves_a_task(_: Namespace) -> int:
    async def fail() -> None:
        raise ZeroDivisionError(QUOTED)

    left = asyncio.create_task(fail())
    await asyncio.wait({left})
    del left
    gc.collect()
    return DONE


@pytest.mark.parametrize("debug", ["", "1"])
def test_a_command_whose_task_fails_unheard_says_one_line_and_a_traceback_only_when_asked(
    debug: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the loop that the programs use."""
    monkeypatch.setenv("PYTHONASYNCIODEBUG", debug)
    command = Command("one", "a summary", no_arguments, leaves_a_task)
    assert program.main("prog", "What it is.", [command], ["one"]) == DONE
    said = capsys.readouterr().err
    told = lines("\n".join(line for line in said.splitlines() if line.startswith("{")))
    assert [(line["program"], line["error"], line["fault"]) for line in told] == [
        ("prog", "ZeroDivisionError", "Task exception was never retrieved")
    ]
    assert ("Traceback" in said and QUOTED in said) == bool(debug)
