"""The names that alarms are made of."""

from math import isnan

from reconciler.dispatch.metrics import OutboxStanding
from reconciler.metrics import Metrics
from tests.unit.reconciler_edge.test_metrics import samples


def test_messages_are_counted_by_topic_and_what_waits_is_shown() -> None:
    metrics = Metrics()
    metrics.dispatch.dispatched("profile.state.v1", 3)
    metrics.dispatch.dispatched("profile.state.v1", 2)
    metrics.dispatch.outbox(OutboxStanding(7, 1.5))
    told = samples(metrics)
    assert told["reconciler_dispatched_total", (("topic", "profile.state.v1"),)] == 5
    assert told["reconciler_outbox_rows", ()] == 7
    assert told["reconciler_outbox_oldest_seconds", ()] == 1.5


def test_what_nobody_knows_is_not_a_number() -> None:
    metrics = Metrics()
    assert isnan(samples(metrics)["reconciler_outbox_rows", ()])
    metrics.dispatch.outbox(OutboxStanding(7, -0.1))
    assert samples(metrics)["reconciler_outbox_oldest_seconds", ()] == 0
    metrics.dispatch.outbox_unknown()
    assert isnan(samples(metrics)["reconciler_outbox_oldest_seconds", ()])
