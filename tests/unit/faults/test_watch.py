"""For how long the ledger stood still."""

from tests.faults.run import Watch


def test_only_what_lies_between_two_steps_forward_is_standing_still() -> None:
    watch = Watch()
    for stored, now in [(0, 0.0), (0, 50.0), (1, 100.0), (1, 103.0), (5, 104.0), (6, 105.0), (6, 200.0)]:
        watch.look(stored, now)
    assert watch.longest_s == 4.0
