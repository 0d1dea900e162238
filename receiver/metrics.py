"""What the receiver counts: the names of interfaces.md 7 and a few of its own. No label holds what a sender
wrote.

What is counted for every request is a plain number, read when somebody asks: prometheus_client's own counters
lock, and a handful of them costs as much as checking a password.
"""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from receiver.answers import ROWS, Answer
from receiver.lane import Mode, Place

UNKNOWN_ACCOUNT = ""
ACK_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
OUTCOMES = tuple(answer.outcome for answer in ROWS)
PLACES: tuple[Place, ...] = ("kafka", "spool", "nowhere")


class Tally:
    """The answers of one account, by outcome."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts = dict.fromkeys(OUTCOMES, 0)

    def count(self, answer: Answer) -> None:
        self.counts[answer.outcome] += 1


class Hot(Collector):
    """What every request counts."""

    def __init__(self) -> None:
        self.tallies: dict[str, Tally] = {}
        self.stored: dict[Place, int] = dict.fromkeys(PLACES, 0)
        self._ack_counts = [0] * (len(ACK_BOUNDS_S) + 1)
        self._ack_sum_s = 0.0

    def acknowledged(self, seconds: float) -> None:
        self._ack_counts[bisect_left(ACK_BOUNDS_S, seconds)] += 1
        self._ack_sum_s += seconds

    def collect(self) -> Iterable[Metric]:
        yield self._callbacks()
        stored = CounterMetricFamily(
            "receiver_stored", "Records by where they were stored", labels=("where",)
        )
        for place, count in self.stored.items():
            stored.add_metric((place,), count)
        yield stored
        yield self._ack_seconds()

    def _callbacks(self) -> CounterMetricFamily:
        family = CounterMetricFamily(
            "receiver_callbacks", "Requests by account and outcome", labels=("account", "outcome")
        )
        for account, tally in self.tallies.items():
            for outcome, count in tally.counts.items():
                family.add_metric((account, outcome), count)
        return family

    def _ack_seconds(self) -> HistogramMetricFamily:
        bounds = [*(str(bound) for bound in ACK_BOUNDS_S), "+Inf"]
        buckets = list(zip(bounds, map(float, accumulate(self._ack_counts)), strict=True))
        family = HistogramMetricFamily("receiver_ack_seconds", "From the head of a request to its answer")
        family.add_metric((), buckets, self._ack_sum_s)
        return family


class Metrics:
    """One registry of the receiver's own, so that nothing is shared between two of them in a test."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.hot = Hot()
        self.registry.register(self.hot)
        self.probable_loss = self._counter("receiver_probable_loss", "Neither Kafka nor spool took them")
        self.first_seen_late = self._counter("receiver_first_seen_late", "First seen with an attempt above 1")
        self.last_attempt = self._counter("receiver_last_attempt", "Last copies ThingSpace will send")
        self.unknown_member = self._counter("receiver_unknown_member", "With a member nobody knows")
        self.source_unlisted = self._counter("receiver_source_unlisted", "From an address not on the list")
        self.unkept = self._counter(
            "receiver_unkept_quarantine", "Refused or unreadable ones beyond what is kept of such"
        )
        self.turned_away = self._counter("receiver_connections_refused", "Connections closed at accept")
        self.handshake_failed = self._counter("receiver_handshakes_failed", "TLS handshakes without result")
        self.stalled = self._counter("receiver_heads_stalled", "Requests whose head did not come in time")
        self.lane_direct = self._gauge("receiver_lane_direct", "1 while records go straight to Kafka")
        self.spool_records = self._gauge("receiver_spool_records", "Records that wait in the spool")
        self.spool_bytes = self._gauge("receiver_spool_bytes", "Their bytes")
        self.spool_dead = self._gauge("receiver_spool_dead", "Records that Kafka will never take, set aside")
        self.set_aside = self._counter("receiver_set_aside", "Records that were set aside")
        self.connections = self._gauge("receiver_connections", "Open connections")
        self._turned = self._family("receiver_lane_turns", "Changes of the lane's mode", "mode")
        self._reloads = self._family("receiver_reloads", "SIGHUPs by result", "result")

    def tally(self, account: str) -> Tally:
        """Of a configured account, or of `UNKNOWN_ACCOUNT`; it goes on where it was."""
        return self.hot.tallies.setdefault(account, Tally())

    def stored(self, place: Place, count: int) -> None:
        self.hot.stored[place] += count

    def turned(self, mode: Mode) -> None:
        self._turned.labels(mode).inc()
        self.lane_direct.set(1 if mode == "direct" else 0)

    def reloaded(self, result: str) -> None:
        self._reloads.labels(result).inc()

    def text(self) -> bytes:
        return generate_latest(self.registry)

    def _counter(self, name: str, help_text: str) -> Counter:
        return Counter(name, help_text, registry=self.registry)

    def _family(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(name, help_text, labels, registry=self.registry)

    def _gauge(self, name: str, help_text: str) -> Gauge:
        return Gauge(name, help_text, registry=self.registry)
