"""A sweep on its real parts, for one command or for as long as `run` runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from reconciler.kafka.admin import ClusterError
from reconciler.kafka.security import security_options
from reconciler.kafka.sender import sender
from reconciler.postgres.admin import Access, DatabaseError
from reconciler.settings import ReconcilerSettings
from reconciler.sweep.ledger import sweep_ledger
from reconciler.sweep.sweep import Meter, Sweep, Terms, ThingSpace, UnsaidError
from schemas.event import PollEvent, RequestEvent
from schemas.logline import Log
from schemas.record import record_of

PAUSE_FIRST_S: Final = 1.0
PAUSE_MAX_S: Final = 30.0


@asynccontextmanager
async def open_sweep(
    settings: ReconcilerSettings, access: Access, thingspace: ThingSpace | None, meter: Meter, log: Log
) -> AsyncIterator[Sweep]:
    """Raises `DatabaseError` and `ClusterError`, at the start and inside the block `UnsaidError`."""
    bootstrap = ",".join(settings.kafka_bootstrap_servers)
    terms = Terms(settings.sweep_polls_per_minute, settings.sweep_schedule, settings.sweep_intent_deadline)
    async with sweep_ledger(access) as ledger, sender(bootstrap, security_options(settings)) as send:

        async def say(event: PollEvent | RequestEvent) -> None:
            try:
                await send(record_of(settings.topics, event))
            except ClusterError as error:
                raise UnsaidError(str(error)) from error

        yield Sweep(ledger, thingspace, say, meter, log, terms)


async def keep_sweeping(
    settings: ReconcilerSettings, access: Access, thingspace: ThingSpace | None, meter: Meter, log: Log
) -> None:
    """For ever: whatever it needs may be away, and it begins anew. Nobody else is stopped by that."""
    if not settings.sweep:
        log.emit("sweep_off", setting="RECONCILER_SWEEP")
        await asyncio.Event().wait()
    pause_s = PAUSE_FIRST_S
    while True:
        try:
            async with open_sweep(settings, access, thingspace, meter, log) as sweep:
                pause_s = PAUSE_FIRST_S
                await sweep.run()
        except (DatabaseError, ClusterError, UnsaidError) as error:
            log.emit("sweep_stopped", level="warning", reason=str(error), retry_in_s=pause_s)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, PAUSE_MAX_S)
