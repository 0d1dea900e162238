"""A ledger written by hand, its scheduling side, and commands typed in the test's own process."""

from collections.abc import AsyncIterator, Awaitable
from typing import Protocol

import pytest

from reconciler.postgres.admin import Access
from reconciler.postgres.ledger import Postgres
from reconciler.sweep.ledger import SweepLedger, sweep_ledger
from tests.integration.reconciler.conftest import address
from tests.integration.reconciler.desk import Desk
from tests.support.database import Database
from tests.support.program import Finished
from tests.support.typed import Typist


class Typed(Protocol):
    def __call__(self, command: str, *words: str, code: int = 0, **env: str) -> Awaitable[Finished]:
        """Runs a command of the product and expects its exit code; `env` changes settings."""
        ...


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    ledger = Postgres(address(database))
    try:
        yield Desk(ledger)
    finally:
        await ledger.close()


@pytest.fixture
async def shelf(database: Database) -> AsyncIterator[SweepLedger]:
    async with sweep_ledger(access(database)) as ledger:
        yield ledger


def access(database: Database) -> Access:
    return Access(database.writer_dsn, "PROFILE_POSTGRES_DSN")


@pytest.fixture
def typed(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Typed:
    typist = Typist(monkeypatch, capsys)

    async def run(command: str, *words: str, code: int = 0, **env: str) -> Finished:
        done = await typist.type(command, *words, environment={**environment, **env})
        assert done.exit_code == code, done.stderr or done.stdout
        return done

    return run
