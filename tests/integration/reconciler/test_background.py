"""What aiokafka and asyncpg leave behind when nobody answers them: told by a line, and nothing is lost."""

import asyncio
import gc
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator
from io import StringIO

import asyncpg
import pytest

from deploy.local.stack import Stack
from reconciler.background import watch_background
from reconciler.core.batch import Place
from reconciler.kafka import source as kafka
from schemas.logline import Log
from schemas.topics import Topics
from tests.integration.reconciler.consuming import applied, produce, running
from tests.integration.reconciler.said import EIDS, callback
from tests.integration.reconciler.test_consume import under
from tests.support.database import Database
from tests.support.polling import eventually


class Heard:
    """What the running loop's background says from here on."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        self._stream = StringIO()
        watch_background(
            asyncio.get_running_loop(),
            Log("test", stream=self._stream),
            lambda error: self.counted.update([error]),
        )

    def told(self) -> list[dict[str, object]]:
        gc.collect()  # Python says so when it throws the task away
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]


@pytest.fixture
async def heard() -> AsyncIterator[Heard]:
    """Until the end of what the test left behind."""
    ear = Heard()
    yield ear
    ear.told()


async def test_offsets_told_to_a_broker_that_is_frozen_are_one_line_and_the_loop_goes_on(
    stack: Stack,
    database: Database,
    topics: Topics,
    heard: Heard,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """aiokafka shields the commit from who gives it up, and then nobody hears of its end."""
    caplog.set_level(logging.CRITICAL + 1, "aiokafka")  # as the programs do; kept records would keep the task
    monkeypatch.setattr(kafka, "STOP_TIMEOUT_S", 0.2)
    monkeypatch.setattr(kafka, "REQUEST_TIMEOUT_MS", 2_000)
    async with running(stack, database, topics) as reconciler:
        await produce(stack.bootstrap, under(topics, [callback(request="R1", eid=EIDS[0])]), partition=0)
        await applied(database, topics.events, 1)
        with stack.frozen("kafka"):
            await reconciler.source._tell({Place(topics.events, 0): 1})
            await eventually(heard.told, within_s=30)
        await produce(stack.bootstrap, under(topics, [callback(request="R2", eid=EIDS[0])]), partition=0)
        await applied(database, topics.events, 2)
    line = heard.told()[0]
    assert (line["event"], line["level"]) == ("background_error", "warning")
    assert line["fault"] == "Task exception was never retrieved"
    assert heard.counted[str(line["error"])] > 0
    assert "nothing is lost" in str(line["reason"])
    assert "Traceback" not in capsys.readouterr().err + caplog.text


async def test_a_query_left_behind_whose_session_the_server_ends_is_one_line(
    database: Database, heard: Heard, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    connection = await asyncpg.connect(database.writer_dsn)
    asking = asyncio.create_task(connection.fetch("select pg_sleep(30)"))
    async with database.connect() as other:

        async def asks() -> bool:
            found: int = await other.fetchval(
                "select count(*) from pg_stat_activity where datname = $1 and query like '%pg_sleep(30)'"
                " and state = 'active' and pid <> pg_backend_pid()",
                database.name,
            )
            return found > 0

        await eventually(asks)
        await other.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = $1 and pid <> pg_backend_pid()",
            database.name,
        )
    await asyncio.wait({asking})
    del asking
    await eventually(heard.told)
    (line,) = heard.told()
    assert (line["event"], line["level"]) == ("background_error", "warning")
    assert "Traceback" not in capsys.readouterr().err + caplog.text
    await connection.close()
