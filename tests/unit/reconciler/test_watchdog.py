"""When the watch takes a consumer for dead, and when it must not."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from reconciler.core.batch import Place
from reconciler.kafka.watchdog import STUCK_AFTER_S, UNPLACED_AFTER_S, Look, Stage, Watchdog

ONE, OTHER = Place("events", 0), Place("events", 1)
EVERY_S = 2.0


def reading(*positions: int, ends: Sequence[int] = (9, 9), asked: bool = True) -> Look:
    places = (ONE, OTHER)
    return Look(
        asked, "reading", dict(zip(places, positions, strict=False)), dict(zip(places, ends, strict=True))
    )


def bites(looks: Sequence[Look | None], watchdog: Watchdog | None = None) -> list[float]:
    """At which times it says so; None is a look that nobody answered."""
    dog = watchdog or Watchdog()
    times = []
    for number, look in enumerate(looks):
        if look is None:
            dog.blind()
        elif dog.look(number * EVERY_S, look) is not None:
            times.append(number * EVERY_S)
    return times


def test_a_partition_that_does_not_move_though_records_are_there_is_noticed() -> None:
    assert bites([reading(3, 9)] * 10) == [STUCK_AFTER_S]
    said = Watchdog()
    said.look(0, reading(3, 9))
    reason = said.look(STUCK_AFTER_S, reading(3, 9))
    assert reason is not None and "events partition 0" in reason


def test_an_idle_topic_is_nothing_to_worry_about() -> None:
    assert bites([reading(9, 9)] * 100) == []


def test_a_slow_reader_is_no_dead_one() -> None:
    assert bites([reading(number // 5, 9, ends=(100, 9)) for number in range(100)]) == []


def test_a_partition_that_moves_does_not_cover_for_one_that_does_not() -> None:
    assert bites([reading(number, 3, ends=(100, 9)) for number in range(8)]) == [STUCK_AFTER_S]


def test_while_nobody_asks_nothing_is_missing() -> None:
    """PostgreSQL is away, or a batch takes long."""
    assert bites([reading(3, 9, asked=False)] * 100) == []
    assert bites(([reading(3, 9)] * 4 + [reading(3, 9, asked=False)]) * 20) == []


def test_while_kafka_answers_nobody_it_is_not_the_consumer() -> None:
    assert bites(([reading(3, 9)] * 4 + [None]) * 20) == []


@pytest.mark.parametrize("stage", ["joining", "placing"])
def test_a_consumer_that_never_gets_to_reading_is_noticed(stage: Stage) -> None:
    assert bites([Look(True, stage, {}, {ONE: 9})] * 12) == [UNPLACED_AFTER_S]
    assert bites([Look(False, stage, {}, {ONE: 9})] * 100) == []


def test_a_member_without_partitions_is_fine() -> None:
    """More reconcilers than partitions."""
    assert bites([Look(True, "reading", {}, {ONE: 9})] * 100) == []


def test_restarts_that_do_not_help_come_ever_more_seldom_until_one_helps() -> None:
    dog = Watchdog()
    times = bites([reading(3, 9)] * 200, dog)
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert pauses[0] > STUCK_AFTER_S and pauses == sorted(pauses)
    assert bites([reading(4, 9), reading(9, 9)], dog) == []
    assert bites([reading(9, 9, ends=(20, 9))] * 8, dog) == [STUCK_AFTER_S]
