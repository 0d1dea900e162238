"""A fault that did nothing is told."""

from tests.faults.acts import ACTS, toothless
from tests.faults.catalogue import faults
from tests.faults.schedule import Schedule, Step, schedule


def test_kinds_of_steps_that_never_came_about_are_told() -> None:
    steps = (
        Step(1, "lock", "postgres", 1),
        Step(2, "lock", "postgres", 1),
        Step(3, "cut", "receiver-kafka"),
        Step(4, "half_close_back", "receiver-kafka"),
    )
    plan = Schedule("fault", 1, steps)
    assert toothless(plan, {}) == ["lock", "receiver-kafka"]
    assert toothless(plan, {"lock": 1, "receiver-kafka": 0}) == ["receiver-kafka"]
    assert toothless(plan, {"lock": 1, "receiver-kafka": 8}) == []


def test_every_step_of_every_fault_is_one_that_can_be_done() -> None:
    for fault in faults():
        assert {step.act for step in schedule(fault.name, 1, fault.draw).steps} <= ACTS.keys()
