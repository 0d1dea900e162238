"""How long an account is left alone."""

import pytest

from reconciler.sweep.pace import FRESH, LATCHED_S, LONGEST_S, after_failure, after_latch


def test_it_rests_longer_with_each_failure_up_to_a_bound() -> None:
    pace, rests = FRESH, []
    for _ in range(12):
        now = pace.resumes_at
        pace = after_failure(pace, now, chance=1.0)
        rests.append(pace.resumes_at - now)
    assert rests[:4] == [1, 2, 4, 8]
    assert rests[-1] == LONGEST_S


@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
def test_chance_moves_the_return_within_half_the_time(chance: float) -> None:
    assert 0.5 <= after_failure(FRESH, 0.0, chance).resumes_at <= 1.0


def test_thingspaces_own_word_is_obeyed_and_never_shortened() -> None:
    assert after_failure(FRESH, 10.0, 0.0, retry_after_s=90.0).resumes_at == 100.0
    assert after_failure(FRESH, 10.0, 1.0, retry_after_s=90.0).resumes_at == pytest.approx(109.0)
    assert after_failure(FRESH, 10.0, 1.0, retry_after_s=0.1).resumes_at == 11.0


def test_polls_that_fail_together_count_once() -> None:
    pace = after_failure(FRESH, 0.0, 1.0)
    assert after_failure(pace, 0.5, 1.0) == pace


def test_a_latched_account_is_tried_again_without_haste() -> None:
    pace = after_latch(5.0)
    assert pace.rests(5.0 + LATCHED_S - 1)
    assert not pace.rests(5.0 + LATCHED_S)
