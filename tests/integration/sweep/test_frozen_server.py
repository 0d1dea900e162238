"""A PostgreSQL that stops answering, with its connections open, holds nobody up for ever."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from reconciler.metrics import Metrics
from reconciler.postgres.admin import DatabaseError
from reconciler.settings import ReconcilerSettings
from reconciler.sweep import ledger as sweep_side
from reconciler.sweep.wiring import keep_sweeping
from schemas.logline import Log
from schemas.settings import load
from tests.integration.sweep.conftest import access
from tests.support.database import Database
from tests.support.polling import eventually

BACKEND = (
    "select pid from pg_stat_activity where application_name = 'profile-reconciler sweep' and datname = $1"
)


@asynccontextmanager
async def frozen_backend(database: Database) -> AsyncIterator[None]:
    """The server's process that serves the sweep stands still for the length of the block."""
    async with database.connect() as connection:

        async def found() -> int | None:
            pid: int | None = await connection.fetchval(BACKEND, database.name)
            return pid

        pid = await eventually(found)
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

        async def gone() -> bool:
            return await found() is None

        await eventually(gone)


async def test_the_sweep_ends_when_it_is_told_to(
    database: Database, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = load(ReconcilerSettings)
    sweeping = asyncio.ensure_future(
        keep_sweeping(settings, access(database), None, Metrics().sweep, Log("test"))
    )
    async with frozen_backend(database):
        sweeping.cancel()
        await asyncio.wait({sweeping}, timeout=60)
        assert sweeping.done()
        assert sweeping.cancelled()


async def test_an_answer_is_not_waited_for_without_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_side, "COMMAND_TIMEOUT_S", 0.5)

    frozen = asyncio.Event()

    async def asks() -> None:
        async with sweep_side.sweep_ledger(access(database)) as ledger:
            await frozen.wait()
            await ledger.accounts()

    asking = asyncio.ensure_future(asks())
    async with frozen_backend(database):
        frozen.set()
        done, _ = await asyncio.wait({asking}, timeout=60)
        assert done
        assert isinstance(asking.exception(), DatabaseError)
