"""The metric names are an interface (interfaces.md 7)."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from reconciler.metrics import Metrics, Standing

PROMISED = {
    "reconciler_events_total",
    "reconciler_batch_seconds_count",
    "reconciler_lag_records",
    "reconciler_lag_seconds",
    "reconciler_operations",
    "reconciler_overdue_operations",
    "reconciler_abandoned_operations",
    "reconciler_polls_total",
    "reconciler_quarantine_open",
    "reconciler_end_to_end_seconds_count",
    "reconciler_fenced_total",
}

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(metrics: Metrics) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def filled() -> Metrics:
    metrics = Metrics()
    metrics.batch_applied(0.2, {("callback", "applied"): 3, ("callback", "repeated"): 1}, [0.5, -1.0])
    metrics.fenced()
    metrics.lag(12, 3.5)
    metrics.standing(Standing({"succeeded": 4, "warned": 1}, overdue=1, abandoned=3, quarantine_open=2))
    return metrics


def test_every_promised_name_is_there() -> None:
    assert {name for name, _ in samples(filled())} >= PROMISED


def test_values_are_those_that_were_told() -> None:
    told = samples(filled())
    assert told["reconciler_events_total", (("kind", "callback"), ("outcome", "applied"))] == 3
    assert told["reconciler_operations", (("state", "succeeded"),)] == 4
    assert told["reconciler_overdue_operations", ()] == 1
    assert told["reconciler_quarantine_open", ()] == 2
    assert told["reconciler_lag_records", ()] == 12
    assert told["reconciler_fenced_total", ()] == 1
    assert told["reconciler_end_to_end_seconds_sum", ()] == 0.5


def test_a_state_that_no_operation_has_any_more_disappears() -> None:
    metrics = filled()
    metrics.standing(Standing({"succeeded": 5}, overdue=0, abandoned=0, quarantine_open=0))
    assert ("reconciler_operations", (("state", "warned"),)) not in samples(metrics)


def test_what_is_not_known_is_not_a_number() -> None:
    metrics = filled()
    metrics.standing_unknown()
    told = samples(metrics)
    assert told["reconciler_quarantine_open", ()] != told["reconciler_quarantine_open", ()]
    assert not [name for name, _ in told if name == "reconciler_operations"]


def test_two_reconcilers_in_one_process_keep_apart() -> None:
    first, second = Metrics(), Metrics()
    first.fenced()
    assert samples(second)["reconciler_fenced_total", ()] == pytest.approx(0)
