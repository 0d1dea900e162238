"""The dispatch of `profile-reconciler run`: settings in, one coroutine out that never ends."""

import asyncio
from functools import partial

from reconciler.dispatch.dispatch import Dispatch
from reconciler.dispatch.kafka import Line, sender
from reconciler.dispatch.metrics import DispatchMetrics
from reconciler.dispatch.postgres import outbox_session
from reconciler.kafka.security import security_options
from reconciler.postgres.admin import Access
from reconciler.settings import ReconcilerSettings
from schemas.logline import Log


def transactional_id(settings: ReconcilerSettings) -> str:
    """One for all who send to these topics, in whatever group: Kafka refuses all but the last that came."""
    return f"{settings.topics.prefix}profile-dispatch"


async def keep_dispatching(
    settings: ReconcilerSettings, access: Access, metrics: DispatchMetrics, log: Log
) -> None:
    """Where it is switched off, rows are written all the same, and wait for a reconciler that sends."""
    if not settings.dispatch:
        log.emit("dispatch_off")
        await asyncio.Event().wait()
    line = Line(
        bootstrap=",".join(settings.kafka_bootstrap_servers),
        transactional_id=transactional_id(settings),
        topics=(settings.topics.operations, settings.topics.state),
        security=security_options(settings),
    )
    outboxes, senders = partial(outbox_session, access), partial(sender, line)
    await Dispatch(outboxes, senders, settings.topics, metrics, log).run()
