"""What is measured of ThingSpace: how it answers, whether it may be asked, and whether it calls back."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class ThingSpaceMetrics:
    """A part of `reconciler.metrics.Metrics`, in its registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._asked = Counter(
            "reconciler_thingspace_requests",
            "Questions to ThingSpace by account, call and outcome",
            ["account", "call", "outcome"],
            registry=registry,
        )
        self._refused = Counter(
            "reconciler_thingspace_logins_refused",
            "Logins that ThingSpace refused; five in a row lock the account there",
            ["account"],
            registry=registry,
        )
        self._latched = Gauge(
            "reconciler_thingspace_latched",
            "1 while nothing is sent for the account because its logins were refused",
            ["account"],
            registry=registry,
        )
        self._away = Gauge(
            "reconciler_thingspace_away",
            "1 while the account is left alone because ThingSpace did not answer",
            ["account"],
            registry=registry,
        )
        self._wrong = Gauge(
            "reconciler_listeners_wrong",
            "1 while the registration of the service is missing at ThingSpace or points elsewhere",
            ["account", "service"],
            registry=registry,
        )
        self._checked = Gauge(
            "reconciler_listener_checked_timestamp_seconds",
            "When the account's registrations were last seen at ThingSpace",
            ["account"],
            registry=registry,
        )
        self._called = Gauge(
            "reconciler_last_callback_timestamp_seconds",
            "When the last callback of the account was observed",
            ["account"],
            registry=registry,
        )

    def asked(self, account: str, call: str, outcome: str) -> None:
        self._asked.labels(account, call, outcome).inc()

    def login_refused(self, account: str) -> None:
        self._refused.labels(account).inc()

    def latched(self, account: str, latched: bool) -> None:
        self._latched.labels(account).set(latched)

    def away(self, account: str, away: bool) -> None:
        self._away.labels(account).set(away)

    def listener_wrong(self, account: str, service: str, wrong: bool) -> None:
        self._wrong.labels(account, service).set(wrong)

    def listeners_checked(self, account: str, at_s: float) -> None:
        """`at_s` counts from the epoch, as Prometheus wants it."""
        self._checked.labels(account).set(at_s)

    def last_callback(self, account: str, at_s: float) -> None:
        self._called.labels(account).set(at_s)
