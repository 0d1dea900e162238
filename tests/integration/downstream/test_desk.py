"""What people do: the mapping, looking, approving, cancelling, stopping."""

from pathlib import Path

import pytest

from tests.support.downstream import (
    ACCOUNT,
    EIDS,
    HEADER,
    ICCIDS,
    KEY,
    PASSWORD,
    Downstream,
    sent_deletions,
    settled_as,
)


async def test_the_mapping_goes_in_and_out_unchanged(downstream: Downstream, tmp_path: Path) -> None:
    lines = [downstream.device(1), downstream.device(2, target="oracle", holder="jdoe")]
    assert "2 rows made, 0 brought up to date" in (await downstream.map(*lines)).stdout
    exported = (await downstream.typed("mapping", "export")).stdout
    assert exported.splitlines()[0] == HEADER + ",enabled,denied"
    (tmp_path / "again.csv").write_text(exported)
    again = await downstream.typed("mapping", "import", str(tmp_path / "again.csv"))
    assert "0 rows made, 2 brought up to date" in again.stdout
    assert (await downstream.typed("mapping", "export")).stdout == exported


async def test_a_mapping_with_faults_is_not_taken_at_all(downstream: Downstream, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text(
        "\n".join(
            [
                HEADER,
                downstream.device(1),
                f"imi,{ACCOUNT},{EIDS[2]},{ICCIDS[2]},subscription,app,9876,..",
                f"imi,{ACCOUNT},{EIDS[3]},{ICCIDS[3]},subscription,app,a/b,dev",
                f"imi,{ACCOUNT},{EIDS[4]},,subscription,app,9876,dev",
                f"nobody,{ACCOUNT},{EIDS[5]},{ICCIDS[5]},subscription,app,9876,dev",
                f"imi,another,{EIDS[6]},{ICCIDS[6]},subscription,app,9876,dev",
                downstream.device(1),
            ]
        )
    )
    done = await downstream.typed("mapping", "import", str(bad), code=1)
    told = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in told[1:]] == [f"line {number}" for number in range(3, 9)]
    assert (await downstream.typed("mapping", "export", "--json")).stdout == ""


async def test_a_person_approves_cancels_and_reads_what_happened(downstream: Downstream) -> None:
    downstream.targets(hold="1h")
    await downstream.map(downstream.device(1), downstream.device(2))
    await downstream.run()
    await downstream.settle(downstream.deleted(1))
    await settled_as(downstream, "held")
    await downstream.settle(downstream.deleted(2))
    await settled_as(downstream, "held", "held")
    await downstream.typed("cancel", "1", "--by", "tester", "--why", "a demo device")
    await downstream.typed("approve", "2", "--by", "tester")
    await settled_as(downstream, "cancelled", "confirmed")
    assert len(sent_deletions(downstream.profiles.calls)) == 1
    shown = (await downstream.typed("jobs", "--id", "2")).stdout
    assert "approved by tester" in shown
    assert KEY not in shown
    assert "a demo device" in (await downstream.typed("jobs", "--id", "1")).stdout
    await downstream.typed("cancel", "2", code=1)
    await downstream.typed("approve", "99", code=1)


async def test_paused_nothing_is_sent_and_resumed_it_goes_on(downstream: Downstream) -> None:
    await downstream.map(downstream.device(1))
    await downstream.run()
    await downstream.typed("pause", "--all", "--by", "tester")
    await downstream.settle(downstream.deleted(1))
    await settled_as(downstream, "held")
    assert downstream.profiles.calls == []
    await downstream.typed("resume", "--all")
    await settled_as(downstream, "confirmed")


async def test_without_a_targets_file_nothing_runs(downstream: Downstream) -> None:
    downstream.environment["DOWNSTREAM_TARGETS_FILE"] = ""
    done = await downstream.typed("run", code=2)
    assert "DOWNSTREAM_TARGETS_FILE: is not set" in done.stderr


async def test_every_fault_of_a_targets_file_is_told_and_no_secret(downstream: Downstream) -> None:
    downstream.targets(mode="alive", per_second=0)
    told = (await downstream.typed("run", code=1)).stderr
    assert told.count("mode") >= 2
    assert "per_second" in told
    downstream.imi_url = downstream.oracle_url = "http://192.0.2.1"
    downstream.targets()
    told = (await downstream.typed("run", code=1)).stderr
    assert told.count("must be https") == 2
    assert KEY not in told
    assert PASSWORD not in told


@pytest.mark.parametrize(
    "words", [("approve",), ("pause",), ("resume", "imi", "--all"), ("jobs", "--id", "0")]
)
async def test_misuse_is_2_and_changes_nothing(downstream: Downstream, words: tuple[str, ...]) -> None:
    assert (
        "nothing was done" in (done := await downstream.typed(*words, code=2)).stderr
        or "usage" in done.stderr
    )


async def test_a_database_without_the_job_ledger_is_said(downstream: Downstream) -> None:
    dsn = downstream.environment["DOWNSTREAM_POSTGRES_DSN"]
    downstream.environment["DOWNSTREAM_POSTGRES_DSN"] = dsn.rpartition("/")[0] + "/postgres"
    assert "profile-downstream migrate" in (await downstream.typed("status", code=1)).stderr
