"""RECONCILER_SWEEP_SCHEDULE as people write it."""

from datetime import timedelta

import pytest

from reconciler.core.schedule import STEPS
from reconciler.sweep.schedule import steps


def seconds(*values: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(seconds=value) for value in values)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("5m,15m,1h/24h,2d,1d/30d", STEPS),
        ("5m,15m,1h/24h,1d/30d", STEPS),
        ("5m, 15m, …", STEPS),
        ("…", STEPS),
        ("2s,5s", seconds(2, 5)),
        ("2s/7s", seconds(2, 4, 6)),
        ("5s,2s/9s", seconds(5, 6, 8)),
        ("29d,...", (timedelta(days=29), timedelta(days=30))),
    ],
)
def test_a_schedule_is_read(written: str, found: tuple[timedelta, ...]) -> None:
    assert steps(written) == found


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("", "names no length of time"),
        (" , ", "names no length of time"),
        ("soon", "is no length of time"),
        ("5m,5m", "is no later than the step before it"),
        ("1h,5m", "is no later than the step before it"),
        ("0s", "is no time at all"),
        ("31d", "is later than 30 days"),
        ("1h/31d", "is later than 30 days"),
        ("1h/10m", "ends before it begins"),
        ("…,5m", "must be last"),
        ("1s/30d", "more than 5000 looks"),
    ],
)
def test_what_is_wrong_with_a_schedule_is_said(written: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        steps(written)
