"""What Prometheus is told of the outbox; the names are an interface."""

from math import nan
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge


class OutboxStanding(NamedTuple):
    """`oldest_s` is the age of the first row, 0 where none waits."""

    rows: int
    oldest_s: float


class DispatchMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._dispatched = Counter(
            "reconciler_dispatched", "Messages that Kafka has committed", ["topic"], registry=registry
        )
        self._rows = Gauge("reconciler_outbox_rows", "Messages that wait for being sent", registry=registry)
        self._oldest = Gauge(
            "reconciler_outbox_oldest_seconds", "Age of the first message that waits", registry=registry
        )
        self.outbox_unknown()

    def dispatched(self, topic: str, messages: int) -> None:
        self._dispatched.labels(topic).inc(messages)

    def outbox(self, standing: OutboxStanding) -> None:
        self._rows.set(standing.rows)
        self._oldest.set(max(standing.oldest_s, 0.0))

    def outbox_unknown(self) -> None:
        """While the database does not answer: no value is better than an old one."""
        self._rows.set(nan)
        self._oldest.set(nan)
