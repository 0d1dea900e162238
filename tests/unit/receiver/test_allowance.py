"""What may be kept of those who showed no right credentials."""

from hypothesis import given
from hypothesis import strategies as st

from receiver.allowance import MIB, Allowance, Allowances

steps = st.lists(st.tuples(st.floats(0, 1000), st.integers(0, 2000)), max_size=50)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(steps)
def test_never_more_than_at_once_and_what_came_back_since(asked: list[tuple[float, int]]) -> None:
    clock = Clock()
    allowance = Allowance(1000, 10, clock=clock)
    spent = 0
    for waited_s, size_bytes in asked:
        clock.now += waited_s
        spent += size_bytes if allowance.spend(size_bytes) else 0
        assert spent <= 1000 + clock.now * 10


def test_what_is_spent_comes_back_with_time_and_no_more_than_there_was() -> None:
    clock = Clock()
    allowance = Allowance(1000, 10, clock=clock)
    assert allowance.spend(1000)
    assert not allowance.spend(1)
    clock.now = 50
    assert allowance.spend(500)
    assert not allowance.spend(1)
    clock.now = 10_000
    assert not allowance.spend(1001)
    assert allowance.spend(1000)


def test_strangers_do_not_use_up_what_listed_sources_have() -> None:
    allowances = Allowances(clock=Clock())
    while allowances.spend(MIB, listed=False):
        pass
    assert allowances.spend(MIB, listed=True)
