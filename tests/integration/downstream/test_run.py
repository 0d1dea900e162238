"""From a settled deletion on the topic to what the target did, and back: `profile-downstream run`, whole."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.database import Database
from tests.support.downstream import (
    ACCOUNT,
    APP,
    EIDS,
    Downstream,
    eid_of,
    iccid_of,
    operation,
    sent_deletions,
    settled_as,
)
from tests.support.polling import eventually

ONE_PROFILE = re.compile(r"DELETE /resources/v2/customerappprofile/[^/?#]+/[^/?#]+/[^/?#]+")


async def test_a_settled_deletion_deletes_the_mapped_app_profile_and_checks_it(
    downstream: Downstream, database: Database
) -> None:
    await downstream.map(downstream.device(1), downstream.device(2))
    await downstream.run()
    await downstream.settle(downstream.deleted(1))
    await settled_as(downstream, "confirmed")
    assert sorted(downstream.profiles.profiles) == [(APP, "9876", "dev-2")]
    assert sent_deletions(downstream.profiles.calls) == [
        f"DELETE /resources/v2/customerappprofile/{APP}/9876/dev-1"
    ]
    steps = [call.split("/")[3] for call in downstream.profiles.calls]
    assert steps == ["customerappprofile", "customerappprofile", "profile", "customerappprofile"]
    async with database.connect("profile_auditor") as auditor:
        taken = await auditor.fetch("select step, state from audit.downstream_transitions order by at")
    assert [tuple(row) for row in taken] == [
        ("plan", "held"),
        ("send", "sending"),
        ("send", "accepted"),
        ("ask", "checking"),
        ("check", "confirmed"),
    ]


@pytest.mark.parametrize(
    "faults",
    [
        {"envelope": "old", "queued_code": "1001"},
        {"finishes_at_once": True},
        {"queued_status": 200, "numbers": True},
        {"done_after_s": 1.0},
        {"html_502": 1},
        {"rate_limited": 1},
        {"internal_errors": 1},
        {"hang_ups_after_effect": 1},
    ],
    ids=", ".join,
)
async def test_whatever_the_target_answers_it_is_deleted_once_and_confirmed(
    downstream: Downstream, faults: dict[str, object]
) -> None:
    for name, value in faults.items():
        setattr(downstream.profiles.faults, name, value)
    await downstream.map(downstream.device(1))
    await downstream.run()
    await downstream.settle(downstream.deleted(1))
    await settled_as(downstream, "confirmed")
    assert downstream.profiles.profiles == {}
    assert downstream.profiles.wide_deletions == 0
    looked = [bool(ONE_PROFILE.fullmatch(call)) for call in downstream.profiles.calls]
    assert not any(first and second for first, second in pairwise(looked))


async def test_a_device_that_is_linked_again_is_never_deleted(downstream: Downstream) -> None:
    line = downstream.device(1)
    downstream.profiles.link((APP, "9876", "dev-1"), datetime.now(UTC) + timedelta(minutes=1))
    await downstream.map(line)
    await downstream.run()
    await downstream.settle(downstream.deleted(1))
    await settled_as(downstream, "linked_anew")
    assert sent_deletions(downstream.profiles.calls) == []


async def test_a_customer_is_signed_off_once_and_with_the_last_device(downstream: Downstream) -> None:
    lines = [downstream.device(number, target="oracle", holder="jdoe") for number in (1, 2)]
    await downstream.map(*lines)
    await downstream.run()
    await downstream.settle(downstream.deleted(1))
    await downstream.settle(downstream.deleted(2), downstream.deleted(2, version=2))
    await settled_as(downstream, "confirmed")
    assert downstream.care.ran == [("jdoe", "unregisterDevices")]
    assert downstream.care.calls == ["DELETE /risk-cc/customercare/v1/jdoe/provision?unregisterDevices=true"]
    assert downstream.care.devices == {"jdoe": set()}


async def test_several_deletions_of_one_customer_are_one_call(downstream: Downstream) -> None:
    downstream.targets(policy="any_device", hold="2s")
    await downstream.map(*(downstream.device(number, target="oracle", holder="jdoe") for number in (1, 2)))
    await downstream.run()
    await downstream.settle(downstream.deleted(1), downstream.deleted(2))

    async def both() -> bool:
        return sorted(map(str, await downstream.states())) == ["confirmed", "merged"]

    await eventually(both, within_s=30)
    assert len(downstream.care.calls) == 1


async def test_a_dead_letter_is_tried_again_when_a_person_says_so(downstream: Downstream) -> None:
    await downstream.map(
        downstream.device(1, target="oracle", holder="jdoe"),
        downstream.device(2, target="oracle", holder="late"),
    )
    registered = downstream.care.devices.pop("late")
    await downstream.run()
    await downstream.settle(downstream.deleted(1))
    await settled_as(downstream, "confirmed")
    await downstream.settle(downstream.deleted(2))
    await settled_as(downstream, "confirmed", "failed")
    downstream.care.devices["late"] = registered
    await downstream.typed("approve", "2", "--by", "tester")
    await settled_as(downstream, "confirmed", "confirmed")


async def test_an_unknown_customer_at_an_address_that_never_answered_stops_the_target(
    downstream: Downstream,
) -> None:
    line = downstream.device(1, target="oracle", holder="nobody")
    downstream.care.devices.clear()
    await downstream.map(line, downstream.device(2, target="oracle", holder="jdoe"))
    await downstream.run()
    await downstream.settle(downstream.deleted(1))

    async def is_stopped() -> bool:
        return "never answered" in str((await downstream.typed("status", "--json")).json())

    await eventually(is_stopped, within_s=20)
    assert await downstream.states() == ["held"]
    await downstream.typed("cancel", "1", "--by", "tester")
    await downstream.typed("resume", "oracle", "--by", "tester")
    await downstream.settle(downstream.deleted(2))
    await settled_as(downstream, "cancelled", "confirmed")


async def test_nothing_but_a_settled_deletion_starts_anything(downstream: Downstream) -> None:
    await downstream.map(downstream.device(1), downstream.device(2))
    await downstream.run()
    await downstream.settle(
        downstream.deleted(1, state="warned", final=False, settled_at=None),
        downstream.deleted(1, state="submitted", final=False, settled_at=None),
        downstream.deleted(1, cause="rebuild"),
        operation(1, action="disable"),
        {"eid": EIDS[1], "what": "is this"},
        downstream.deleted(2),
    )
    await settled_as(downstream, "confirmed")
    assert sorted(downstream.profiles.profiles) == [(APP, "9876", "dev-1")]


async def test_what_settled_before_the_first_start_is_nobodys_errand(downstream: Downstream) -> None:
    await downstream.map(downstream.device(1), downstream.device(2))
    await downstream.settle(downstream.deleted(1))
    await downstream.run()
    await downstream.settle(downstream.deleted(2))
    await settled_as(downstream, "confirmed")
    assert sorted(downstream.profiles.profiles) == [(APP, "9876", "dev-1")]


async def test_what_settles_while_it_is_stopped_is_done_after_the_start_once(downstream: Downstream) -> None:
    await downstream.map(downstream.device(1))
    first = await downstream.run()
    assert await first.stop() == 0
    await downstream.settle(downstream.deleted(1))
    second = await downstream.run()
    await settled_as(downstream, "confirmed")
    assert await second.stop() == 0
    await downstream.run()
    await downstream.settle(downstream.deleted(1, version=3))
    await settled_as(downstream, "confirmed")
    assert len(sent_deletions(downstream.profiles.calls)) == 1


async def test_dry_run_shows_the_exact_request_and_sends_nothing(downstream: Downstream) -> None:
    downstream.targets(mode="dry-run")
    await downstream.map(downstream.device(1), downstream.device(2, target="oracle", holder="jdoe"))
    await downstream.run()
    await downstream.settle(downstream.deleted(1), downstream.deleted(2))
    await settled_as(downstream, "dry_run", "dry_run")
    shown = {str(row["target"]): str(row["request"]).splitlines() for row in await downstream.jobs()}
    assert shown["imi"][0] == f"DELETE {downstream.imi_url}/resources/v2/customerappprofile/{APP}/9876/dev-1"
    assert "key: ***" in shown["imi"]
    assert shown["oracle"][0] == (
        f"DELETE {downstream.oracle_url}/risk-cc/customercare/v1/jdoe/provision?unregisterDevices=true"
    )
    assert "Authorization: ***" in shown["oracle"]
    assert downstream.profiles.calls == downstream.care.calls == []


async def test_a_held_job_is_cancelled_when_the_profile_comes_back(downstream: Downstream) -> None:
    downstream.targets(hold="1h")
    await downstream.map(downstream.device(1))
    await downstream.run()
    await downstream.settle(downstream.deleted(1))
    await settled_as(downstream, "held")
    await downstream.settle(operation(1, action="download_enable", request_id="again"))
    await settled_as(downstream, "cancelled")


async def test_a_deletion_in_doubt_is_cancelled_and_comes_again_when_it_settles(
    downstream: Downstream,
) -> None:
    downstream.targets(hold="1h")
    await downstream.map(downstream.device(1))
    await downstream.run()
    await downstream.settle(downstream.deleted(1))
    await settled_as(downstream, "held")
    await downstream.settle(downstream.deleted(1, state="conflicted", final=False, version=2))
    await settled_as(downstream, "cancelled")
    await downstream.settle(downstream.deleted(1, version=3))
    await settled_as(downstream, "held")


async def test_a_wrong_key_stops_the_target_and_keeps_the_jobs(downstream: Downstream) -> None:
    downstream.profiles.key = "another key"
    await downstream.map(downstream.device(1), downstream.device(2))
    await downstream.run()
    await downstream.settle(downstream.deleted(1), downstream.deleted(2))

    async def is_stopped() -> bool:
        return "7001" in str((await downstream.typed("status", "--json")).json())

    await eventually(is_stopped, within_s=20)
    assert len(downstream.profiles.calls) == 1
    downstream.profiles.key = "a profile key of tests"
    await downstream.typed("resume", "imi", "--by", "tester")
    await settled_as(downstream, "confirmed", "confirmed")


async def test_too_many_deletions_stop_at_the_threshold_and_wait_for_a_person(downstream: Downstream) -> None:
    downstream.targets(deletes_max=5, hold="2s")
    await downstream.map(*(downstream.device(number, holder=f"h{number}") for number in range(1, 21)))
    await downstream.run()
    await downstream.settle(*(downstream.deleted(number) for number in range(1, 21)))

    async def is_stopped() -> bool:
        return "too many deletions" in str((await downstream.typed("status", "--json")).json())

    await eventually(is_stopped, within_s=20)
    assert await downstream.states() == ["held"] * 20
    assert downstream.profiles.calls == []
    await downstream.typed("resume", "imi", "--by", "tester")
    await settled_as(downstream, *["confirmed"] * 20)
    assert downstream.profiles.profiles == {}


async def test_ten_thousand_deletions_stop_at_the_threshold(downstream: Downstream, tmp_path: Path) -> None:
    """Without a hold: what is planned before the threshold may go, and nothing behind it."""
    numbers = range(10_000)
    rows = [
        f"imi,{ACCOUNT},{eid_of(number)},{iccid_of(number)},subscription,{APP},h{number},d{number}"
        for number in numbers
    ]
    downstream.targets(deletes_max=50, per_second=5.0)
    await downstream.map(*rows)
    await downstream.run()
    messages = [downstream.deleted(number) for number in numbers]
    await downstream.settle(*messages)

    async def planned() -> bool:
        rows = (await downstream.typed("status", "--json")).json()
        assert isinstance(rows, list)
        return bool(sum(rows[0]["jobs"].values()) == len(numbers))

    await eventually(planned, within_s=240)
    assert "too many deletions" in str((await downstream.typed("status", "--json")).json())
    assert len(sent_deletions(downstream.profiles.calls)) <= 50


async def test_a_mapping_that_never_led_anywhere_is_a_persons_to_look_at(downstream: Downstream) -> None:
    line = downstream.device(1)
    downstream.profiles.profiles.clear()
    await downstream.map(line)
    await downstream.run()
    await downstream.settle(downstream.deleted(1))
    await settled_as(downstream, "unknown")
    assert sent_deletions(downstream.profiles.calls) == []
    assert [row["state"] for row in await downstream.jobs("--waiting")] == ["unknown"]


async def test_a_second_program_stands_by_and_takes_over(downstream: Downstream) -> None:
    await downstream.map(downstream.device(1), downstream.device(2))
    first = await downstream.run()
    second = downstream.programs.launch(
        "profile-downstream", "run", env={**downstream.environment, "DOWNSTREAM_OPS_LISTEN": "127.0.0.1:0"}
    )
    await eventually(lambda: "standing_by" in second.stderr(), within_s=20)
    await downstream.settle(downstream.deleted(1))
    await settled_as(downstream, "confirmed")
    first.kill()
    await downstream.settle(downstream.deleted(2))
    await settled_as(downstream, "confirmed", "confirmed")
    assert len(sent_deletions(downstream.profiles.calls)) == 2
