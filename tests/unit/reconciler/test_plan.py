"""The plan: array text, copies counted, and rows whose order and versions rise."""

from datetime import UTC, datetime, timedelta

import pytest

from reconciler.core.batch import Batch, Place, Unusable
from reconciler.core.device import ProfileChanges, StoredProfile
from reconciler.core.plan import Head, Moment, Plan, array_text, plan_of
from reconciler.core.profile import Profile
from reconciler.core.settle import UNMATCHED, Settled, told
from schemas.ids import Eid, Iccid, OperationId
from tests.unit.reconciler.events import ACCOUNT, EID, START, X, arrived

PLACE = Place("events", 0)
NOW = datetime(2026, 3, 2, tzinfo=UTC)
NOW_US = int(NOW.timestamp()) * 1_000_000
NO_PROFILES = ProfileChanges([], [], [])
PROFILE = Profile(
    EID, ACCOUNT, X, False, "enabled", ("enabled",), "confirmed", False, START, OperationId("0" * 8)
)


def planned(batch: Batch, profiles: ProfileChanges = NO_PROFILES) -> Plan:
    moment = Moment(NOW, {PLACE: Head(bytes(32), 0)}, bytes(16 * len(batch.items)))
    story = told([item for item in batch.items if not isinstance(item, Unusable)], [])
    notes = {item.evidence.key: UNMATCHED for item in story.fresh}
    settled = Settled(notes, (), (), {})
    return plan_of(batch, moment, story, settled, {}, (), profiles, list(range(len(profiles.new))))


def aside(offset: int, content: bytes, account: str | None = ACCOUNT) -> Unusable:
    return Unusable(PLACE, offset, "i", "r", account, None, None, None, content, content * 32, None, None)


@pytest.mark.parametrize(
    ("items", "text"),
    [((), "{}"), (("a", "b"), '{"a","b"}'), (('q"', "b\\s", "c,d"), '{"q\\"","b\\\\s","c,d"}')],
)
def test_an_array_is_written_as_postgresql_reads_it(items: tuple[str, ...], text: str) -> None:
    assert array_text(items) == text


def test_each_copy_is_a_delivery_and_the_first_one_the_event() -> None:
    items = (arrived(PLACE, 0, request="R"), arrived(PLACE, 1, request="S"), arrived(PLACE, 2, request="R"))
    plan = planned(Batch(items, {PLACE: 0}))
    assert len(plan.events) == len(plan.evidence) == 2
    assert len(plan.deliveries) == 3
    assert plan.counted.outcomes == {("request", "unmatched"): 2, ("request", "copy"): 1}
    assert plan.counted.ages_s == [86400.0, 86400.0]


def test_the_least_time_counts_whichever_copy_comes_first() -> None:
    items = (arrived(PLACE, 0, request="R", at=5), arrived(PLACE, 1, request="R", at=3))
    (row,) = planned(Batch(items, {PLACE: 0})).evidence
    assert START + timedelta(seconds=3) in row and START + timedelta(seconds=5) not in row


def test_the_offsets_move_behind_the_last_record_and_the_chain_to_its_last_link() -> None:
    items = (arrived(PLACE, 4), aside(6, b"x"))
    (row,) = planned(Batch(items, {PLACE: 4})).offsets
    assert row[:4] == ("events", 0, 7, "i")
    assert row[5] == 1


def test_equal_content_is_one_row_of_the_quarantine_in_the_order_of_its_key() -> None:
    items = (aside(0, b"b"), aside(1, b"a"), aside(2, b"b"), aside(3, b"b", account=None))
    rows = planned(Batch(items, {PLACE: 0})).quarantine
    assert [(row[1], row[6], row[7]) for row in rows] == [
        (ACCOUNT, b"a", 1),
        (None, b"b", 1),
        (ACCOUNT, b"b", 2),
    ]


@pytest.mark.parametrize(
    ("version", "expected"), [(1, NOW_US), (NOW_US + 5, NOW_US + 6)], ids=["usual", "clock went back"]
)
def test_versions_are_microseconds_and_rise_also_where_the_clock_goes_back(
    version: int, expected: int
) -> None:
    was = StoredProfile(7, version, PROFILE)
    batch = Batch((arrived(PLACE, 0),), {PLACE: 0})
    plan = planned(batch, ProfileChanges([], [(was, PROFILE)], []))
    (row,) = plan.profiles_changed
    assert (row[0], row[-1]) == (7, expected)
    assert plan.history_closed == [(EID, 7, expected)]
    assert plan.history == [7]


def test_a_row_that_vanishes_ends_its_history_and_begins_none() -> None:
    was = StoredProfile(7, 1, PROFILE)
    plan = planned(Batch((arrived(PLACE, 0),), {PLACE: 0}), ProfileChanges([], [], [was]))
    assert (plan.profiles_gone, plan.history, plan.history_closed) == ([7], [], [(EID, 7, NOW_US)])


def test_new_profiles_get_the_ids_that_were_taken_for_them() -> None:
    other = Profile(
        Eid("e"),
        ACCOUNT,
        Iccid("i"),
        False,
        "absent",
        ("absent",),
        "inferred",
        False,
        START,
        OperationId("1"),
    )
    plan = planned(Batch((arrived(PLACE, 0),), {PLACE: 0}), ProfileChanges([PROFILE, other], [], []))
    assert [row[0] for row in plan.profiles] == plan.history == [0, 1]
