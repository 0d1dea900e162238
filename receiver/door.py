"""Accepting connections, as many as there is room for.

The limits hold at accept, before a byte is read and before a TLS handshake: so many in all, so many for a
peer that is not on the list, and one half for peers that are, so that no crowd of strangers keeps ThingSpace
out.
"""

import asyncio
import errno
import socket
import ssl
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from aiohttp import web

from receiver.answers import Renderer
from receiver.connection import Connection, Endpoint
from receiver.heads import Heads
from receiver.last_call import take_nobody_new
from receiver.sources import Peer

BACKLOG = 1024
ACCEPTS_AT_ONCE = 64
HANDSHAKE_S = 0.1
"""How long a connection that is just being made may still take when the door closes."""
REST_S = 0.5
"""How long nothing is accepted after the system ran out of descriptors or buffers."""
OUT_OF_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Places:
    """Who holds how many connections."""

    def __init__(self, connections_max: int, per_stranger_max: int) -> None:
        self.connections_max = connections_max
        self.per_stranger_max = per_stranger_max
        self._taken = 0
        self._strangers = 0
        self._by_share: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """How many are open."""
        return self._taken

    def take(self, peer: Peer) -> bool:
        """Each True is to be followed by one `give_back` of the same peer."""
        if self._taken >= self.connections_max:
            return False
        if not peer.listed:
            if self._strangers >= self.connections_max // 2:
                return False
            if self._by_share[peer.share] >= self.per_stranger_max:
                return False
            self._strangers += 1
            self._by_share[peer.share] += 1
        self._taken += 1
        return True

    def give_back(self, peer: Peer) -> None:
        self._taken -= 1
        if not peer.listed:
            self._strangers -= 1
            self._by_share[peer.share] -= 1
            if not self._by_share[peer.share]:
                del self._by_share[peer.share]


class Doorkeeper(Protocol):
    """Who knows the peers, and counts those who are sent away."""

    def connected(self, host: str) -> Peer: ...

    def turned_away(self, peer: Peer) -> None: ...

    def handshake_failed(self) -> None: ...


class Door:
    """Listens on `listeners` and owns every connection that came through them."""

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        *,
        keeper: Doorkeeper,
        endpoint: Endpoint,
        places: Places,
        head_timeout_s: float,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listeners = listeners
        self._keeper = keeper
        self._endpoint = endpoint
        self._places = places
        self._head_timeout_s = head_timeout_s
        self._tls = tls
        self._renderer = Renderer()
        self._heads = Heads()
        self._server = web.Server(_unused, access_log=None)
        self._greetings: set[asyncio.Task[None]] = set()
        self._open: set[Connection] = set()
        self._emptied = asyncio.Event()

    def open(self) -> None:
        for listener in self._listeners:
            listener.listen(BACKLOG)
            listener.setblocking(False)
            self._loop.add_reader(listener, self._accept, listener)

    @property
    def listeners(self) -> Sequence[socket.socket]:
        """None any more once it is closed."""
        return self._listeners

    def use(self, tls: ssl.SSLContext | None, *, head_timeout_s: float) -> None:
        """For the connections to come."""
        self._tls = tls
        self._head_timeout_s = head_timeout_s

    async def close(self, *, idle_s: float, busy_s: float) -> None:
        """Accepts what is already under way, then nobody. Each connection ends with its next answer.

        Silent ones are closed after `idle_s`, so that who was just about to send is still served; the others
        after `busy_s` more.
        """
        for listener in self._listeners:
            take_nobody_new(listener)
        self._finish_all()
        await asyncio.sleep(HANDSHAKE_S)
        listeners, self._listeners = self._listeners, ()
        for listener in listeners:
            while self._accept(listener):
                pass
            self._loop.remove_reader(listener)
            listener.close()
        if self._greetings:
            await asyncio.wait(self._greetings, timeout=idle_s)
        self._finish_all()
        await self._empty_within(idle_s)
        for connection in [each for each in self._open if each.is_idle()]:
            connection.force_close()
        await self._empty_within(busy_s)
        for connection in list(self._open):
            connection.force_close()

    def _finish_all(self) -> None:
        for connection in self._open:
            connection.finish()

    async def _empty_within(self, limit_s: float) -> None:
        self._emptied.clear()
        if self._open:
            try:
                await asyncio.wait_for(self._emptied.wait(), limit_s)
            except TimeoutError:
                return

    # Accepting

    def _accept(self, listener: socket.socket) -> bool:
        """Whether more may be waiting."""
        for _ in range(ACCEPTS_AT_ONCE):
            try:
                accepted, address = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return False
            except OSError as error:
                if error.errno not in OUT_OF_RESOURCES:
                    raise
                self._rest(listener)
                return False
            self._admit(accepted, str(address[0]))
        return True

    def _rest(self, listener: socket.socket) -> None:
        self._loop.remove_reader(listener)
        self._loop.call_later(REST_S, self._return, listener)

    def _return(self, listener: socket.socket) -> None:
        if listener in self._listeners:
            self._loop.add_reader(listener, self._accept, listener)

    def _admit(self, accepted: socket.socket, host: str) -> None:
        peer = self._keeper.connected(host)
        if not self._places.take(peer):
            accepted.close()
            self._keeper.turned_away(peer)
            return
        accepted.setblocking(False)
        greeting = self._loop.create_task(self._greet(accepted, host, peer))
        self._greetings.add(greeting)
        greeting.add_done_callback(self._greetings.discard)

    async def _greet(self, accepted: socket.socket, host: str, peer: Peer) -> None:
        """Makes the socket a connection, with TLS where that is spoken: its first and last words in time.

        A peer that never answers the last one would hold its place for half a minute.
        """
        connection = Connection(
            self._server,
            loop=self._loop,
            endpoint=self._endpoint,
            renderer=self._renderer,
            heads=self._heads,
            host=host,
            head_timeout_s=self._head_timeout_s,
            on_end=lambda: self._ended(connection, peer),
        )
        self._open.add(connection)
        try:
            await self._loop.connect_accepted_socket(
                lambda: connection,
                accepted,
                ssl=self._tls,
                ssl_handshake_timeout=self._head_timeout_s if self._tls else None,
                ssl_shutdown_timeout=self._head_timeout_s if self._tls else None,
            )
        except (OSError, ssl.SSLError, TimeoutError):
            accepted.close()
            self._keeper.handshake_failed()
            connection.end()

    def _ended(self, connection: Connection, peer: Peer) -> None:
        self._places.give_back(peer)
        self._open.discard(connection)
        if not self._open:
            self._emptied.set()


async def _unused(_request: web.BaseRequest) -> web.StreamResponse:
    """aiohttp's bookkeeping wants a handler; our connections never call it."""
    raise NotImplementedError
