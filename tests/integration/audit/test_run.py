"""`profile-reconciler run` from start to stop, and every way it may not start: a message, an exit code."""

import socket
import urllib.request

import pytest

from deploy.local.stack import Stack
from reconciler.core.plan import COPY_OUTCOME
from reconciler.metrics import Metrics, Standing
from reconciler.months import ensure_months
from reconciler.postgres.admin import Access
from reconciler.standing import read_standing
from schemas.topics import Topics
from tests.integration.audit.conftest import Ledger
from tests.integration.audit.speech import all_applied, announced, called_back, said
from tests.support.database import Database
from tests.support.polling import eventually
from tests.support.program import Finished, Programs
from tests.support.typed import Typist


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def metrics_of(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
        text: str = answer.read().decode()
    return text


async def test_it_applies_what_comes_shows_its_metrics_and_stops_in_order(
    stack: Stack, database: Database, topics: Topics, programs: Programs
) -> None:
    address = free_address()
    reconciler = await programs.start(
        "profile-reconciler",
        "run",
        env={"RECONCILER_OPS_LISTEN": address},
        ready=f"http://{address}/readyz",
    )
    await said(stack.bootstrap, [announced(topics, "r"), called_back(topics, "r"), called_back(topics, "r")])
    await all_applied(database, 3)
    counted = f'reconciler_events_total{{kind="callback",outcome="{COPY_OUTCOME}"}} 1.0'
    await eventually(lambda: counted in metrics_of(address))
    assert await reconciler.stop() == 0
    assert "Traceback" not in reconciler.stderr()


async def failing(typist: Typist, ledger: Ledger, *command: str, **env: str) -> Finished:
    environment = {**ledger.programs.environment, **env}
    done = await typist.type("profile-reconciler", *command, environment=environment)
    assert done.stdout == ""
    return done


@pytest.mark.parametrize("command", ["run", "migrate", "offsets show"])
async def test_a_database_that_does_not_answer_is_exit_1(
    ledger: Ledger, typist: Typist, command: str
) -> None:
    away = "postgresql://someone:hidden@127.0.0.1:1/nowhere"
    done = await failing(
        typist, ledger, *command.split(), PROFILE_POSTGRES_DSN=away, MIGRATE_POSTGRES_DSN=away
    )
    assert done.exit_code == 1
    assert "PostgreSQL at 127.0.0.1:1, database nowhere cannot be used" in done.stderr
    assert "hidden" not in done.stderr


@pytest.mark.parametrize("command", ["run", "topics create", "topics check"])
async def test_a_broker_that_does_not_answer_is_exit_1(ledger: Ledger, typist: Typist, command: str) -> None:
    done = await failing(typist, ledger, *command.split(), PROFILE_KAFKA_BOOTSTRAP="127.0.0.1:1")
    assert done.exit_code == 1
    assert "Kafka at 127.0.0.1:1" in done.stderr


@pytest.mark.parametrize("command", ["run", "migrate", "topics check", "offsets show"])
async def test_wrong_settings_are_told_all_at_once_with_exit_2(
    ledger: Ledger, typist: Typist, command: str
) -> None:
    done = await failing(
        typist, ledger, *command.split(), PROFILE_KAFKA_BOOTSTRAP="nowhere", RECONCILER_BATCH_EVENTS_MAX="0"
    )
    assert done.exit_code == 2
    assert "PROFILE_KAFKA_BOOTSTRAP: " in done.stderr
    assert "RECONCILER_BATCH_EVENTS_MAX: " in done.stderr


async def test_an_address_in_use_is_exit_1(ledger: Ledger, typist: Typist) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = await failing(typist, ledger, "run", RECONCILER_OPS_LISTEN=address)
    assert done.exit_code == 1
    assert f"RECONCILER_OPS_LISTEN: {address} cannot be listened on" in done.stderr


async def test_a_database_without_schema_or_with_another_is_exit_1(
    unmigrated_database: Database, own_ledger: Ledger, typist: Typist
) -> None:
    none = await failing(typist, own_ledger, "run", PROFILE_POSTGRES_DSN=unmigrated_database.owner_dsn)
    assert none.exit_code == 1
    assert "profile-reconciler migrate" in none.stderr
    async with own_ledger.database.connect() as connection:
        await connection.execute(
            "insert into ledger.schema_migration select max(version) + 1, 'later', 'x', now()"
            " from ledger.schema_migration"
        )
    newer = await failing(typist, own_ledger, "run")
    assert newer.exit_code == 1
    assert "Install the release" in newer.stderr
    audit = await typist.type("profile-audit", "verify", environment=own_ledger.programs.environment)
    assert (audit.exit_code, audit.stdout) == (1, "")
    assert "Install the release" in audit.stderr


async def test_the_gauges_count_what_the_tables_hold(ledger: Ledger) -> None:
    standing = await read_standing(Access(ledger.database.writer_dsn, "PROFILE_POSTGRES_DSN"))
    assert standing == Standing(
        {"succeeded": 1, "warned": 1, "submitted": 1}, overdue=0, abandoned=1, quarantine_open=0
    )
    Metrics().standing(standing)


async def test_the_writer_may_make_the_months_ahead(database: Database) -> None:
    assert await ensure_months(Access(database.writer_dsn, "PROFILE_POSTGRES_DSN")) == 0
