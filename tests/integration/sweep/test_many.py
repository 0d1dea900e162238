"""With a hundred thousand open operations what is due is found by index, however much of it is due."""

import json
from datetime import timedelta

from reconciler.postgres.ledger import SESSION
from reconciler.queries import query
from tests.integration.reconciler.said import ACCOUNT
from tests.support.database import WRITER, Database

APART = timedelta(seconds=30)
BLOCKS_MAX = 500
"""Of eight kilobytes; the tables have some five thousand."""

OPERATIONS = """
insert into ledger.operation (
  operation_id, account, request_id, eid, device, iccid_target, action, state, final, facts, first_seen_at,
  ordered_at, target_known, needs_target, success_iccids, confirmed, due_reasons, version
)
select
  gen_random_uuid(), case when n % 2 = 0 then '0252012345-00001' else 'other' end, 'R' || n, 'E' || n,
  'E' || n, 'X', 'enable', 'submitted', false, '{submitted}', now() - n * interval '1 second',
  now(), true, false, '{}', false, '{}', 1
from generate_series(1, 100000) as n;
"""
LOOKS = """
insert into ledger.poll (operation_id, account, polls, next_poll_at, due_reason)
select
  operation_id, account, 3, first_seen_at + interval '10 hours', case when random() < 0.01 then 'unclear' end
from ledger.operation;
"""


QUESTIONS: tuple[tuple[str, tuple[object, ...]], ...] = (
    ("sweep_lease", (ACCOUNT, 8, APART, APART, 1000)),
    ("sweep_accounts", ()),
    ("sweep_intents_alone", (APART, 200)),
    ("sweep_intents_twins", (APART, 200, APART)),
    ("sweep_intents_unsaid", (APART, 200)),
    ("audit_overdue", (None, None, None, 100)),
)


async def test_a_few_blocks_are_enough(database: Database) -> None:
    """Also without statistics, as right after a restore."""
    async with database.connect() as owner:
        await owner.execute(OPERATIONS)
        await owner.execute(LOOKS)
        for name, arguments in QUESTIONS:
            assert await blocks_read(database, name, arguments) < BLOCKS_MAX, name
        await owner.execute("analyze ledger.operation")
        await owner.execute("analyze ledger.poll")
    for name, arguments in QUESTIONS:
        assert await blocks_read(database, name, arguments) < BLOCKS_MAX, name


async def blocks_read(database: Database, name: str, arguments: tuple[object, ...]) -> int:
    """With the settings of the session that asks it."""
    async with database.connect(WRITER) as connection, connection.transaction():
        for setting, value in SESSION.items() if name.startswith("sweep_") else ():
            await connection.execute("select set_config($1, $2, true)", setting, value)
        asked = "explain (analyze, buffers, format json) " + query(name)
        (top,) = json.loads(await connection.fetchval(asked, *arguments))
    assert "Seq Scan" not in json.dumps(top), json.dumps(top, indent=1)
    plan = top["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
