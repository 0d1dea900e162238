"""The metrics of `profile-downstream`; their names are an interface."""

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest


class Metrics:
    """One per process, with a registry of its own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._messages = Counter(
            "downstream_messages", "Messages read, by whether they could be", ["readable"], registry=registry
        )
        self._planned = Counter(
            "downstream_jobs", "Jobs planned, by their first state", ["target", "state"], registry=registry
        )
        self._steps = Counter(
            "downstream_steps",
            "Steps of jobs, by what they led to",
            ["target", "step", "state"],
            registry=registry,
        )
        self._background = Counter(
            "downstream_background_errors",
            "Errors in the background that nobody waits for, by their class",
            ["error"],
            registry=registry,
        )
        self._stopped = Gauge(
            "downstream_target_stopped", "Whether a target waits for a person", ["target"], registry=registry
        )

    def read(self, *, readable: bool) -> None:
        self._messages.labels("yes" if readable else "no").inc()

    def planned(self, target: str, state: str) -> None:
        self._planned.labels(target, state).inc()

    def stepped(self, target: str, step: str, state: str) -> None:
        self._steps.labels(target, step, state).inc()

    def background_error(self, error: str) -> None:
        self._background.labels(error).inc()

    def stopped(self, target: str, *, stopped: bool) -> None:
        self._stopped.labels(target).set(stopped)

    def exposition(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self._registry)
