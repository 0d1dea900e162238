"""The running receiver: from its parts to a listening program, and back down without a failed request."""

import asyncio
import gc
import signal
import socket
from collections.abc import Callable, Sequence

from receiver.configuration import Configuration
from receiver.descriptors import connections_within, remedy_for
from receiver.door import Door, Places
from receiver.handlers import Callbacks
from receiver.kafka import KafkaBroker
from receiver.lane import Lane
from receiver.metrics import Metrics
from receiver.ops import ops_server
from receiver.peers import Peers
from receiver.spool.disk_queue import Spool
from schemas.logline import Log
from schemas.setting_types import Address
from schemas.settings import SettingsError

PER_STRANGER_MAX = 64
IDLE_S = 1.0
BUSY_S = 3.0
LANE_S = 1.0
SPOOL_S = 2.0
"""These bound a stop, with the producer's own few seconds, to ten."""
GC_THRESHOLDS = (50_000, 20, 100)


class ListenError(Exception):
    """An address that cannot be listened on; the text says what to do."""


class App:
    """Runs once. Everything in it was made by the caller, in the running loop."""

    def __init__(
        self,
        *,
        broker: KafkaBroker,
        lane: Lane,
        spool: Spool,
        peers: Peers,
        callbacks: Callbacks,
        places: Places,
        door: Door,
        ops_listeners: Sequence[socket.socket],
        metrics: Metrics,
        log: Log,
        read_configuration: Callable[[], Configuration],
    ) -> None:
        self._broker = broker
        self._lane = lane
        self._spool = spool
        self._peers = peers
        self._callbacks = callbacks
        self._places = places
        self._door = door
        self._ops_listeners = ops_listeners
        self._metrics = metrics
        self._log = log
        self._read_configuration = read_configuration
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Until SIGTERM or SIGINT. An error that nobody foresaw comes out of here."""
        self._obey_signals()
        working = (
            asyncio.ensure_future(self._broker.run(self._lane.broker_changed)),
            asyncio.ensure_future(self._lane.run()),
        )
        try:
            async with ops_server(self._ops_listeners, metrics=self._metrics, can_store=self._can_store):
                self._door.open()
                self._log.emit("listening", address=addresses(self._door.listeners))
                self._log.emit("ops_listening", address=addresses(self._ops_listeners))
                _spare_the_collector()
                await self._until_stopped((*working, self._spool.ended))
                await self._drain()
        finally:
            for task in working:
                task.cancel()
            await asyncio.wait(working)
            await self._spool.close(SPOOL_S)
        self._log.emit("stopped")

    def _can_store(self) -> bool:
        return not self._stopping.is_set() and self._lane.can_store()

    def _obey_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self.reload)

    async def _until_stopped(self, working: "Sequence[asyncio.Future[None]]") -> None:
        """None of them ends by itself, but by an error that nobody foresaw."""
        stopping = asyncio.ensure_future(self._asked_to_stop())
        await asyncio.wait((stopping, *working), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        for each in working:
            if each.done():
                each.result()

    async def _asked_to_stop(self) -> None:
        await self._stopping.wait()

    async def _drain(self) -> None:
        self._log.emit("stopping", requests=self._places.taken)
        await self._door.close(idle_s=IDLE_S, busy_s=BUSY_S)
        await self._lane.stop(LANE_S)

    def reload(self) -> None:
        """Takes the new accounts, lists, limits and certificate, or, where anything is wrong, none of them.

        What is being answered goes on as it began; addresses and Kafka need a restart.
        """
        try:
            new = self._read_configuration()
        except SettingsError as error:
            self._metrics.reloaded("refused")
            for fault in error.faults:
                self._log.emit("reload_refused", level="error", fault=fault)
            return
        self._log.conceal(new.policy.secrets)
        self._callbacks.adopt(new.policy)
        self._peers.adopt(new.policy.sources)
        self._places.connections_max = room_for(new.settings.connections_max, self._log)
        self._door.use(new.tls, head_timeout_s=new.settings.header_timeout_s)
        self._metrics.reloaded("done")
        self._log.emit("reloaded", count=len(new.policy.accounts.by_name))


def room_for(connections: int, log: Log) -> int:
    """How many of them there can be."""
    granted = connections_within(connections)
    if granted < connections:
        log.emit(
            "connections_limited",
            level="warning",
            setting="RECEIVER_CONNECTIONS_MAX",
            limit=granted,
            remedy=remedy_for(connections),
        )
    return granted


def listen(address: Address, setting: str) -> list[socket.socket]:
    """Bound, not yet listening, on every address that the host's name has. Raises ListenError."""
    listeners: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, kind, protocol, _, place in dict.fromkeys(found):
            listener = socket.socket(family, kind, protocol)
            listeners.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(place)
    except OSError as error:
        for listener in listeners:
            listener.close()
        raise ListenError(
            f"{setting}: {address} cannot be listened on ({error.strerror}); "
            "stop what uses the address, or choose another"
        ) from error
    return listeners


def addresses(listeners: Sequence[socket.socket]) -> str:
    return ", ".join(str(Address(*listener.getsockname()[:2])) for listener in listeners)


def _spare_the_collector() -> None:
    """What lives now lives for ever; what a request makes is gone with it, without cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
