"""The reconciler's Prometheus metrics: their names are an interface (interfaces.md 7), and all stand here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import nan

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from reconciler.dispatch.metrics import DispatchMetrics
from reconciler.metrics_thingspace import ThingSpaceMetrics
from reconciler.relay.metrics import RelayMetrics
from reconciler.sweep.metrics import SweepMetrics

BATCH_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
END_TO_END_BUCKETS_S = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the tables say at one moment. `overdue` leaves out what was abandoned."""

    operations: Mapping[str, int]
    """By state."""
    overdue: int
    abandoned: int
    quarantine_open: int


class Metrics:
    """One per process, with a registry of its own: nothing is registered at import."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._of_the_loop(registry)
        self._of_the_tables(registry)
        self.dispatch = DispatchMetrics(registry)
        self.thingspace = ThingSpaceMetrics(registry)
        self.sweep = SweepMetrics(registry)
        self.relay = RelayMetrics(registry)
        self.standing_unknown()

    def _of_the_loop(self, registry: CollectorRegistry) -> None:
        self._events = Counter(
            "reconciler_events",
            "Events applied, by kind and by what they did on arrival",
            ["kind", "outcome"],
            registry=registry,
        )
        self._batch = Histogram(
            "reconciler_batch_seconds",
            "From the first record of a batch in hand to its commit",
            buckets=BATCH_BUCKETS_S,
            registry=registry,
        )
        self._end_to_end = Histogram(
            "reconciler_end_to_end_seconds",
            "From the observation of an event to its commit",
            buckets=END_TO_END_BUCKETS_S,
            registry=registry,
        )
        self._fenced = Counter(
            "reconciler_fenced",
            "Batches given up because another reconciler had moved the offsets",
            registry=registry,
        )
        self._replaced = Counter(
            "reconciler_consumer_replaced",
            "Consumers that got nothing though there was something, and were made anew",
            registry=registry,
        )
        self._added = Counter(
            "reconciler_partitions_added",
            "Partitions that came to a topic that was read already",
            registry=registry,
        )
        self._background = Counter(
            "reconciler_background_errors",
            "Errors in the background that nobody waits for, by their class",
            ["error"],
            registry=registry,
        )
        self._lag_records = Gauge(
            "reconciler_lag_records", "Records in Kafka that are not applied yet", registry=registry
        )
        self._lag_seconds = Gauge(
            "reconciler_lag_seconds", "Age of the oldest record not applied yet", registry=registry
        )

    def _of_the_tables(self, registry: CollectorRegistry) -> None:
        self._operations = Gauge("reconciler_operations", "Operations by state", ["state"], registry=registry)
        self._overdue = Gauge(
            "reconciler_overdue_operations",
            "Operations without a final answer after the first step of the schedule, the abandoned left out",
            registry=registry,
        )
        self._abandoned = Gauge(
            "reconciler_abandoned_operations",
            "Operations without a final answer after 30 days, about which nobody asks any more",
            registry=registry,
        )
        self._quarantine = Gauge(
            "reconciler_quarantine_open", "Quarantined records that nobody has dealt with", registry=registry
        )

    def batch_applied(
        self,
        seconds: float,
        events: Mapping[tuple[str, str], int],
        end_to_end_s: Iterable[float],
    ) -> None:
        """`events` counts by kind and outcome."""
        self._batch.observe(seconds)
        for (kind, outcome), count in events.items():
            self._events.labels(kind, outcome).inc(count)
        for age in end_to_end_s:
            self._end_to_end.observe(max(age, 0.0))

    def fenced(self) -> None:
        self._fenced.inc()

    def consumer_replaced(self) -> None:
        self._replaced.inc()

    def partitions_added(self, count: int) -> None:
        self._added.inc(count)

    def background_error(self, error: str) -> None:
        self._background.labels(error).inc()

    def lag(self, records: int, seconds: float) -> None:
        self._lag_records.set(records)
        self._lag_seconds.set(max(seconds, 0.0))

    def standing(self, standing: Standing) -> None:
        self._operations.clear()
        for state, count in standing.operations.items():
            self._operations.labels(state).set(count)
        self._overdue.set(standing.overdue)
        self._abandoned.set(standing.abandoned)
        self._quarantine.set(standing.quarantine_open)

    def standing_unknown(self) -> None:
        """While the database does not answer: no value is better than an old one."""
        self._operations.clear()
        self._overdue.set(nan)
        self._abandoned.set(nan)
        self._quarantine.set(nan)

    def exposition(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self._registry)
