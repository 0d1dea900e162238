"""A rebuild tells what it put right, and says that it was a rebuild."""

from random import Random

import pytest

from deploy.local.stack import Stack
from schemas.topics import Topics
from tests.integration.commands.statements import execute
from tests.integration.dispatch.leading import dispatching
from tests.integration.reconciler.desk import Desk
from tests.integration.reconciler.said import random_records
from tests.support.database import Database
from tests.support.polling import eventually
from tests.support.told import Heard, assert_all_told, heard, nothing_waits, waiting
from tests.support.typed import Typist

SPOILED = {
    "operations lost": "delete from ledger.operation",
    "profiles lost": "delete from ledger.profile",
    "states altered": "update ledger.operation set state = 'unclear', final = false, settled_at = null",
    "profiles altered": "update ledger.profile set certainty = 'inferred', since = since - interval '1 day'",
    "devices altered": "update ledger.operation set device = 'another'",
}


@pytest.mark.parametrize("statement", SPOILED.values(), ids=SPOILED)
async def test_what_a_rebuild_puts_right_is_told_as_such(
    statement: str,
    stack: Stack,
    database: Database,
    topics: Topics,
    desk: Desk,
    typist: Typist,
    environment: dict[str, str],
) -> None:
    await desk.put(*random_records(Random(4), 60))
    async with dispatching(stack, database, topics):
        await eventually(lambda: nothing_waits(database))
        before = [await heard(stack.bootstrap, topic) for topic in (topics.operations, topics.state)]
        await execute(database, statement)
        done = await typist.type("profile-reconciler", "rebuild", environment=environment)
        assert done.exit_code == 0, done.stderr
        await eventually(lambda: nothing_waits(database))
    await assert_all_told(stack.bootstrap, topics, database)
    after = [await heard(stack.bootstrap, topic) for topic in (topics.operations, topics.state)]
    assert {record.cause for records in before for record in records} == {"event"}
    said = [record for now, then in zip(after, before, strict=True) for record in new(now, then)]
    assert said
    assert {record.cause for record in said} == {"rebuild"}
    assert {record.value["cause"] for record in said if record.value is not None} == {"rebuild"}


def new(now: list[Heard], then: list[Heard]) -> list[Heard]:
    return [record for record in now if record not in then]


async def test_a_check_tells_nothing(
    database: Database, desk: Desk, typist: Typist, environment: dict[str, str]
) -> None:
    await desk.put(*random_records(Random(5), 30))
    await execute(database, "delete from ledger.outbox")
    await execute(database, "update ledger.operation set device = 'another'")
    done = await typist.type("profile-reconciler", "rebuild", "--check", environment=environment)
    assert done.exit_code == 1
    assert await waiting(database) == 0
