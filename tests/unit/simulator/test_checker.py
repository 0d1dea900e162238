"""The checker finds each kind of fault, and none in a ledger that is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from tests.acceptance.checker import caught_up, check_all, lawful_state
from tests.acceptance.journal import Attempt, Journal, Truth
from tests.acceptance.ledger import Copy, Event, Ledger, Offset, Operation, Profile, Quarantined

ACCOUNT, TOPIC = "1223334444-00001", "profile.events.v1"


@dataclass(frozen=True)
class Record:
    partition: int
    offset: int
    headers: tuple[tuple[str, bytes], ...]


def attempt(request_id: str, event_id: str | None, status: int | None = 200, **changes: str) -> Attempt:
    made = Attempt(ACCOUNT, request_id, f"payload-{request_id}", event_id, "right", 1, status, 200)
    return replace(made, **changes)  # type: ignore[arg-type]


JOURNAL = Journal(
    (
        attempt("good", "e1"),
        attempt("good", "e1"),
        attempt("lost", "e2", None),
        replace(attempt("forged", "e3", 403, credentials="wrong"), expected_status=403),
        attempt("unreadable", None),
    ),
    (
        Truth("operation", ACCOUNT, "good", "eid-1", "enable", "succeeded", None),
        Truth("operation", ACCOUNT, "lost", "eid-1", "enable", "succeeded", None),
        Truth("quarantine", ACCOUNT, "forged", None, None, None, "unauthenticated"),
        Truth("quarantine", ACCOUNT, "unreadable", None, None, None, None),
    ),
)
EVENT = Event("e1", "callback", ACCOUNT, "good", "applied", (), 0, 0, "{}")
OPERATION = Operation(
    ACCOUNT, "good", "eid-1", "eid-1", None, "enable", "succeeded", True, frozenset({"submitted", "success"})
)
BOOTSTRAP = Profile(ACCOUNT, "eid-1", None, True, "unknown", frozenset({"enabled", "disabled"}), False)
LEDGER = Ledger(
    (EVENT,),
    (Copy("e1", 1, 0, 0), Copy("e1", 2, 0, 1)),
    (OPERATION,),
    (BOOTSTRAP,),
    (
        Quarantined("unauthenticated", ACCOUNT, "forged", b"", 1),
        Quarantined("not_json", ACCOUNT, "unreadable", b"{", 1),
    ),
    (Offset(TOPIC, 0, 2, "e1"),),
)
RECORDS = [Record(0, 0, (("ce_id", b"e1"),)), Record(0, 1, (("ce_id", b"e1"),))]


def test_a_ledger_that_is_right_has_no_faults() -> None:
    assert check_all(JOURNAL, LEDGER, RECORDS) == []


ENABLED = replace(BOOTSTRAP, bootstrap=False, state="enabled", iccid="1")

WRONG: dict[str, tuple[Callable[[Ledger], Ledger], str]] = {
    "an accepted event is gone": (lambda one: replace(one, events=()), "A: e1"),
    "an accepted unreadable body is gone": (lambda one: replace(one, quarantine=()), "A: unreadable"),
    "an event has two rows": (lambda one: replace(one, events=(EVENT, EVENT)), "A/B: e1 has 2 rows"),
    "an event was never sent": (
        lambda one: replace(one, events=(EVENT, replace(EVENT, event_id="e9"))),
        "e9 (request good) was never sent",
    ),
    "a forged message is an event": (
        lambda one: replace(one, events=(EVENT, replace(EVENT, event_id="e3"))),
        "e3 came with a wrong password",
    ),
    "a delivery is missing": (lambda one: replace(one, copies=one.copies[:1]), "F: partition 0 offset 1"),
    "a record was applied twice": (lambda one: replace(one, copies=one.copies * 2), "was applied 2 times"),
    "the offset is behind": (
        lambda one: replace(one, offsets=(Offset(TOPIC, 0, 1, "e1"),)),
        "F: partition 0 ends",
    ),
    "a state does not follow": (
        lambda one: replace(one, operations=(replace(OPERATION, facts=frozenset({"submitted"})),)),
        "H: good/eid-1 is succeeded",
    ),
    "final is wrong": (
        lambda one: replace(one, operations=(replace(OPERATION, final=False),)),
        "final=False",
    ),
    "the truth is another": (
        lambda one: replace(
            one, operations=(replace(OPERATION, state="failed", facts=frozenset({"failure"})),)
        ),
        "truth: good/eid-1: failed, not succeeded",
    ),
    "the action is another": (
        lambda one: replace(one, operations=(replace(OPERATION, action=None),)),
        "action None",
    ),
    "the operation is missing": (lambda one: replace(one, operations=()), "0 operations"),
    "two profiles are enabled": (
        lambda one: replace(one, profiles=(BOOTSTRAP, ENABLED, replace(ENABLED, iccid="2"))),
        "more than one profile is enabled",
    ),
    "there is no bootstrap": (lambda one: replace(one, profiles=(ENABLED,)), "0 bootstrap rows"),
    "the refusal is not in quarantine": (
        lambda one: replace(one, quarantine=one.quarantine[1:]),
        "truth: forged/None: not in quarantine",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_each_fault_is_found(name: str) -> None:
    change, told = WRONG[name]
    faults = check_all(JOURNAL, change(LEDGER), RECORDS)
    assert any(told in fault for fault in faults), faults


def test_a_refusal_may_go_unnoted_where_somebody_was_told_that_there_is_no_room() -> None:
    full = replace(JOURNAL, attempts=(*JOURNAL.attempts, replace(JOURNAL.attempts[0], status=503)))
    assert check_all(full, replace(LEDGER, quarantine=LEDGER.quarantine[1:]), RECORDS) == []


def test_a_message_that_was_never_accepted_promises_nothing() -> None:
    may_be_there = replace(LEDGER, events=(EVENT, replace(EVENT, event_id="e2", request_id="lost")))
    assert check_all(JOURNAL, may_be_there, RECORDS) == []


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"submitted", "success", "failure"}, "conflicted"),
        ({"success", "failure", "poll_failure"}, "failed"),
        ({"submitted", "interim"}, "warned"),
        ({"submitted", "interim", "held", "unclear"}, "unclear"),
        ({"intended", "rejected"}, "rejected"),
        ({"intended", "submit_unclear"}, "submit_unclear"),
        ({"intended"}, "intended"),
        (set(), None),
    ],
)
def test_the_law_is_the_published_table(facts: set[str], state: str | None) -> None:
    assert lawful_state(frozenset(facts)) == state


def test_caught_up_means_every_partition_is_stored_to_its_end() -> None:
    assert caught_up(LEDGER, {(TOPIC, 0): 2})
    assert not caught_up(LEDGER, {(TOPIC, 0): 3})
    assert not caught_up(LEDGER, {(TOPIC, 0): 2, (TOPIC, 1): 1})
