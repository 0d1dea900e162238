"""Schedules are a function of fault and seed."""

import random

import pytest

from tests.faults.acts import ACTS
from tests.faults.catalogue import Fault, faults
from tests.faults.schedule import Step, lasting, moments, schedule


@pytest.mark.parametrize("fault", faults(), ids=lambda fault: fault.name)
def test_the_same_seed_gives_the_same_schedule_and_only_acts_that_there_are(fault: Fault) -> None:
    plan = schedule(fault.name, 7, fault.draw)
    assert plan == schedule(fault.name, 7, fault.draw)
    assert {step.act for step in plan.steps} <= set(ACTS)
    assert all(step.at_s < fault.load.seconds for step in plan.steps), "nothing would come meanwhile"


def test_names_are_given_once() -> None:
    names = [fault.name for fault in faults()]
    assert len(names) == len(set(names))


def test_moments_are_spread_and_in_order() -> None:
    found = moments(random.Random(1), 10, 11)
    assert found == sorted(found)
    assert all(1 + number <= at <= 2 + number for number, at in enumerate(found))
    assert 2 <= lasting(random.Random(1), 2, 3) <= 3


def test_steps_on_one_part_stand_in_order() -> None:
    plan = schedule("x", 1, lambda _: [Step(3, "kill", "a"), Step(1, "kill", "b"), Step(2, "freeze", "a", 1)])
    assert plan.by_part() == {
        "a": [Step(2, "freeze", "a", 1), Step(3, "kill", "a")],
        "b": [Step(1, "kill", "b")],
    }
