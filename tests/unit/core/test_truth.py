"""Whatever is lost, the ledger never shows a profile in a state it was not in."""

from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.core.operation import Operation, fold_request
from reconciler.core.profile import Profile, fold_device
from tests.unit.core.history import FALL_BACK, History

OPERATIONS_MAX = 10


def check_truth(history: History, folded: tuple[Profile, ...], shown: str) -> None:
    """Each row allows what the profile is; the nameless one is the fall-back profile."""
    for profile in folded:
        iccid = profile.iccid or history.card.fall_back
        assert history.card.state(iccid) in profile.possible_states, (iccid, profile, shown)


def check_invariants(folded: tuple[Profile, ...]) -> None:
    assert sum(profile.state == "enabled" for profile in folded) <= 1
    assert not [profile for profile in folded if profile.suspended and profile.state in ("absent", "deleted")]
    assert not [profile for profile in folded if profile.iccid is None and not profile.bootstrap]
    assert not folded or sum(profile.bootstrap for profile in folded) == 1


@settings(max_examples=250, deadline=None)
@given(st.integers(min_value=0))
def test_the_truth_is_always_among_what_is_possible(seed: int) -> None:
    """Eight histories a seed, looked at after each operation."""
    for part in range(8):
        history = History(Random(f"{seed} {part}"))
        known: list[Operation] = []
        for _ in range(history.rng.randrange(1, OPERATIONS_MAX)):
            told = len(history.told)
            history.go_on()
            if len(history.told) > told:
                known += fold_request(history.told[-1]).operations
            folded = fold_device(known)
            check_invariants(folded)
            check_truth(history, folded, f"{seed} {part}")


@settings(max_examples=100, deadline=None)
@given(st.integers(min_value=0))
@example(307)
def test_where_nothing_is_lost_and_nothing_fails_every_ordinary_profile_named_is_known(seed: int) -> None:
    """But one that ever was the fall-back: it may be enabled for a profile whose past nobody told."""
    history = History(Random(seed), exact=True)
    known: list[Operation] = []
    for _ in range(OPERATIONS_MAX):
        history.go_on()
    for told in history.told:
        known += fold_request(told).operations
    were_fall_back = {FALL_BACK} | {
        operation.iccid_target for operation in known if operation.action == "setfallbackattribute"
    }
    for profile in fold_device(known):
        iccid = profile.iccid or history.card.fall_back
        if iccid not in were_fall_back:
            assert profile.state == history.card.state(iccid)
        assert history.card.state(iccid) in profile.possible_states
