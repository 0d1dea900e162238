"""Which jobs follow from what has settled."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from yarl import URL

from reconciler.downstream.planning import (
    Mapped,
    Settled,
    is_deletion,
    is_return,
    is_taken_back,
    jobs_for,
    too_many,
)
from reconciler.downstream.targets import Target

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
NOW = AT + timedelta(minutes=5)
EID, ICCID, ACCOUNT = "8904" + "0" * 28, "8914800000084078425", "1223334444-00001"

DELETED = Settled("op-1", ACCOUNT, "request-1", EID, ICCID, "delete", "succeeded", True, AT, 7, replay=False)
ROW = Mapped(
    1,
    ACCOUNT,
    EID,
    ICCID,
    "imi",
    "subscription",
    "app",
    "9876",
    "dev-1",
    True,
    False,
    gone=False,
    verified=False,
)
CUSTOMER = replace(ROW, mapping_id=2, target="oracle", app_id="", holder_id="jdoe", device_id="")
IMI = Target(
    name="imi",
    kind="imiconnect",
    mode="live",
    accounts=frozenset({ACCOUNT}),
    base=URL("https://api.eu.webexconnect.io"),
    secret=SecretStr("key"),
    ca_file=None,
    policy="last_device",
    hold=timedelta(hours=24),
    event_age_max=timedelta(days=7),
    replays=False,
    per_second=1.0,
    deletes_max=50,
    deletes_share_max=0.1,
    deletes_window=timedelta(hours=1),
    timeout_s=30.0,
    allow=frozenset(),
    deny=frozenset(),
)
ORACLE = replace(IMI, name="oracle", kind="oracle_risk")


def planned(
    settled: Settled = DELETED, row: Mapped = ROW, target: Target = IMI, *others: Mapped
) -> list[str]:
    holders = {(row.target, row.holder_id): [row, *others]}
    return [job.state for job in jobs_for(settled, [row], holders, {target.name: target}, NOW)]


def test_a_settled_deletion_of_a_mapped_profile_is_held_for_its_time() -> None:
    (job,) = jobs_for(DELETED, [ROW], {}, {"imi": IMI}, NOW)
    assert (job.state, job.hold_until, job.event_at) == ("held", AT + timedelta(hours=24), AT)
    (late,) = jobs_for(DELETED, [ROW], {}, {"imi": replace(IMI, hold=timedelta(0))}, NOW)
    assert late.hold_until == NOW


@pytest.mark.parametrize(
    "settled",
    [
        replace(DELETED, state="warned", final=False),
        replace(DELETED, state="failed"),
        replace(DELETED, state="conflicted", final=False),
        replace(DELETED, state="submitted", final=False),
        replace(DELETED, action="disable"),
        replace(DELETED, action=None),
        replace(DELETED, eid=None),
        replace(DELETED, iccid=None),
        replace(DELETED, settled_at=None),
        replace(DELETED, replay=True),
        replace(DELETED, account="another"),
        replace(DELETED, iccid="another"),
    ],
)
def test_nothing_else_plans_anything(settled: Settled) -> None:
    assert planned(settled) == []


@pytest.mark.parametrize(
    "row",
    [
        replace(ROW, enabled=False),
        replace(ROW, binding="device"),
        replace(ROW, account="another"),
        replace(ROW, target="another"),
        replace(ROW, iccid="another"),
    ],
)
def test_only_an_enabled_row_of_this_very_subscription_fires(row: Mapped) -> None:
    assert planned(row=row) == []


def test_a_target_that_is_off_or_not_for_the_account_plans_nothing() -> None:
    assert planned(target=replace(IMI, mode="off")) == []
    assert planned(target=replace(IMI, accounts=frozenset({"another"}))) == []


def test_a_replay_counts_only_where_the_target_was_told_so() -> None:
    assert planned(replace(DELETED, replay=True), target=replace(IMI, replays=True)) == ["held"]


@pytest.mark.parametrize(
    ("target", "row", "state"),
    [
        (IMI, replace(ROW, denied=True), "denied"),
        (replace(IMI, deny=frozenset({"9876"})), ROW, "denied"),
        (replace(IMI, deny=frozenset({EID})), ROW, "denied"),
        (replace(IMI, allow=frozenset({"another"})), ROW, "denied"),
        (replace(IMI, allow=frozenset({"app"})), ROW, "held"),
        (replace(IMI, allow=frozenset({"app"}), deny=frozenset({"app"})), ROW, "denied"),
        (replace(IMI, event_age_max=timedelta(minutes=4)), ROW, "too_old"),
        (replace(IMI, mode="dry-run"), ROW, "dry_run"),
        (replace(IMI, mode="dry-run"), replace(ROW, denied=True), "denied"),
    ],
)
def test_what_stands_before_a_job(target: Target, row: Mapped, state: str) -> None:
    assert planned(row=row, target=target) == [state]


def test_a_customer_is_signed_off_with_the_last_device_only() -> None:
    here = replace(CUSTOMER, mapping_id=3, iccid="another")
    gone = replace(here, gone=True)
    off = replace(here, enabled=False)
    assert planned(DELETED, CUSTOMER, ORACLE) == ["held"]
    assert planned(DELETED, CUSTOMER, ORACLE, here) == []
    assert planned(DELETED, CUSTOMER, ORACLE, gone, off) == ["held"]
    assert planned(DELETED, CUSTOMER, replace(ORACLE, policy="any_device"), here) == ["held"]


def test_the_same_deletion_has_one_key_and_another_has_another() -> None:
    def key(settled: Settled, row: Mapped = ROW) -> bytes:
        return jobs_for(settled, [row], {}, {"imi": IMI}, NOW)[0].key

    assert key(DELETED) == key(replace(DELETED, version=9, settled_at=NOW, operation_id="op-2"))
    assert (
        len({key(DELETED), key(replace(DELETED, request_id="2")), key(DELETED, replace(ROW, app_id="b"))})
        == 3
    )


def test_what_a_message_means() -> None:
    assert is_deletion(DELETED)
    assert is_return(replace(DELETED, action="download_enable"))
    assert not is_return(replace(DELETED, action="enable", state="failed"))
    assert is_taken_back(replace(DELETED, state="conflicted"))
    assert not is_taken_back(DELETED)


@pytest.mark.parametrize(
    ("planned", "mapped", "brakes"),
    [
        (50, 10_000, False),
        (51, 10_000, True),
        (10, 20, False),
        (11, 20, True),
        (11, 200, False),
        (3, 3, False),
    ],
)
def test_too_many_is_a_number_or_a_share(planned: int, mapped: int, brakes: bool) -> None:
    assert too_many(planned, mapped, IMI) == brakes
