"""A database to write to, and partitions without a Kafka: records with offsets, given in batches."""

from collections.abc import AsyncIterator

import pytest

from reconciler.postgres.ledger import Address, Postgres
from tests.integration.reconciler.desk import Desk
from tests.support.database import Database


def address(database: Database) -> Address:
    return Address(database.writer_dsn, password=None, idle_limit_s=20)


@pytest.fixture
async def postgres(database: Database) -> AsyncIterator[Postgres]:
    ledger = Postgres(address(database))
    try:
        yield ledger
    finally:
        await ledger.close()


@pytest.fixture
async def desk(postgres: Postgres) -> Desk:
    return Desk(postgres)
