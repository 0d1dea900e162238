"""One small ledger, written once by a real reconciler; tests that only read share it, others get a copy."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.local.apart import apart
from deploy.local.stack import Stack
from schemas.topics import Topics
from tests.integration.audit.speech import all_applied, announced, called_back, said
from tests.support.database import Database, database_from
from tests.support.kafka import topics_of_a_test
from tests.support.program import Programs
from tests.support.typed import Typist

LONG_AGO = datetime.now(UTC) - timedelta(days=40)


@dataclass(frozen=True, slots=True)
class Ledger:
    """A delete that succeeded, told in two copies; a warning of another; an old one without answer."""

    database: Database
    topics: Topics
    programs: Programs


@pytest.fixture(scope="session")
def ledger(
    stack: Stack, database_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ledger]:
    """Nobody writes to it any more; whoever wants to takes `own_ledger`."""
    with database_from(stack, database_template) as database, topics_of_a_test(stack.bootstrap) as topics:
        programs = Programs(_environment(stack, database, topics), tmp_path_factory.mktemp("ledger"))
        try:
            apart(_written(stack, database, topics, programs))
            yield Ledger(database, topics, programs)
        finally:
            programs.close()


async def _written(stack: Stack, database: Database, topics: Topics, programs: Programs) -> None:
    records = [
        announced(topics, "r-settled"),
        called_back(topics, "r-settled"),
        called_back(topics, "r-settled", attempt=2),
        called_back(topics, "r-warned", "Warning"),
        announced(topics, "r-old", at=LONG_AGO),
    ]
    reconciler = await programs.start(
        "profile-reconciler", "run", env={"RECONCILER_OPS_LISTEN": "127.0.0.1:0"}
    )
    await said(stack.bootstrap, records)
    await all_applied(database, len(records))
    assert await reconciler.stop() == 0


@pytest.fixture
def own_ledger(stack: Stack, ledger: Ledger, tmp_path: Path) -> Iterator[Ledger]:
    """A copy that the test may spoil."""
    with database_from(stack, ledger.database.name) as database:
        programs = Programs(_environment(stack, database, ledger.topics), tmp_path)
        try:
            yield Ledger(database, ledger.topics, programs)
        finally:
            programs.close()


@pytest.fixture
def typist(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typist:
    """For commands whose being a process is not what is tested."""
    return Typist(monkeypatch, capsys)


def _environment(stack: Stack, database: Database, topics: Topics) -> dict[str, str]:
    return {
        "PROFILE_KAFKA_BOOTSTRAP": stack.bootstrap,
        "PROFILE_TOPIC_PREFIX": topics.prefix,
        "PROFILE_POSTGRES_DSN": database.writer_dsn,
        "AUDIT_POSTGRES_DSN": database.auditor_dsn,
    }
