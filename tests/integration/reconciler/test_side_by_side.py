"""Two reconcilers at once: callbacks of one operation can reach both, through different partitions."""

import asyncio
from random import Random

import pytest

from reconciler.core.batch import Place
from reconciler.postgres.ledger import Postgres
from tests.integration.reconciler.conftest import address
from tests.integration.reconciler.desk import Consumed, Desk
from tests.integration.reconciler.rows import folded, rows_of
from tests.integration.reconciler.said import TOPICS, random_records
from tests.support.database import Database


@pytest.mark.parametrize("seed", range(10))
async def test_two_at_once_write_what_one_would(seed: int, database: Database) -> None:
    """No deadlock either: an error of any kind would end the test."""
    rng = Random(seed)
    records = random_records(rng, 60)
    records += rng.choices(records, k=30)
    rng.shuffle(records)
    ledgers = [Postgres(address(database)) for _ in range(3)]
    desks = [Desk(ledger) for ledger in ledgers]
    parts = [records[number :: len(desks)] for number in range(len(desks))]
    given = [
        [desk.consumed(record, partition) for record in part]
        for partition, (desk, part) in enumerate(zip(desks, parts, strict=True))
    ]
    await ledgers[0].positions([Place(TOPICS.events, partition) for partition in range(len(desks))])
    await asyncio.gather(
        *(_in_batches(desk, part, size) for desk, part, size in zip(desks, given, (7, 5, 3), strict=True))
    )
    for ledger in ledgers:
        await ledger.close()
    assert await rows_of(database) == folded(consumed for part in given for consumed in part)


async def _in_batches(desk: Desk, consumed: list[Consumed], size: int) -> None:
    for first in range(0, len(consumed), size):
        await desk.apply(desk.batch(consumed[first : first + size]))
