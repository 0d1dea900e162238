"""One line of log: an event word and allowed fields, JSON for machines, plain text on a terminal.

A field that is not on the list is refused by the type checker, and by `emit` itself: what may appear in a log
is decided here, once. Never a body, never a credential.
"""

import re
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, TextIO, TypedDict, Unpack

import orjson

from schemas.eventshape import rfc3339
from schemas.scrub import MASK, Secrets

Level = Literal["info", "warning", "error"]
Value = str | int | float | bool | None

TEXT_CHARS_MAX: Final = 1000
_WORD = re.compile(r"[a-z][a-z0-9]*(?:[._][a-z0-9]+)*")
_PLAIN = re.compile(r"[\w.:/@+\-]+")


class Fields(TypedDict, total=False):
    """The allow-list: every field that a line may have."""

    account: str | None
    action: str | None
    address: str | None
    attempt: int | None
    attempts_max: int | None
    batches: int
    bytes: int
    bytes_max: int
    count: int
    digest: str
    eid: str | None
    error: str
    event_id: str
    events: int
    fault: str
    file: str
    flags: str
    folder: str
    from_version: int
    group: str
    host: str
    iccid: str | None
    intent_id: str | None
    job: int
    kind: str
    lag: int
    length: int
    limit: int
    listener: str
    method: str
    mode: str
    network: str
    offset: int
    operation_id: str
    outcome: str
    partition: int
    partitions: int
    path: str
    peer: str
    pid: int
    port: int
    producer: str
    reason: str
    records: int
    remedy: str
    request_id: str | None
    requests: int
    retry_in_s: float
    role: str
    rows: int
    schedule: str
    seconds: float
    service: str | None
    setting: str
    signal: str
    source_ip: str | None
    sqlstate: str
    state: str
    status: int
    table: str
    taken: int
    target: str
    topic: str
    until: str
    url: str
    user_agent: str | None
    version: str
    waiting: int
    where: str


ALLOWED: Final = frozenset(Fields.__annotations__)


class Log:
    """Where one program's lines go. Not for the hot path: one line costs some microseconds."""

    def __init__(
        self,
        program: str,
        *,
        stream: TextIO | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._program = program
        self._stream = sys.stderr if stream is None else stream
        self._now = now
        self._secrets = Secrets()

    def conceal(self, secrets: Secrets) -> None:
        """From now on no line shows these, whatever field they get into."""
        self._secrets = secrets

    def emit(self, event: str, *, level: Level = "info", **fields: Unpack[Fields]) -> None:
        """Writes one line; raises `ValueError` for a field or an event word that is none."""
        if not ALLOWED.issuperset(fields):
            raise ValueError(f"not on the allow-list of log fields: {sorted(fields.keys() - ALLOWED)}")
        if not _WORD.fullmatch(event):
            raise ValueError(f"no event word: {event!r}")
        shown = {name: self._shown(value) for name, value in fields.items()}
        as_line = self._plain if self._stream.isatty() else self._json
        self._stream.write(as_line(event, level, shown) + "\n")
        self._stream.flush()

    def _shown(self, value: object) -> Value:
        """How any value appears: whole if it is a number, else as bounded text without secrets."""
        if (
            value is None
            or isinstance(value, (bool, float))
            or (isinstance(value, int) and abs(value) < 2**63)
        ):
            return MASK if self._secrets.show_in(repr(value)) else value
        text = self._secrets.masked(str(value)).encode("utf-8", "replace").decode()
        return text if len(text) <= TEXT_CHARS_MAX else text[:TEXT_CHARS_MAX] + "…"

    def _json(self, event: str, level: Level, fields: dict[str, Value]) -> str:
        head = {"time": rfc3339(self._now()), "level": level, "program": self._program, "event": event}
        return orjson.dumps({**head, **fields}).decode()

    def _plain(self, event: str, level: Level, fields: dict[str, Value]) -> str:
        sign = {"info": " ", "warning": "!", "error": "✗"}[level]
        said = " ".join(f"{name}={_quoted(value)}" for name, value in fields.items())
        return f"{self._now():%H:%M:%S} {sign} {event.replace('_', ' ')}  {said}".rstrip()


def say(text: str, *, stream: TextIO | None = None) -> None:
    """A sentence for a person, on standard output unless told otherwise."""
    out = sys.stdout if stream is None else stream
    out.write(text + "\n")
    out.flush()


def raised_at(error: BaseException) -> str:
    """Where an error came from, without its words, which may quote what was received."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"


def _quoted(value: Value) -> str:
    text = "-" if value is None else str(value)
    return text if _PLAIN.fullmatch(text) else repr(text)
