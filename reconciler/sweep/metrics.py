"""What is measured of the sweep: what its polls came to."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter

RESULTS: Final = ("success", "failure", "pending", "refused", "away", "latched")


class SweepMetrics:
    """A part of `reconciler.metrics.Metrics`, in its registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._polls = Counter(
            "reconciler_polls",
            "Polls of ThingSpace by result; away and latched are those that could not be asked",
            ["result"],
            registry=registry,
        )
        for result in RESULTS:
            self._polls.labels(result)

    def polled(self, result: str) -> None:
        self._polls.labels(result).inc()
