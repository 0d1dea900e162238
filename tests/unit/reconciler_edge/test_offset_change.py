"""What a decision about an offset finds, does and costs, as a table."""

import pytest

from reconciler.core.batch import Place, Position, TopicId
from reconciler.offsets.change import (
    Change,
    Found,
    Stand,
    Target,
    accept_gap,
    described,
    effects,
    needed,
    reset,
)

PLACE = Place("events", 2)


def stand(stored: int, first: int, end: int, *, last: str | None = "a", before: str | None = "a") -> Stand:
    return Stand(PLACE, Position(stored, last), first, end, before)


FITS = stand(5, 0, 8)
GAP = stand(5, 7, 8)
SHORT = stand(5, 0, 3)
OTHER = stand(5, 0, 8, before="b")
HOLE = stand(5, 0, 8, before=None)


X, Y = TopicId("x"), TopicId("y")


def named(stored: TopicId | None, now: TopicId | None, *, first: int = 0) -> Stand:
    """Where every record fits."""
    return Stand(PLACE, Position(5, "a", stored), first, 8, "a", now)


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (FITS, "fits"),
        (stand(5, 5, 8, before=None), "fits"),
        (stand(5, 0, 8, last=None, before="b"), "fits"),
        (stand(0, 0, 0, last=None, before=None), "fits"),
        (stand(8, 0, 8), "fits"),
        (GAP, "gap"),
        (stand(0, 1, 1, last=None, before=None), "gap"),
        (SHORT, "recreated"),
        (OTHER, "recreated"),
        (HOLE, "recreated"),
        (named(X, X), "fits"),
        (named(None, X), "fits"),
        (named(X, None), "fits"),
        (named(X, Y), "recreated"),
        (named(X, Y, first=7), "recreated"),
    ],
)
def test_what_is_found(seen: Stand, found: Found) -> None:
    assert seen.found == found
    assert needed(seen, "reset") is (found == "recreated")
    assert needed(seen, "accept-gap") is (found == "gap")


@pytest.mark.parametrize(
    ("seen", "target", "cost"),
    [
        (FITS, "earliest", (0, 0, 0, 5, 8)),
        (FITS, 3, (3, 0, 0, 2, 5)),
        (FITS, "latest", (8, 0, 3, 0, 0)),
        (GAP, "earliest", (7, 2, 0, 0, 1)),
        (GAP, "latest", (8, 2, 1, 0, 0)),
        (SHORT, "earliest", (0, None, 0, 0, 3)),
        (SHORT, "latest", (3, None, 3, 0, 0)),
        (OTHER, 6, (6, None, 6, 0, 2)),
    ],
)
def test_what_a_reset_costs(seen: Stand, target: Target, cost: tuple[int, int | None, int, int, int]) -> None:
    change = reset(seen, target)
    assert isinstance(change, Change)
    assert (change.offset, change.missing, change.skipped, change.again, change.waiting) == cost


def test_an_offset_that_kafka_does_not_have_is_refused() -> None:
    assert reset(GAP, 6) == "Kafka has the offsets 7 to 8; 6 is none of them"
    assert isinstance(reset(FITS, 9), str)


def test_only_a_gap_is_accepted() -> None:
    change = accept_gap(GAP)
    assert isinstance(change, Change)
    assert (change.offset, change.missing, change.skipped) == (7, 2, 0)
    assert accept_gap(FITS) == "there is no gap"
    refused = accept_gap(OTHER)
    assert isinstance(refused, str)
    assert "offsets reset" in refused


def test_people_are_told_what_would_happen() -> None:
    assert described(GAP) == (
        "events partition 2: next to apply is 5, Kafka has offset 7; the next records to apply were removed "
        "from Kafka"
    )
    change = accept_gap(GAP)
    assert isinstance(change, Change)
    assert effects(change) == [
        "goes on at offset 7; 1 records wait there",
        "2 records, offsets 5 to 6, are lost to it",
    ]
    again = reset(OTHER, "earliest")
    assert isinstance(again, Change)
    assert effects(again) == [
        "goes on at offset 0; 8 records wait there",
        "whatever the old topic held from offset 5 on and nobody applied is not in the ledger",
    ]
