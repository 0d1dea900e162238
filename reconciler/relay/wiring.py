"""The relay of `profile-reconciler run`: settings in, one coroutine out that never ends."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from reconciler.kafka.admin import ClusterError
from reconciler.kafka.security import security_options
from reconciler.kafka.sender import Send, sender
from reconciler.relay.kafka import Line, request_source
from reconciler.relay.relay import Relayed, Result, relay
from reconciler.settings import ReconcilerSettings
from schemas.logline import Log

SETTING: Final = "RECONCILER_REQUESTS"
PAUSE_FIRST_S: Final = 1.0
PAUSE_MAX_S: Final = 30.0


class Meter(Protocol):
    def relayed(self, result: Result) -> None: ...


async def keep_relaying(settings: ReconcilerSettings, meter: Meter, log: Log) -> None:
    """For ever: where Kafka is away it begins anew, and nobody else is stopped by that."""
    if not settings.requests:
        log.emit("requests_off", setting=SETTING)
        await asyncio.Event().wait()
    bootstrap, security = ",".join(settings.kafka_bootstrap_servers), security_options(settings)
    line = Line(bootstrap, f"{settings.group}-requests", settings.topics.requests, security)
    pause_s = PAUSE_FIRST_S
    while True:
        try:
            async with request_source(line) as source, sender(bootstrap, security) as send:

                async def take(found: Sequence[Relayed], send: Send = send) -> None:
                    nonlocal pause_s
                    await _sent(found, send)
                    pause_s = PAUSE_FIRST_S
                    _told(found, meter, log)

                await relay(source, settings.topics, take)
        except ClusterError as error:
            log.emit("requests_stopped", level="warning", reason=str(error), retry_in_s=pause_s)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, PAUSE_MAX_S)


async def _sent(found: Sequence[Relayed], send: Send) -> None:
    """All are waited for, so that none is on its way when the producer goes."""
    done = await asyncio.gather(*(send(one.record) for one in found), return_exceptions=True)
    for result in done:
        if isinstance(result, BaseException):
            raise result


def _told(found: Sequence[Relayed], meter: Meter, log: Log) -> None:
    for one in found:
        meter.relayed(one.result)
        if one.result == "quarantined":
            log.emit("request_quarantined", level="warning", reason=one.reason, error=one.detail)
    taken = sum(one.result == "relayed" for one in found)
    if taken:
        log.emit("requests_relayed", count=taken)
