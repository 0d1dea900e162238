"""The card: whatever is done to it, one profile is enabled, and every transition is one that is allowed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulator.server.draws import Draws, carried_out
from tests.simulator.server.euicc import RULES, Card, Refused, State, fallen_back, new_card, perform

B, X, Y = "bootstrap", "X", "Y"
ACTIONS = sorted(RULES)
STATES: tuple[State, ...] = ("not_downloaded", "disabled", "enabled", "deleted")
STRUCK = frozenset({"card_fails", "half_done", "rolls_back"})

# From, action: what X is afterwards and whether the bootstrap is enabled then; None where it is refused. The
# card begins with Y enabled where X is not.
TABLE: dict[tuple[State, str], tuple[State, bool] | None] = {
    ("not_downloaded", "download_disable"): ("disabled", False),
    ("not_downloaded", "download_enable"): ("enabled", False),
    ("not_downloaded", "enable"): None,
    ("not_downloaded", "disable"): None,
    ("not_downloaded", "delete"): None,
    ("disabled", "download_disable"): None,
    ("disabled", "download_enable"): None,
    ("disabled", "enable"): ("enabled", False),
    ("disabled", "disable"): None,
    ("disabled", "delete"): ("deleted", False),
    ("enabled", "download_disable"): None,
    ("enabled", "download_enable"): None,
    ("enabled", "enable"): None,
    ("enabled", "disable"): ("disabled", True),
    ("enabled", "delete"): ("deleted", True),
    ("deleted", "download_disable"): ("disabled", False),
    ("deleted", "download_enable"): ("enabled", False),
    ("deleted", "enable"): None,
    ("deleted", "disable"): None,
    ("deleted", "delete"): None,
}


def last(card: Card, action: str, iccid: str) -> Card:
    done = perform(card, action, iccid)
    assert isinstance(done, tuple)
    return done[-1]


def card_with_x(state: State) -> Card:
    card = last(new_card("eid", B), "download_enable", Y)
    if state != "not_downloaded":
        card = last(card, "download_disable", X)
    if state == "enabled":
        card = last(card, "enable", X)
    return last(card, "delete", X) if state == "deleted" else card


def draws(*struck: str, course: str | None = None, done_anyway: bool = False) -> Draws:
    return Draws(course, frozenset(struck), 0, 0, 0, 0, 0, 0, done_anyway, False)


@pytest.mark.parametrize(("start", "action"), TABLE)
def test_every_transition_is_the_tables(start: State, action: str) -> None:
    card = card_with_x(start)
    assert card.state(X) == start
    done, expected = perform(card, action, X), TABLE[start, action]
    if expected is None:
        assert isinstance(done, Refused)
        return
    assert isinstance(done, tuple)
    assert (done[-1].state(X), done[-1].enabled == B) == expected


@pytest.mark.parametrize("action", ["delete", "disable"])
def test_the_fallback_profile_can_be_neither_deleted_nor_disabled(action: str) -> None:
    for card in (new_card("eid", B), card_with_x("enabled")):
        assert isinstance(perform(card, action, B), Refused)


def test_the_fallback_attribute_moves_and_takes_its_duties_along() -> None:
    card = last(card_with_x("disabled"), "setfallbackattribute", X)
    assert last(card, "disable", Y).enabled == X
    assert isinstance(perform(card, "delete", X), Refused)
    assert last(card, "delete", B).state(B) == "deleted"


@pytest.mark.parametrize("action", ["delete", "download_enable"])
def test_two_steps_can_end_between_them(action: str) -> None:
    card = card_with_x("enabled" if action == "delete" else "not_downloaded")
    half = carried_out(card, action, X, draws("half_done"))
    assert (half.done, half.card.state(X)) == (False, "disabled")
    assert half.card.enabled == (B if action == "delete" else Y)


def test_half_of_one_step_is_all_of_it() -> None:
    assert carried_out(card_with_x("disabled"), "enable", X, draws("half_done")).done


@pytest.mark.parametrize("fault", ["card_fails", "rolls_back"])
def test_a_failure_leaves_the_card_as_it_was(fault: str) -> None:
    card = card_with_x("disabled")
    outcome = carried_out(card, "enable", X, draws(fault))
    assert (outcome.card, outcome.done) == (card, False)


@pytest.mark.parametrize("done", [True, False])
def test_expired_is_told_the_same_whether_the_card_did_it_or_not(done: bool) -> None:
    card = card_with_x("disabled")
    outcome = carried_out(card, "enable", X, draws(course="expired", done_anyway=done))
    assert (outcome.unknown, outcome.told_as_done) == (True, False)
    assert (outcome.done, outcome.card.enabled == X) == (done, done)


def test_what_the_card_refuses_never_expires() -> None:
    outcome = carried_out(card_with_x("enabled"), "enable", X, draws(course="expired", done_anyway=True))
    assert (outcome.unknown, outcome.what) == (False, "refused")


def test_a_profile_is_suspended_once() -> None:
    card = last(card_with_x("enabled"), "profile_suspend", X)
    assert isinstance(perform(card, "profile_suspend", X), Refused)
    assert carried_out(card, "device_suspend", X, draws()).unchanged == {X}
    assert carried_out(card, "device_resume", X, draws()).unchanged == {B, Y}
    assert not last(card, "device_resume", X).suspended


Doing = tuple[str, str, str]
DOINGS = st.lists(
    st.tuples(
        st.sampled_from([*ACTIONS, "activate"]), st.sampled_from([B, X, Y]), st.sampled_from(["", *STRUCK])
    )
)


@given(DOINGS, st.booleans())
def test_exactly_one_profile_is_enabled_whatever_is_done(doings: list[Doing], falls_back: bool) -> None:
    cards = [new_card("eid", B)]
    for action, iccid, fault in doings:
        outcome = carried_out(cards[-1], action, iccid, draws(fault))
        cards.append(fallen_back(outcome.card) if falls_back else outcome.card)
    for card in cards:
        assert [card.state(one) for one in (B, X, Y)].count("enabled") == 1
        assert card.state(card.fallback) in {"enabled", "disabled"}


@given(DOINGS)
def test_no_step_is_skipped(doings: list[Doing]) -> None:
    """Between two cards in a row at most the enabled profile changes, or one profile comes or goes."""
    card = new_card("eid", B)
    for action, iccid, _ in doings:
        done = perform(card, action, iccid)
        steps = done if isinstance(done, tuple) else ()
        for before, after in pairwise((card, *steps)):
            moved = before.present ^ after.present
            assert not moved or (before.enabled == after.enabled and len(moved) == 1)
        card = steps[-1] if steps else card


@given(DOINGS)
def test_what_is_refused_changes_nothing(doings: list[Doing]) -> None:
    card = new_card("eid", B)
    for action, iccid, fault in doings:
        outcome = carried_out(card, action, iccid, draws(fault))
        assert outcome.what != "refused" or outcome.card is card
        card = outcome.card
