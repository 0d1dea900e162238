"""What is measured of the relay: what became of the requests that other systems announced."""

from prometheus_client import CollectorRegistry, Counter

from reconciler.relay.relay import Result


class RelayMetrics:
    """A part of `reconciler.metrics.Metrics`, in its registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "reconciler_requests_relayed",
            "Records of profile.requests.v1 by what became of them",
            ["result"],
            registry=registry,
        )
        results: tuple[Result, ...] = ("relayed", "quarantined")
        for result in results:
            self._requests.labels(result)

    def relayed(self, result: Result) -> None:
        self._requests.labels(result).inc()
