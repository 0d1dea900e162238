"""What goes wrong in the background, with nobody there to hear it: one log line, and no traceback.

Libraries leave things behind: a task of aiokafka's that refreshes offsets, a future of asyncpg's whose
session the server ended. Nothing hangs on them: our own works are all waited for (`reconciler.together`),
what counts is committed, and what is not is done again. Python would print each as a traceback of twenty
lines; that is kept for who asks, by PYTHONASYNCIODEBUG=1.
"""

import asyncio
import logging
import traceback
from collections import Counter
from collections.abc import Callable
from time import monotonic
from typing import Final, NamedTuple

from schemas.logline import Log, raised_at

EVERY_S: Final = 10.0
KINDS_MAX: Final = 100
ELSEWHERE: Final = frozenset({"aiohttp", "aiokafka", "asyncpg"})
"""Packages whose errors tell of the other side of a connection."""

_REASON: Final = "nobody waited for it, and nothing is lost: what counts is committed or will be done again"
_OURS: Final = "report it; PYTHONASYNCIODEBUG=1 adds its traceback"
_THEIRS: Final = "none, unless it goes on: then see whether Kafka and PostgreSQL answer"


class Kind(NamedTuple):
    """Such errors share their lines."""

    error: str
    where: str
    fault: str


class Background:
    """`count` is called with the error's name, each time; a kind's lines come every `EVERY_S` at most."""

    def __init__(
        self, log: Log, count: Callable[[str], None], *, clock: Callable[[], float] = monotonic
    ) -> None:
        self._log = log
        self._count = count
        self._clock = clock
        self._next_at: dict[Kind, float] = {}
        self._untold: Counter[Kind] = Counter()

    def hear(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """The loop's exception handler. Never the error's words, which may quote what was received."""
        error, fault = context.get("exception"), str(context.get("message"))
        kind = Kind("none", "unknown", fault)
        if isinstance(error, BaseException):
            kind = Kind(type(error).__name__, raised_at(error), fault)
        self._count(kind.error)
        self._tell(kind, outside=is_outside(error))
        if loop.get_debug() and isinstance(error, BaseException):
            traceback.print_exception(error)

    def _tell(self, kind: Kind, *, outside: bool) -> None:
        now = self._clock()
        self._untold[kind] += 1
        if now < self._next_at.get(kind, now):
            return
        if len(self._next_at) >= KINDS_MAX:
            self._next_at.clear()
            self._untold = Counter({kind: self._untold[kind]})
        self._next_at[kind] = now + EVERY_S
        self._log.emit(
            "background_error",
            level="warning" if outside else "error",
            error=kind.error,
            where=kind.where,
            fault=kind.fault,
            count=self._untold.pop(kind),
            reason=_REASON,
            remedy=_THEIRS if outside else _OURS,
        )


def is_outside(error: object) -> bool:
    """Whether it tells of a connection, not of a mistake of ours."""
    return isinstance(error, OSError) or type(error).__module__.partition(".")[0] in ELSEWHERE


class LibraryLines(logging.Handler):
    """What libraries log from warnings upwards, without tracebacks: a line of ours."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._log.emit(
            "library_warned",
            level="error" if record.levelno >= logging.ERROR else "warning",
            where=record.name,
            fault=record.getMessage(),
            error="none" if error is None else f"{type(error).__name__} at {raised_at(error)}",
        )


def watch_background(loop: asyncio.AbstractEventLoop, log: Log, count: Callable[[str], None]) -> None:
    """For this loop; called again, the later one counts."""
    loop.set_exception_handler(Background(log, count).hear)


def nobody_counts(_: str) -> None:
    """For a command that has no metrics."""
