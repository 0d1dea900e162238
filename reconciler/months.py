"""The audit log's months, made ahead by the reconciler itself: nobody has to remember them."""

import asyncio

from reconciler.postgres.admin import Access, DatabaseError, session
from reconciler.queries import query
from schemas.logline import Log

MONTHS_AHEAD = 3
MAKE_WITHIN_S = 300.0
PAUSE_S = 6 * 3600.0
PAUSE_AFTER_FAILURE_S = 60.0


async def ensure_months(access: Access) -> int:
    """Gives back how many were made now."""
    async with session(access, "profile-reconciler months", within_s=MAKE_WITHIN_S) as connection:
        made: int = await connection.fetchval(query("ensure_partitions"), MONTHS_AHEAD)
    return made


async def keep_months(access: Access, log: Log) -> None:
    """For ever. Until a month is made, the default partition takes its rows: late is harmless, never not."""
    while True:
        try:
            await ensure_months(access)
        except DatabaseError as error:
            log.emit("months_waiting", level="warning", reason=str(error), retry_in_s=PAUSE_AFTER_FAILURE_S)
            await asyncio.sleep(PAUSE_AFTER_FAILURE_S)
        else:
            await asyncio.sleep(PAUSE_S)
