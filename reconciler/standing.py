"""The background look at the tables for the gauges: operations by state, overdue, open quarantine.

Counting reads a whole table, so each look is followed by a pause of many times its own length: however large
the table, it costs a fixed small share of the database.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from reconciler.metrics import Metrics, Standing
from reconciler.postgres.admin import Access, DatabaseError, session
from reconciler.queries import query

PAUSE_S = 15.0
PAUSE_TIMES_LOOK = 50.0
LOOK_TIMEOUT = "30s"
LOOK_WITHIN_S = 45.0


async def read_standing(access: Access) -> Standing:
    """On a session of its own, so that it never holds one that the writing needs."""
    async with session(
        access, "profile-reconciler gauges", within_s=LOOK_WITHIN_S, statement_timeout=LOOK_TIMEOUT
    ) as connection:
        rows = await connection.fetch(query("standing_operations"))
        quarantined = await connection.fetchval(query("standing_quarantine"))
    return Standing(
        operations={row["state"]: row["operations"] for row in rows},
        overdue=sum(row["overdue"] for row in rows),
        abandoned=sum(row["abandoned"] for row in rows),
        quarantine_open=quarantined,
    )


async def watch_standing(read: Callable[[], Awaitable[Standing]], metrics: Metrics) -> None:
    """For ever; while the database does not answer, the gauges say that they do not know."""
    while True:
        began = monotonic()
        try:
            metrics.standing(await read())
        except DatabaseError:
            metrics.standing_unknown()
        await asyncio.sleep(max(PAUSE_S, PAUSE_TIMES_LOOK * (monotonic() - began)))
