"""What is told, under which key and version, when operations and profiles change."""

import json

import pytest

from reconciler.core.device import ProfileChanges, StoredProfile
from reconciler.core.operation import Operation
from reconciler.core.outbox import Versions, latest_by_key, messages_of, rows_of, versions_of
from reconciler.core.profile import Profile
from reconciler.core.settle import Settled
from schemas.ids import Eid, Iccid, OperationId, RequestId
from schemas.message import Message
from tests.contract.golden_messages import BOOTSTRAP, PROFILE, SETTLED, WARNED

NOW = 1_000_000
NO_PROFILES = ProfileChanges([], [], [])
OTHER = SETTLED._replace(operation_id=OperationId("other"))
ELSEWHERE = SETTLED._replace(operation_id=OperationId("elsewhere"), eid=Eid("another"))


def settled(
    *changed: Operation, gone: tuple[Operation, ...] = (), before: tuple[Operation, ...] = ()
) -> Settled:
    return Settled({}, changed, gone, {row.operation_id: row for row in before})


def told(work: Settled, profiles: ProfileChanges = NO_PROFILES) -> list[Message]:
    return messages_of(work, versions_of(work, {}, NOW), profiles, NOW, "event")


def numbers(versions: Versions) -> list[tuple[str, int]]:
    return [(row.operation_id, version) for row, version in (*versions.gone, *versions.changed)]


def test_versions_are_microseconds_and_rise_within_a_key_also_at_once() -> None:
    found = numbers(versions_of(settled(SETTLED, ELSEWHERE, gone=(OTHER,)), {}, NOW))
    assert found == [("other", NOW), (SETTLED.operation_id, NOW + 1), ("elsewhere", NOW)]


def test_versions_rise_also_where_the_clock_goes_back() -> None:
    latest = latest_by_key([(OTHER, NOW + 7), (SETTLED, NOW + 3), (ELSEWHERE, 2)])
    found = numbers(versions_of(settled(SETTLED, ELSEWHERE), latest, NOW))
    assert found == [(SETTLED.operation_id, NOW + 8), ("elsewhere", NOW)]


def test_what_others_do_not_see_is_not_told() -> None:
    before = SETTLED._replace(success_iccids=(), needs_target=False)
    assert told(settled(SETTLED, before=(before,))) == []


@pytest.mark.parametrize(
    "before",
    [
        SETTLED._replace(state="conflicted", final=False),
        SETTLED._replace(facts=("success",)),
        SETTLED._replace(iccid_target=None),
        SETTLED._replace(settled_at=None),
        SETTLED._replace(confirmed=False),
    ],
)
def test_each_change_of_what_others_see_is_told(before: Operation) -> None:
    (message,) = told(settled(SETTLED, before=(before,)))
    assert message.value is not None
    assert json.loads(message.value)["version"] == message.version == NOW


def test_a_new_operation_is_told_by_its_eid_else_by_its_request() -> None:
    by_eid, by_request = told(settled(SETTLED, WARNED))
    assert (by_eid.key, by_eid.eid) == (SETTLED.eid, SETTLED.eid)
    assert (by_request.key, by_request.eid) == (WARNED.request_id, None)
    intent = WARNED._replace(request_id=None, intent_id=SETTLED.intent_id)
    assert [message.key for message in told(settled(intent))] == [SETTLED.intent_id]


def test_what_vanishes_is_a_tombstone_before_what_it_became() -> None:
    intent = SETTLED._replace(operation_id=OperationId("intent"), request_id=None)
    gone, new = told(settled(SETTLED, gone=(intent,)))
    assert (gone.operation_id, gone.value, gone.key) == ("intent", None, SETTLED.eid)
    assert new.value is not None and new.version > gone.version


def test_a_row_that_only_moves_is_not_said_to_be_gone() -> None:
    moved = SETTLED._replace(request_id=RequestId("somewhere"), eid=Eid("wrong"))
    (message,) = told(settled(SETTLED, gone=(moved,)))
    assert (message.key, message.operation_id) == (SETTLED.eid, SETTLED.operation_id)


def stored(profile: Profile, version: int = 1) -> StoredProfile:
    return StoredProfile(7, version, profile)


def test_every_profile_that_changes_is_told_under_its_own_key() -> None:
    changes = ProfileChanges([BOOTSTRAP], [(stored(PROFILE), PROFILE)], [])
    assert [(message.key, message.version) for message in told(settled(), changes)] == [
        (f"{PROFILE.eid}/{PROFILE.iccid}", NOW),
        (f"{PROFILE.eid}/bootstrap", NOW),
    ]


def test_a_profile_that_vanishes_is_a_tombstone() -> None:
    (message,) = told(settled(), ProfileChanges([], [], [stored(PROFILE, NOW + 5)]))
    assert (message.key, message.version, message.value) == (
        f"{PROFILE.eid}/{PROFILE.iccid}",
        NOW + 6,
        None,
    )


def test_a_bootstrap_whose_iccid_is_learnt_leaves_its_first_key() -> None:
    named = BOOTSTRAP._replace(iccid=Iccid("89"))
    gone, new = told(settled(), ProfileChanges([], [(stored(BOOTSTRAP), named)], []))
    assert (gone.key, gone.value) == (f"{PROFILE.eid}/bootstrap", None)
    assert new.key == f"{PROFILE.eid}/89" and new.value is not None


def test_a_rebuild_says_that_it_is_one() -> None:
    work = settled(SETTLED, gone=(OTHER,))
    messages = messages_of(work, versions_of(work, {}, NOW), NO_PROFILES, NOW, "rebuild")
    assert {message.cause for message in messages} == {"rebuild"}
    assert messages[1].value is not None and json.loads(messages[1].value)["cause"] == "rebuild"


def test_a_row_of_the_outbox_is_the_message() -> None:
    messages = told(settled(SETTLED))
    assert rows_of(messages) == [tuple(message) for message in messages]
    assert len(Message._fields) == len(rows_of(messages)[0])
