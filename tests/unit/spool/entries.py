"""Records to put into a spool, told apart by a number, and the usual steps of a test."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from receiver.spool.disk_queue import Report, Row, Spool, Verdict, open_spool
from schemas.record import Record

BYTES_MAX = 64 * 1024 * 1024
PROVEN_TOPIC = "profile.events.v1"
UNPROVEN_TOPIC = "profile.quarantine.v1"


@dataclass(frozen=True)
class Entry:
    record: Record
    proven: bool = True


def entry(number: int, *, size_bytes: int = 850, proven: bool = True) -> Entry:
    """The value is random bytes that depend on the number alone."""
    topic = PROVEN_TOPIC if proven else UNPROVEN_TOPIC
    value = Random(number).randbytes(size_bytes)
    return Entry(Record(topic, str(number).encode(), value, (("ce_id", b"%064d" % number),)), proven)


def entries(numbers: Iterable[int], *, size_bytes: int = 850, proven: bool = True) -> list[Entry]:
    return [entry(number, size_bytes=size_bytes, proven=proven) for number in numbers]


def numbers_of(rows: Sequence[Row]) -> list[int]:
    """Which entries they are; every byte is compared."""
    numbers = [int(row.record.key) for row in rows]
    for number, row in zip(numbers, rows, strict=True):
        assert row.record == entry(number, size_bytes=len(row.record.value or b""), proven=row.proven).record
    return numbers


async def everything(spool: Spool) -> list[Row]:
    rows: list[Row] = []
    while some := await spool.read(rows[-1].id if rows else 0):
        rows.extend(some)
    return rows


async def store(spool: Spool, numbers: Iterable[int], *, size_bytes: int = 850) -> None:
    verdicts = await spool.append(entries(numbers, size_bytes=size_bytes))
    assert set(verdicts) <= {Verdict.STORED}


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@asynccontextmanager
async def opened(
    folder: Path, *, bytes_max: int = BYTES_MAX, reports: list[Report] | None = None, vfs: str | None = None
) -> AsyncIterator[Spool]:
    """Closed at the end; what it reported is in `reports`."""
    spool = await open_spool(folder, bytes_max, (reports if reports is not None else []).append, vfs=vfs)
    try:
        yield spool
    finally:
        await spool.close()
