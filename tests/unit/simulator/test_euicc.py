"""The checker's own telling of what operations do to profiles: by the table, no false alarm."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.evidence import Evidence
from reconciler.core.operation import Operation as Folded
from reconciler.core.operation import fold_request
from reconciler.core.profile import fold_device
from tests.acceptance.checker import profiles_follow_operations
from tests.acceptance.euicc import BOOTSTRAP, TABLE, profiles_of
from tests.acceptance.ledger import Ledger, Operation, Profile
from tests.unit.core import tell
from tests.unit.core.history import History
from tests.unit.core.tell import EID, A, X, Y

STORY_MAX = 8
SAYS: Mapping[str, Callable[..., Evidence]] = {
    "success": partial(tell.callback, "success"),
    "failure": partial(tell.callback, "failure"),
    "unclear": partial(tell.callback, "unclear"),
    "void": partial(tell.decision, "decided_void", sequence=1),
}


def story(*steps: str) -> list[Folded]:
    """`enable X`, `delete X failure`: operations one after the other; without a word they succeed."""
    return [operation for number, step in enumerate(steps) for operation in _told(number, *step.split())]


def _told(number: int, action: str, named: str, *words: str) -> Iterable[Folded]:
    iccid = {"X": X, "Y": Y, "A": A}.get(named)
    said = tell.Said(action=action, at=number * 10, request=f"R{number}")
    if iccid is not None:
        said["iccid"] = iccid
    told = [tell.request("announced", **said)]
    for word in words or ("success",):
        said["at"] += 1
        told.append(SAYS[word](**said))
    return fold_request(told).operations


def ledger(operations: Iterable[Folded], *, misled: Iterable[Folded] | None = None) -> Ledger:
    """What the product makes of them; `misled`: of others."""
    operations = list(operations)
    folded = fold_device(operations if misled is None else misled)
    return Ledger(
        (),
        (),
        tuple(in_view(one) for one in operations),
        tuple(
            Profile(
                one.account,
                one.eid,
                one.iccid,
                one.bootstrap,
                one.state,
                frozenset(one.possible_states),
                one.suspended,
            )
            for one in folded
        ),
        (),
        (),
    )


def in_view(one: Folded) -> Operation:
    return Operation(
        one.account,
        one.request_id,
        one.eid,
        one.device,
        one.iccid_target,
        one.action,
        one.state,
        one.final,
        frozenset(one.facts),
        one.ordered_at,
    )


def shown(*steps: str) -> str | None:
    """The states of X and of the bootstrap, each as initials."""
    possible = profiles_of(in_view(one) for one in story(*steps))
    if possible is None:
        return None
    return " ".join("".join(sorted(state[:2] for state in possible.get(key, ()))) for key in (X, BOOTSTRAP))


@pytest.mark.parametrize(
    ("steps", "states"),
    [
        (("download_disable X",), "di dien"),
        (("download X failure",), " "),
        (("download_enable X",), "en di"),
        (("download_enable X failure",), "abdi dien"),
        (("download X", "enable X failure"), "di dien"),
        (("enable X", "disable X failure"), "en di"),
        (("enable X", "disable X"), "di en"),
        (("enable X", "enable A"), "di di"),
        (("enable X", "delete X"), "de en"),
        (("enable X", "delete X failure"), "dien dien"),
        (("enable X", "disable X unclear"), "dien dien"),
        (("enable X", "disable X success failure"), "dien dien"),
        (("enable X", "disable X void"), "en di"),
        (("delete X", "enable X"), "deen dien"),
        (("enable X", "enable - failure", "enable A failure"), "en di"),
        (("enable X", "disable -"), None),
        (("enable X", "profile_suspend X"), None),
        (("enable X", "download X"), None),
    ],
)
def test_the_published_table_is_told(steps: tuple[str, ...], states: str | None) -> None:
    assert shown(*steps) == states


def test_a_failure_that_counts_as_success_is_noticed() -> None:
    told = story("download X", "enable X", "disable X failure")
    as_if = story("download X", "enable X", "disable X success")
    assert not list(profiles_follow_operations(ledger(told)))
    faults = list(profiles_follow_operations(ledger(told, misled=as_if)))
    assert f"{EID}: {X} is disabled, its operations make it enabled" in faults
    assert list(profiles_follow_operations(ledger([], misled=as_if)))
    assert list(profiles_follow_operations(ledger(told, misled=[])))


def test_a_state_that_is_not_what_is_possible_is_noticed() -> None:
    right = ledger(story("enable X"))
    assert not list(profiles_follow_operations(right))
    for row in right.profiles:
        wrong = replace(right, profiles=(*(set(right.profiles) - {row}), replace(row, state="unknown")))
        assert any("is unknown, possible is" in fault for fault in profiles_follow_operations(wrong))


@settings(max_examples=100, deadline=None)
@given(st.integers(min_value=0))
def test_there_is_no_false_alarm(seed: int) -> None:
    """Of stories that it tells for the most part, and of those that hold everything."""
    rng = Random(seed)
    words = ["success", "success", "failure", "unclear", "success failure", "void"]
    steps = [f"{rng.choice(sorted(TABLE))} {rng.choice('XYA')} {rng.choice(words)}" for _ in range(STORY_MAX)]
    for length in range(1, STORY_MAX):
        assert not list(profiles_follow_operations(ledger(story(*steps[:length])))), steps[:length]
    history = History(Random(seed))
    for _ in range(STORY_MAX):
        history.go_on()
    known = [one for told in history.told for one in fold_request(told).operations]
    assert not list(profiles_follow_operations(ledger(known))), known
