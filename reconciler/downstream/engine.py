"""`profile-downstream run`: plan what settles, and take every live target's jobs on, one engine at a time."""

import asyncio
import signal
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from reconciler.background import watch_background
from reconciler.downstream.connectors import ImiConnectJobs, OracleRiskJobs
from reconciler.downstream.exchange import Exchange
from reconciler.downstream.imiconnect import ImiConnect
from reconciler.downstream.job import Patience
from reconciler.downstream.kafka import OperationsSource, Read, operations_source
from reconciler.downstream.ledger import Ledger
from reconciler.downstream.message import read_message
from reconciler.downstream.metrics import Metrics
from reconciler.downstream.migrate import fitting_session
from reconciler.downstream.oracle_risk import OracleRisk
from reconciler.downstream.planner import Planner
from reconciler.downstream.planning import Settled
from reconciler.downstream.settings import DownstreamSettings
from reconciler.downstream.targets import Target, TargetsError
from reconciler.downstream.worker import EVERYTHING, Worker, orphans_to_unknown
from reconciler.kafka.security import security_options
from reconciler.ops import ops_server
from reconciler.together import first_to_end
from schemas.logline import Log

STANDS_BY_S: Final = 2.0
COUNTS_EVERY_S: Final = 5.0

Jobs = ImiConnectJobs | OracleRiskJobs


def _now() -> datetime:
    return datetime.now(UTC)


def connector(target: Target) -> Jobs:
    """Raises TargetsError where the CA file is none."""
    tls = None
    if target.ca_file is not None:
        try:
            tls = ssl.create_default_context(cafile=target.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise TargetsError(
                f"target {target.name}: ca_file cannot be used ({type(error).__name__}). Nothing was sent. "
                "Name a PEM file of certificates."
            ) from error
    exchange = Exchange(timeout_s=target.timeout_s, tls=tls)
    if target.kind == "imiconnect":
        return ImiConnectJobs(ImiConnect(target.base, target.secret, exchange))
    return OracleRiskJobs(OracleRisk(target.base, target.secret, exchange))


class Engine:
    """`run` until a signal, or until an error that trying again would not help."""

    def __init__(self, settings: DownstreamSettings, targets: Mapping[str, Target], log: Log) -> None:
        self._settings = settings
        self._targets = targets
        self._connectors = {name: connector(target) for name, target in targets.items()}
        self._log = log
        self._metrics = Metrics()
        self._waiting_for: str | None = "its turn"
        self._stopping = asyncio.Event()

    async def run(self, patience: Patience) -> None:
        watch_background(asyncio.get_running_loop(), self._log, self._metrics.background_error)
        listen = self._settings.ops_listen
        serving = ops_server(
            listen.host,
            listen.port,
            setting="DOWNSTREAM_OPS_LISTEN",
            waiting_for=lambda: self._waiting_for,
            exposition=self._metrics.exposition,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stopping.set)
        async with serving as (host, port), fitting_session(self._settings.access()) as session:
            self._log.emit("started", host=host, port=port)
            ledger = Ledger(session)
            if await self._turn(ledger):
                await self._lead(ledger, patience)
        self._log.emit("stopped")

    async def _turn(self, ledger: Ledger) -> bool:
        """Whether ours came before it was time to stop."""
        if await ledger.lead():
            return True
        self._log.emit("standing_by", reason="another profile-downstream is at work")
        while not await ledger.lead():
            if await self._stopped_within(STANDS_BY_S):
                return False
        return True

    async def _lead(self, ledger: Ledger, patience: Patience) -> None:
        looked_at = [name for name, target in self._targets.items() if target.can_look]
        await orphans_to_unknown(await ledger.orphaned(looked_at), ledger)
        live = [target for target in self._targets.values() if target.mode == "live"]
        for target in self._targets.values():
            self._log.emit("target", target=target.name, kind=target.kind, mode=target.mode)
        workers = [
            Worker(
                target, self._connectors[target.name], ledger, self._metrics, self._log, _now, patience
            ).run()
            for target in live
        ]
        await first_to_end(self._stopping.wait(), self._plan(ledger), self._count(ledger), *workers)

    async def _plan(self, ledger: Ledger) -> None:
        """For ever."""
        settings = self._settings
        topic = settings.topics.operations
        planner = Planner(ledger, self._targets, self._connectors, self._metrics, self._log, _now)
        bootstrap = ",".join(settings.kafka_bootstrap_servers)
        async with operations_source(bootstrap, topic, security_options(settings), self._log) as source:
            while True:
                stored = await ledger.offsets(topic)
                starts = await source.begin(stored)
                await planner.plan((), {(topic, n): (stored.get(n), at) for n, at in starts.items()})
                self._waiting_for = None
                await self._follow(source, planner, topic, dict(starts))

    async def _follow(
        self, source: OperationsSource, planner: Planner, topic: str, stands: dict[int, int]
    ) -> None:
        """Until the topic has grown."""
        while not source.has_grown(len(stands)):
            records = await source.fetch()
            if not records:
                continue
            ends = {record.partition: record.offset + 1 for record in records}
            moves = {(topic, number): (stands[number], end) for number, end in ends.items()}
            await planner.plan([one for record in records if (one := self._read(record))], moves)
            stands |= ends

    def _read(self, record: Read) -> Settled | None:
        said = read_message(record.value)
        self._metrics.read(readable=not isinstance(said, str))
        if isinstance(said, str):
            self._log.emit(
                "message_unreadable",
                level="error",
                partition=record.partition,
                offset=record.offset,
                reason=said,
            )
            return None
        return said

    async def _count(self, ledger: Ledger) -> None:
        """For ever: whether a target is stopped is for those who watch."""
        while True:
            rows = await ledger.targets()
            stopped = {name for name, row in rows.items() if row.stopped_because is not None}
            for name in self._targets:
                self._metrics.stopped(name, stopped=bool(stopped & {name, EVERYTHING}))
            await asyncio.sleep(COUNTS_EVERY_S)

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True
