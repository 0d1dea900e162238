"""H, and C from outside: the same records in another order, some twice, give the same rows.

A second reconciler, which no fault disturbs, reads a shuffled copy of the topic into a second database; what
it says of operations and profiles must be what the first one says, times of recording and versions aside.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import AsyncExitStack

from deploy.local.ports import HOST, free_ports
from tests.faults import topic
from tests.faults.invariants import Found
from tests.faults.refusal import refuse_strangers
from tests.faults.scene import Scene
from tests.faults.settled import applied
from tests.support.database import Database, database_from, migrated_template
from tests.support.kafka import TopicRecord, topics_of_a_test

TWICE = 0.1
APPLIED_WITHIN_S = 240.0
APPLIED_EACH_S = 0.005
DIFFERENCES_TOLD_MAX = 5

OPERATIONS = """
    select (to_jsonb(operation) - array['version', 'polls', 'next_poll_at', 'overdue', 'abandoned',
            'last_poll_at', 'due_reason'])::text
    from audit.operations as operation
"""
PROFILES = "select (to_jsonb(profile) - array['version', 'profile_id'])::text from audit.profiles as profile"


async def same_in_any_order(scene: Scene, records: Sequence[TopicRecord], rng: random.Random) -> list[Found]:
    """Leaves nothing behind."""
    shuffled = [*records, *rng.sample(records, int(len(records) * TWICE))]
    rng.shuffle(shuffled)
    stack = scene.stack
    async with AsyncExitStack() as opened:
        topics = opened.enter_context(topics_of_a_test(stack.bootstrap))
        database = opened.enter_context(database_from(stack, migrated_template(stack)))
        if scene.refuses_strangers:
            await refuse_strangers(database)
        await topic.write_again(stack.bootstrap, shuffled, onto=topics.events)
        ops = f"{HOST}:{free_ports(1)[0]}"
        program = await scene.programs.start(
            "profile-reconciler",
            "run",
            env={
                "PROFILE_TOPIC_PREFIX": topics.prefix,
                "PROFILE_POSTGRES_DSN": database.writer_dsn,
                "RECONCILER_GROUP": f"{topics.prefix}group",
                "RECONCILER_OPS_LISTEN": ops,
            },
            ready=f"http://{ops}/readyz",
        )
        within_s = APPLIED_WITHIN_S + APPLIED_EACH_S * len(shuffled)
        await applied(stack.bootstrap, [topics.events], database, within_s=within_s)
        await program.stop()
        return await _differences(scene.database, database)


async def _differences(first: Database, second: Database) -> list[Found]:
    found = []
    for name, query in (("operation", OPERATIONS), ("profile", PROFILES)):
        one, other = await _rows(first, query), await _rows(second, query)
        found += [f"only in the ledger: {name} {row}" for row in sorted(one - other)]
        found += [f"only in the second ledger: {name} {row}" for row in sorted(other - one)]
    return [Found("C/H", text) for text in found[:DIFFERENCES_TOLD_MAX]]


async def _rows(database: Database, query: str) -> set[str]:
    async with database.connect() as connection:
        return {row[0] for row in await connection.fetch(query)}
