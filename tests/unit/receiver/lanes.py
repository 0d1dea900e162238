"""Lanes to test, and records to send through them, told apart by a number."""

import asyncio
from collections.abc import Iterable

from receiver.lane import Batch, Lane
from schemas.record import Record, partition_of
from tests.unit.receiver.doubles import EVENTS, PARTITIONS, FakeBroker, FakeSpool, Watched

RUNNING: set["asyncio.Future[None]"] = set()


def lane_over(
    broker: FakeBroker,
    spool: FakeSpool | None = None,
    *,
    patience_s: float = 5.0,
    bytes_max: int = 10_000_000,
    watched: Watched | None = None,
) -> Lane:
    """Its run ends with the loop of the test."""
    lane = Lane(
        broker,
        spool or FakeSpool(room=False),
        watched or Watched(),
        patience_s=patience_s,
        bytes_max=bytes_max,
    )
    RUNNING.add(asyncio.ensure_future(lane.run()))
    return lane


def record(number: int = 0, *, partition: int = 0, size: int = 10, topic: str = EVENTS) -> Record:
    """A record whose key belongs to `partition`, its number in the value."""
    key = next(
        key for key in (b"%d" % draw for draw in range(1000)) if partition_of(key, PARTITIONS) == partition
    )
    return Record(topic, key, b"%d" % number + b"." * size, ())


def numbers(batch: Batch) -> list[int]:
    return numbers_of([waiting.record for waiting in batch.waiting])


def numbers_of(records: Iterable[Record]) -> list[int]:
    return [int((each.value or b"").partition(b".")[0]) for each in records]


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
