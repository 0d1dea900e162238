"""A ledger to write to without a consumer: what it writes waits in the outbox."""

from collections.abc import AsyncIterator

import pytest

from reconciler.postgres.ledger import Postgres
from tests.integration.reconciler.conftest import address
from tests.integration.reconciler.desk import Desk
from tests.support.database import Database
from tests.support.typed import Typist


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    ledger = Postgres(address(database))
    try:
        yield Desk(ledger)
    finally:
        await ledger.close()


@pytest.fixture
def typist(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typist:
    return Typist(monkeypatch, capsys)
