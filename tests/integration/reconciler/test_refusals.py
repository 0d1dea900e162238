"""While the event at fault is looked for, other things go wrong: nobody else may be found guilty."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import uvloop

from deploy.local.stack import Stack
from reconciler.core.batch import Batch
from reconciler.core.plan import Counted
from reconciler.faults import RefusedError
from reconciler.postgres.ledger import Decide, Postgres
from schemas.topics import Topics
from tests.integration.reconciler.consuming import Running, applied, produce, running
from tests.integration.reconciler.outage import Way, way_to
from tests.integration.reconciler.said import EIDS, callback
from tests.integration.reconciler.test_consume import under
from tests.support.database import Database
from tests.support.polling import eventually

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

NAMES = [f"{'poison' if number == 5 else 'R'}{number}" for number in range(8)]


@asynccontextmanager
async def cut_when_refused(way: Way, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[int]]:
    """With the first refusal the database goes away. Gives the sizes of the batches that were refused."""
    refused: list[int] = []
    transact = Postgres.transact

    async def transact_then_cut(ledger: Postgres, batch: Batch, decide: Decide) -> Counted:
        try:
            return await transact(ledger, batch, decide)
        except RefusedError:
            refused.append(len(batch.items))
            if len(refused) == 1:
                await way.cut()
            raise

    with monkeypatch.context() as patch:
        patch.setattr(Postgres, "transact", transact_then_cut)
        yield refused


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_database_that_goes_away_while_a_refused_event_is_looked_for_condemns_no_other(
    factory: LoopFactory, stack: Stack, database: Database, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the programs' own loop too: what an error remembers of those before it depends on the loop."""
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(goes_away_while_looking(stack, database, topics, monkeypatch))


async def goes_away_while_looking(
    stack: Stack, database: Database, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.connect() as connection:
        await connection.execute("alter table ledger.event drop constraint event_kind_known")
        await connection.execute(
            "alter table ledger.event add constraint event_kind_known check (request_id not like 'poison%')"
        )
    await produce(
        stack.bootstrap, under(topics, [callback(request=name, eid=EIDS[0]) for name in NAMES]), partition=0
    )
    async with way_to(database.address) as way, cut_when_refused(way, monkeypatch) as refused:
        behind = replace(database, address=f"127.0.0.1:{way.own_port}")
        async with running(stack, behind, topics) as reconciler:
            await eventually(lambda: "PostgreSQL does not answer" in (reconciler.loop.waiting_for() or ""))
            await way.open()
            await applied(database, topics.events, len(NAMES))
            assert_only_one_was_found(reconciler, refused)
    async with database.connect() as connection:
        kept = await connection.fetch("select request_id from ledger.quarantine")
        assert [row["request_id"] for row in kept] == ["poison5"]
        assert await connection.fetchval("select count(*) from ledger.event") == len(NAMES) - 1


def assert_only_one_was_found(reconciler: Running, refused: list[int]) -> None:
    assert refused[-1] == 1
    assert reconciler.log.getvalue().count('"event_refused"') == 1
