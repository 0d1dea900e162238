"""Who is at the other end: remembered per address, and counted when sent away."""

from multidict import CIMultiDictProxy

from receiver.metrics import Metrics
from receiver.notices import Notice
from receiver.sources import Peer, Sources

KNOWN_MAX = 10_000
FORWARDED_FOR = "X-Forwarded-For"


class Peers:
    """`adopt` may be called at any time; a connection keeps the place it has."""

    def __init__(self, sources: Sources, metrics: Metrics, full: Notice) -> None:
        """`full` is given when a connection finds no place."""
        self._metrics = metrics
        self._full = full
        self.adopt(sources)

    def adopt(self, sources: Sources) -> None:
        self._sources = sources
        self._speakers: dict[str, Peer | None] = {}

    def speaker(self, host: str, headers: CIMultiDictProxy[str]) -> Peer:
        """Of a request. Behind a proxy (remembered as None) it is another one each time."""
        try:
            peer = self._speakers[host]
        except KeyError:
            peer = self._remember(host)
        return self._sources.speaker(host, headers.getall(FORWARDED_FOR, ())) if peer is None else peer

    def _remember(self, host: str) -> Peer | None:
        if len(self._speakers) >= KNOWN_MAX:
            self._speakers.clear()
        peer = None if self._sources.is_proxy(host) else self._sources.speaker(host, ())
        self._speakers[host] = peer
        return peer

    # What the door asks and tells

    def connected(self, host: str) -> Peer:
        return self._sources.connected(host)

    def turned_away(self, peer: Peer) -> None:
        self._metrics.turned_away.inc()
        self._full.give(source_ip=peer.text)

    def handshake_failed(self) -> None:
        self._metrics.handshake_failed.inc()
