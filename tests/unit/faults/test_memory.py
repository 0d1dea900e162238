"""Memory that grows is seen, memory that only began is not."""

import os

from tests.faults.memory import Memory, growth_mib


def test_growth_is_from_the_second_quarter_to_the_last() -> None:
    assert growth_mib([10.0, *[50.0] * 199]) == 0
    assert round(growth_mib([float(number) for number in range(200)])) == 100
    assert growth_mib([float(number) for number in range(20)]) == 0


def test_a_living_process_is_seen_and_a_dead_one_skipped() -> None:
    memory = Memory()
    for _ in range(50):
        memory.look(os.getpid())
        memory.look(2**22 + 1)
    assert memory.grown_mib() < 1


def test_a_successor_that_still_finds_its_size_is_not_judged() -> None:
    memory = Memory()
    memory._samples = {("old", 1): [50.0] * 400, ("killed and back", 2): [10.0] * 100 + [90.0] * 100}
    assert memory.grown_mib() == 0
    assert memory.fattest().startswith("old: ")
