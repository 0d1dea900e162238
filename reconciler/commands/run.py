"""`profile-reconciler run`"""

import asyncio
import gc
import signal
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from reconciler.access import writer_access
from reconciler.background import watch_background
from reconciler.decode import decoder
from reconciler.dispatch.outbox_standing import read_outbox, watch_outbox
from reconciler.dispatch.wiring import keep_dispatching
from reconciler.kafka.security import security_options
from reconciler.kafka.source import SESSION_TIMEOUT_S, KafkaSource, Membership
from reconciler.listeners.wiring import keep_watching_listeners
from reconciler.loop import Loop
from reconciler.metrics import Metrics
from reconciler.months import keep_months
from reconciler.ops import ops_server
from reconciler.postgres.admin import Access, fitting_session
from reconciler.postgres.ledger import Address, Postgres
from reconciler.program import DONE, Command
from reconciler.relay.wiring import keep_relaying
from reconciler.settings import ReconcilerSettings
from reconciler.standing import read_standing, watch_standing
from reconciler.sweep.wiring import keep_sweeping
from reconciler.thingspace.wiring import open_thingspace, reload_accounts
from reconciler.together import first_to_end
from schemas.logline import Log
from schemas.settings import load

LAG_EVERY_S = 2.0
GC_THRESHOLDS = (50_000, 20, 100)
"""A batch makes objects by the ten thousand and drops them as one; looking for cycles among them is waste."""
IDLE_LIMIT_S = SESSION_TIMEOUT_S * 2 / 3
"""A frozen reconciler loses its rows before another one gets its partitions."""


def add_arguments(_: ArgumentParser) -> None:
    """Everything is a setting."""


async def run(_: Namespace) -> int:
    settings = load(ReconcilerSettings)
    access = writer_access(settings)
    async with fitting_session(access, "profile-reconciler run"):
        pass  # a wrong address or version is said at once, by a sentence, not by waiting
    log, metrics = Log("profile-reconciler"), Metrics()
    watch_background(asyncio.get_running_loop(), log, metrics.background_error)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    async with (
        open_thingspace(settings, log, metrics.thingspace) as thingspace,
        _parts(settings, access, metrics, log) as (source, loop),
    ):
        serving = ops_server(
            settings.ops_listen.host,
            settings.ops_listen.port,
            waiting_for=loop.waiting_for,
            exposition=metrics.exposition,
            remarks=loop.remarks,
        )
        async with serving as (host, port):
            log.emit("started", host=host, port=port, group=settings.group, topic=settings.topics.events)
            _stop_on_signals(loop)
            asyncio.get_running_loop().add_signal_handler(
                signal.SIGHUP, reload_accounts, settings, thingspace, log
            )
            await first_to_end(
                loop.run(),
                source.watch(metrics, log),
                _keep_lag(source, metrics),
                watch_standing(partial(read_standing, access), metrics),
                keep_months(access, log),
                watch_outbox(partial(read_outbox, access), metrics.dispatch),
                keep_dispatching(settings, access, metrics.dispatch, log),
                keep_sweeping(settings, access, thingspace, metrics.sweep, log),
                keep_relaying(settings, metrics.relay, log),
                keep_watching_listeners(settings, access, thingspace, metrics.thingspace, log),
            )
    log.emit("stopped")
    return DONE


@asynccontextmanager
async def _parts(
    settings: ReconcilerSettings, access: Access, metrics: Metrics, log: Log
) -> AsyncIterator[tuple[KafkaSource, Loop]]:
    decode = decoder(settings.topics)
    membership = Membership(
        bootstrap=",".join(settings.kafka_bootstrap_servers),
        group=settings.group,
        topics=(settings.topics.events, settings.topics.quarantine),
        security=security_options(settings),
        batch_records_max=settings.batch_events_max,
    )
    source = KafkaSource(membership, decode)
    ledger = Postgres(Address(access.dsn, access.password, IDLE_LIMIT_S), settings.sweep_schedule)
    await source.start()
    try:
        yield source, Loop(source, ledger, decode, metrics, log)
    finally:
        await source.stop()
        await ledger.close()


async def _keep_lag(source: KafkaSource, metrics: Metrics) -> None:
    """For ever: the loop tells it after each batch, but the lag grows when there is no batch."""
    while True:
        lag = source.lag()
        metrics.lag(lag.records, lag.seconds)
        await asyncio.sleep(LAG_EVERY_S)


def _stop_on_signals(loop: Loop) -> None:
    """The first signal ends the process in order."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, loop.stop)


COMMAND = Command("run", "apply what Kafka brings, until a signal ends it", add_arguments, run)
