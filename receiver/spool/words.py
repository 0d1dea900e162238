"""What the spool's parts say to each other and to its owner: rows, totals, verdicts, reports, refusals."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Literal, Protocol

from schemas.record import Record

Reason = Literal[
    "starting",  # not yet opened, or being salvaged
    "disk_full",
    "read_only",
    "io_error",
    "damaged",
    "busy",  # another process held the write lock for too long
    "stalled",  # the disk does not answer
    "overloaded",  # more is waiting for the disk than memory should hold
    "locked",  # the folder is another process's now
    "closed",
]


class SpoolUnavailableError(Exception):
    """The spool cannot do it now, and promises nothing about it. It mends itself and may be asked again."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason: Reason = reason


class SpoolRefusedError(Exception):
    """This folder is no place for a spool; only a person can change that. The text is for people."""


class Verdict(Enum):
    """What became of one record."""

    STORED = "stored"
    FULL = "full"
    QUOTA = "quota"
    """Of unproven origin, and such records already hold their share."""


class Storable(Protocol):
    """A record and whether its origin was checked; the lane's own waiting records will do."""

    @property
    def record(self) -> Record: ...

    @property
    def proven(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Row:
    """Ids rise in the order of appending and are never given twice while a process lives."""

    id: int
    record: Record
    proven: bool
    enqueued_at: datetime


@dataclass(frozen=True, slots=True)
class DeadRow:
    """`row` is None where the content is damaged; `frame` is what there is of it."""

    id: int
    reason: str
    buried_at: datetime
    frame: bytes
    row: Row | None


@dataclass(slots=True)
class Totals:
    """Bytes are those of the frames; `unproven_bytes` counts waiting and dead. A transaction has a copy."""

    next_id: int = 1
    records: int = 0
    bytes: int = 0
    dead: int = 0
    dead_bytes: int = 0
    unproven_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Stats:
    records: int
    bytes: int
    oldest_at: datetime | None
    dead: int


# Reports: what the owner of a spool should log. None of them holds anything of a record.


@dataclass(frozen=True, slots=True)
class Unavailable:
    """From now on appends fail with this reason."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Recovered:
    """Appends succeed again."""

    records: int


@dataclass(frozen=True, slots=True)
class Salvaged:
    """An alarm: the file was damaged. `records` and `dead` were readable and are kept, in order."""

    cause: str
    records: int
    dead: int
    set_aside: Path


@dataclass(frozen=True, slots=True)
class TailRescued:
    """Records of a transaction that a crash cut off were readable; nobody was told that they are stored."""

    records: int


@dataclass(frozen=True, slots=True)
class DamagedRows:
    """An alarm: the content of these rows is damaged; they are in the dead table now."""

    ids: tuple[int, ...]


Report = Unavailable | Recovered | Salvaged | TailRescued | DamagedRows
