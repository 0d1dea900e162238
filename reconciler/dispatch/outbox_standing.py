"""The look at the outbox for the gauges, by every reconciler, also where none of them sends.

Counting reads all that waits, so each look is followed by a pause of many times its own length.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic, time
from typing import Final

from reconciler.dispatch.metrics import DispatchMetrics, OutboxStanding
from reconciler.postgres.admin import Access, DatabaseError, session
from reconciler.queries import query

PAUSE_S: Final = 10.0
PAUSE_TIMES_LOOK: Final = 50.0
LOOK_TIMEOUT: Final = "30s"
LOOK_WITHIN_S: Final = 45.0
MICROSECONDS: Final = 1e6


async def read_outbox(access: Access) -> OutboxStanding:
    async with session(
        access, "profile-reconciler gauges", within_s=LOOK_WITHIN_S, statement_timeout=LOOK_TIMEOUT
    ) as connection:
        [(rows, oldest)] = await connection.fetch(query("outbox_standing"))
    return OutboxStanding(rows, 0.0 if oldest is None else time() - oldest / MICROSECONDS)


async def watch_outbox(read: Callable[[], Awaitable[OutboxStanding]], metrics: DispatchMetrics) -> None:
    """For ever."""
    while True:
        began = monotonic()
        try:
            metrics.outbox(await read())
        except DatabaseError:
            metrics.outbox_unknown()
        await asyncio.sleep(max(PAUSE_S, PAUSE_TIMES_LOOK * (monotonic() - began)))
