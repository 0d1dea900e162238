"""Fail-over of PostgreSQL, with a real stand-by: waited for while it is one, used when it is none."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from deploy.local.stack import Stack
from schemas.topics import Topics
from tests.integration.reconciler.consuming import applied, produce, running, stored_offsets
from tests.integration.reconciler.outage import way_to
from tests.integration.reconciler.rows import rows_of
from tests.integration.reconciler.said import EIDS, callback
from tests.integration.reconciler.standby import Standby, standby_of
from tests.integration.reconciler.test_consume import under
from tests.support.database import Database
from tests.support.polling import eventually


@pytest.fixture
def standby(database: Database) -> Iterator[Standby]:
    with standby_of(database) as copy:
        yield copy


async def say(stack: Stack, topics: Topics, *names: str) -> None:
    records = under(topics, [callback(request=name, eid=EIDS[0]) for name in names])
    await produce(stack.bootstrap, records, partition=0)


async def test_a_standby_is_waited_for_until_it_is_the_primary(
    stack: Stack, standby: Standby, topics: Topics
) -> None:
    """As where one address leads to whichever of the two is up."""
    await standby.follows()
    await say(stack, topics, "R1", "R2")
    async with running(stack, standby.database, topics) as reconciler:
        await eventually(lambda: "standby now (25006)" in (reconciler.loop.waiting_for() or ""))
        await standby.promote()
        await applied(standby.database, topics.events, 2)
        assert reconciler.loop.waiting_for() is None
        assert reconciler.meter.total() == 2


async def test_after_a_fail_over_it_goes_on_at_the_new_primary_also_when_the_old_one_is_back(
    stack: Stack, standby: Standby, topics: Topics
) -> None:
    """The old one comes back read-only, and first in the list."""
    old = standby.primary
    async with way_to(old.address) as way:
        both = replace(
            old,
            address=f"127.0.0.1:{way.own_port},{standby.database.address}",
            name=f"{old.name}?target_session_attrs=read-write",
        )
        async with running(stack, both, topics) as reconciler:
            await say(stack, topics, "R1", "R2")
            await applied(old, topics.events, 2)
            await standby.follows()
            await way.cut()
            await standby.promote()
            async with old.connect() as connection:
                await connection.execute(
                    f'alter database "{old.name}" set default_transaction_read_only = on'
                )
            await way.open()
            await say(stack, topics, "R3", "R4", "R5")
            await applied(standby.database, topics.events, 5)
            assert reconciler.meter.total() == 5
    assert await stored_offsets(old, topics.events) == 2
    assert len((await rows_of(standby.database))["delivery"]) == 5
