"""The listener watch of `profile-reconciler run`: settings in, one coroutine out that never ends."""

import asyncio

from reconciler.listeners.ledger import LastCallbacks
from reconciler.listeners.watch import Watch
from reconciler.metrics_thingspace import ThingSpaceMetrics
from reconciler.postgres.admin import Access
from reconciler.settings import ReconcilerSettings
from reconciler.thingspace.client import ThingSpace
from schemas.logline import Log


async def keep_watching_listeners(
    settings: ReconcilerSettings,
    access: Access,
    thingspace: ThingSpace | None,
    metrics: ThingSpaceMetrics,
    log: Log,
) -> None:
    """Where it is switched off, or no account is configured (which was said), nothing is watched."""
    if not settings.listener_watch:
        log.emit("listener_watch_off", setting="RECONCILER_LISTENER_WATCH")
    if not settings.listener_watch or thingspace is None:
        await asyncio.Event().wait()
        return
    watch = Watch(thingspace, LastCallbacks(access), metrics, log, settings.callback_silence)
    await watch.run(settings.listener_watch_every)
