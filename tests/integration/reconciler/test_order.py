"""Any order, any repetition and any split into batches of the same events gives the same rows."""

from random import Random

import pytest

from tests.integration.reconciler.desk import Desk
from tests.integration.reconciler.rows import folded, rows_of
from tests.integration.reconciler.said import random_records
from tests.support.database import Database

PARTITIONS = 3


@pytest.mark.parametrize("seed", range(30))
async def test_the_rows_are_the_fold_of_the_distinct_events(
    seed: int, database: Database, desk: Desk
) -> None:
    rng = Random(seed)
    records = random_records(rng, 25)
    records += rng.choices(records, k=15)
    rng.shuffle(records)
    consumed = [desk.consumed(record, rng.randrange(PARTITIONS)) for record in records]
    at = 0
    while at < len(consumed):
        size = rng.choice((1, 1, 2, 5, 20))
        await desk.apply(desk.batch(consumed[at : at + size]))
        at += size
    assert await rows_of(database) == folded(consumed)
