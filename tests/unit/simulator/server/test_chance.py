"""Faults, courses and outages: shares that hold, and the same ones for the same seed."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tests.simulator.server.draws import draw
from tests.simulator.server.faults import COURSES, FAULTS, About, Faults, Next
from tests.simulator.server.outages import Outage, Outages
from tests.simulator.server.settings import Away, Times

FLEET = {"lost": 0.30, "late": 0.10, "contradicting": 0.05, "expired": 0.02}


def test_courses_are_shares_of_all_requests_and_at_most_one_strikes() -> None:
    faults, rng = Faults(FLEET), random.Random(1)
    found = Counter(faults.course(rng, About()) for _ in range(20_000))
    for name, share in FLEET.items():
        assert found[name] / 20_000 == pytest.approx(share, abs=0.01)
    assert found["warning_only"] == 0


def test_the_same_generator_draws_the_same() -> None:
    faults = Faults({**FLEET, "warning": 0.5, "card_fails": 0.5})
    one, other = (draw(faults, Times(), random.Random("seed"), About()) for _ in range(2))
    assert one == other


def test_drawing_uses_the_generator_equally_whatever_strikes() -> None:
    """Setting one probability changes that fault alone, not what is drawn after it."""
    quiet, loud = Faults({}), Faults({"warning": 1.0})
    one, other = (draw(faults, Times(), random.Random("seed"), About()) for faults in (quiet, loud))
    assert one.late_s == other.late_s
    assert other.struck - one.struck == {"warning"}


def test_no_fault_of_an_answer_is_drawn_with_the_cards() -> None:
    everything = Faults(dict.fromkeys(FAULTS, 1.0))
    struck = draw(everything, Times(), random.Random(1), About()).struck
    assert "answer_lost" not in struck
    assert "unavailable" not in struck
    assert not struck & set(COURSES)
    assert "half_done" in struck


def test_a_fault_strikes_next_as_often_as_asked_and_only_where_it_was_meant() -> None:
    faults, rng = Faults({}), random.Random(1)
    faults.strike_next(Next("lost", 2, About(eid="1", action="enable")))
    here, elsewhere = About("a", "enable", "1"), About("a", "enable", "2")
    assert faults.course(rng, elsewhere) is None
    assert [faults.course(rng, here) for _ in range(3)] == ["lost", "lost", None]


def test_clearing_forgets_probabilities_and_what_was_to_strike() -> None:
    faults = Faults({"lost": 1.0})
    faults.strike_next(Next("late"))
    faults.clear()
    assert faults.course(random.Random(1), About()) is None


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_api_is_away_for_its_share_of_every_period(share: float) -> None:
    outages = Outages([Away(group="status", share=share, period_s=100)], "seed", 0.0)
    for period in range(20):
        away = sum(outages.now("status", period * 100 + second) is not None for second in range(100))
        assert away == pytest.approx(100 * share, abs=1)
    assert all(outages.now("actions", second) is None for second in range(2000))


def test_the_seed_decides_when_it_is_away() -> None:
    def times(seed: str) -> list[bool]:
        outages = Outages([Away(period_s=100)], seed, 0.0)
        return [outages.now("auth", second) is not None for second in range(500)]

    assert times("one") == times("one") != times("other")


def test_an_outage_that_was_asked_for_ends_by_itself() -> None:
    outages = Outages([], "seed", 0.0)
    outages.begin(Outage("actions", "hang", until=10.0))
    assert outages.now("actions", 9.9) is not None
    assert outages.now("status", 9.9) is None
    assert outages.now("actions", 10.0) is None
