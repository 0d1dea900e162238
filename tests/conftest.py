"""Fixtures for tests on real services; nothing is started for a test that asks for none of them.

stack        session   a running Kafka and PostgreSQL (`deploy.local.stack.Stack`), gone after the run.
                       PROFILE_TEST_STACK_HOME names one that runs already; that is left running.
database     function  a migrated database of the test's own (`tests.support.database.Database`)
programs     function  starts product commands as processes (`tests.support.program.Programs`)
topics       function  the product's topics under a prefix of the test's own (`schemas.topics.Topics`); they
                       exist, with three partitions each
environment  function  the settings that lead a command to this test's database and topics
"""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from schemas.topics import Topics
from tests.support.database import Database, database_from, empty_database, migrated_template
from tests.support.kafka import topics_of_a_test
from tests.support.private_stack import private_stack
from tests.support.program import Programs


def pytest_sessionstart() -> None:
    """A terminated run takes its stack down, as an interrupted one does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """One per run. Whoever stops or kills a part of it starts it again, in a `finally`."""
    with private_stack() as running:
        yield running


@pytest.fixture(scope="session")
def database_template(stack: Stack) -> str:
    return migrated_template(stack)


@pytest.fixture
def database(stack: Stack, database_template: str) -> Iterator[Database]:
    """Migrated and empty; dropped afterwards."""
    with database_from(stack, database_template) as fresh:
        yield fresh


@pytest.fixture
def unmigrated_database(stack: Stack) -> Iterator[Database]:
    """Without any schema, for tests of the migrations."""
    with empty_database(stack) as fresh:
        yield fresh


@pytest.fixture
def topics(stack: Stack) -> Iterator[Topics]:
    """Made as `topics create` makes them; deleted afterwards."""
    with topics_of_a_test(stack.bootstrap) as names:
        yield names


@pytest.fixture
def environment(stack: Stack, database: Database, topics: Topics) -> dict[str, str]:
    """Change the copy you get; `programs` starts from the same one."""
    return {
        "PROFILE_KAFKA_BOOTSTRAP": stack.bootstrap,
        "PROFILE_TOPIC_PREFIX": topics.prefix,
        "PROFILE_POSTGRES_DSN": database.writer_dsn,
        "MIGRATE_POSTGRES_DSN": database.owner_dsn,
        "AUDIT_POSTGRES_DSN": database.auditor_dsn,
    }


@pytest.fixture
def programs(environment: dict[str, str], tmp_path: Path) -> Iterator[Programs]:
    """Everything still running at the end of the test is ended."""
    running = Programs(environment, tmp_path)
    try:
        yield running
    finally:
        running.close()
