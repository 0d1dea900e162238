"""What the receiver counts: the names of interfaces.md 7 and a few of its own. Labels hold nothing a sender
wrote.

Children are looked up once and kept: a look-up per request costs more than the count.
"""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from receiver.answers import ROWS, Answer
from receiver.lane import Mode, Place

UNKNOWN_ACCOUNT = ""
ACK_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
PLACES: tuple[Place, ...] = ("kafka", "spool", "nowhere")


@dataclass(frozen=True, slots=True)
class Tally:
    """The counters of one account, by outcome."""

    outcomes: dict[str, Counter]

    def count(self, answer: Answer) -> None:
        self.outcomes[answer.outcome].inc()


class Metrics:
    """One registry of the receiver's own, so that nothing is shared between two of them in a test."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._callbacks = self._family("receiver_callbacks", "Requests by outcome", "account", "outcome")
        self.ack_seconds = self._histogram("receiver_ack_seconds", "From the head of a request to its answer")
        self._stored = self._family("receiver_stored", "Records by where they were stored", "where")
        self._stored_children = {place: self._stored.labels(place) for place in PLACES}
        self.probable_loss = self._counter("receiver_probable_loss", "Neither Kafka nor spool took them")
        self.first_seen_late = self._counter("receiver_first_seen_late", "First seen with an attempt above 1")
        self.last_attempt = self._counter("receiver_last_attempt", "Last copies ThingSpace will send")
        self.unknown_member = self._counter("receiver_unknown_member", "With a member nobody knows")
        self.source_unlisted = self._counter("receiver_source_unlisted", "From an address not on the list")
        self.unkept = self._counter("receiver_unkept_quarantine", "Quarantine records there was no room for")
        self.turned_away = self._counter("receiver_connections_refused", "Connections closed at accept")
        self.handshake_failed = self._counter("receiver_handshakes_failed", "TLS handshakes without result")
        self.stalled = self._counter("receiver_heads_stalled", "Requests whose head did not come in time")
        self.turned = self._family("receiver_lane_turns", "Changes of the lane's mode", "mode")
        self.lane_direct = self._gauge("receiver_lane_direct", "1 while records go straight to Kafka")
        self.connections = self._gauge("receiver_connections", "Open connections")
        self.reloads = self._family("receiver_reloads", "SIGHUPs by result", "result")

    def tally(self, account: str) -> Tally:
        """Of a configured account, or of `UNKNOWN_ACCOUNT`."""
        return Tally({answer.outcome: self._callbacks.labels(account, answer.outcome) for answer in ROWS})

    def stored(self, place: Place, count: int) -> None:
        self._stored_children[place].inc(count)

    def mode(self, mode: Mode) -> None:
        self.turned.labels(mode).inc()
        self.lane_direct.set(1 if mode == "direct" else 0)

    def text(self) -> bytes:
        return generate_latest(self.registry)

    def _counter(self, name: str, help_text: str) -> Counter:
        return Counter(name, help_text, registry=self.registry)

    def _family(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(name, help_text, labels, registry=self.registry)

    def _gauge(self, name: str, help_text: str) -> Gauge:
        return Gauge(name, help_text, registry=self.registry)

    def _histogram(self, name: str, help_text: str) -> Histogram:
        return Histogram(name, help_text, buckets=ACK_BUCKETS_S, registry=self.registry)
