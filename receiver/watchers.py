"""What the lane, Kafka and the libraries report, as log lines and metrics."""

import asyncio
import logging
from typing import assert_never

from receiver.lane import Mode, Place
from receiver.metrics import Metrics
from receiver.notices import Notice
from receiver.spool.disk_queue import (
    DamagedRows,
    Recovered,
    Report,
    Salvaged,
    Spool,
    TailRescued,
    Unavailable,
)
from schemas.logline import Log, raised_at

LIBRARY_EVERY_S = 10.0


class LaneWatcher:
    def __init__(self, log: Log, metrics: Metrics) -> None:
        self._log = log
        self._metrics = metrics

    def stored(self, place: Place, count: int) -> None:
        self._metrics.stored(place, count)

    def turned(self, mode: Mode, reason: str) -> None:
        self._metrics.turned(mode)
        self._log.emit("lane_turned", level="warning" if mode == "away" else "info", mode=mode, reason=reason)

    def set_aside(self, id_: int, topic: str, reason: str) -> None:
        self._metrics.set_aside.inc()
        self._log.emit(
            "record_set_aside",
            level="error",
            count=1,
            topic=topic,
            reason=reason,
            remedy=f"profile-receiver spool dead show {id_}",
        )


class SpoolWatcher:
    """`watch` once the spool is open; until then it only logs."""

    def __init__(self, log: Log, metrics: Metrics) -> None:
        self._log = log
        self._metrics = metrics

    def watch(self, spool: Spool) -> None:
        self._metrics.spool_records.set_function(lambda: spool.records)
        self._metrics.spool_bytes.set_function(lambda: spool.size_bytes)
        self._metrics.spool_dead.set_function(lambda: spool.dead)

    def report(self, what: Report) -> None:
        match what:
            case Unavailable(reason):
                self._log.emit("spool_unavailable", level="error", reason=reason)
            case Recovered(records):
                self._log.emit("spool_recovered", records=records)
            case Salvaged(cause, records, dead, set_aside):
                self._log.emit(
                    "spool_salvaged",
                    level="error",
                    fault=cause,
                    records=records,
                    count=dead,
                    file=str(set_aside),
                    remedy="keep the file: what could not be read is in it alone",
                )
            case TailRescued(records):
                self._log.emit("spool_tail_rescued", level="warning", records=records)
            case DamagedRows(ids):
                self._metrics.set_aside.inc(len(ids))
                self._log.emit(
                    "record_set_aside",
                    level="error",
                    count=len(ids),
                    reason="damaged",
                    remedy="profile-receiver spool dead list",
                )
            case _:
                assert_never(what)


class KafkaWatcher:
    def __init__(self, log: Log, bootstrap: str) -> None:
        self._log = log
        self._bootstrap = bootstrap
        self._missing = Notice(log, "kafka_not_connected")

    def connected(self) -> None:
        self._log.emit("kafka_connected", address=self._bootstrap)

    def not_connected(self, error: str) -> None:
        self._missing.give(address=self._bootstrap, error=error)

    def lost(self, error: str) -> None:
        self._log.emit("kafka_lost", level="warning", address=self._bootstrap, error=error)


class LibraryLines(logging.Handler):
    """The warnings of libraries, in our format and not in a flood; tracebacks may quote what was received."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log
        self._notices: dict[str, Notice] = {}

    def emit(self, record: logging.LogRecord) -> None:
        notice = self._notices.get(record.name)
        if notice is None:
            notice = Notice(self._log, "library_warned", every_s=LIBRARY_EVERY_S)
            self._notices[record.name] = notice
        notice.give(where=record.name, fault=record.getMessage())

    def install(self) -> None:
        """For the whole process; only a program's start may do this."""
        root = logging.getLogger()
        root.handlers[:] = [self]
        root.setLevel(logging.WARNING)


def watch_loop(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    """What a task or callback of the loop raises with nobody to catch it, one request's end for example."""
    notice = Notice(log, "unexpected_error", level="error", every_s=1.0)

    def handle(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        if isinstance(error, BaseException):
            notice.give(error=type(error).__name__, where=raised_at(error))
        else:
            notice.give(error=str(context.get("message")), where="unknown")

    loop.set_exception_handler(handle)
