"""From the command to the settled operation: receiver, reconciler, simulator and `submit` together."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import pytest

from tests.integration.receiver.served import logged
from tests.integration.submit.conftest import ACCOUNT, Simulated, csv_of, eids
from tests.support.database import Database
from tests.support.polling import eventually
from tests.support.program import Finished, Program, Programs


@pytest.fixture
async def called(programs: Programs, simulated: Simulated, tmp_path: Path) -> None:
    """Callbacks come: a receiver that ThingSpace knows, and a reconciler behind it."""
    receiver = await listening(programs, tmp_path)
    url = f"http://{logged(receiver, 'listening')[0]['address']}/v1/callbacks/{{account}}/{{service}}"
    point_to(Path(simulated.env["THINGSPACE_ACCOUNTS_FILE"]), url)
    registered = await programs.run("profile-reconciler", "listeners", "register")
    assert registered.exit_code == 0, registered.stderr
    reconciler = programs.launch(
        "profile-reconciler",
        "run",
        env={"RECONCILER_OPS_LISTEN": "127.0.0.1:0", "RECONCILER_SWEEP_SCHEDULE": "2s,4s,8s,16s,32s"},
    )
    await eventually(lambda: logged(reconciler, "started"), within_s=30)


def point_to(accounts: Path, url: str) -> None:
    text = accounts.read_text().replace("http://127.0.0.1:9/v1/callbacks/{account}/{service}", url)
    accounts.with_name("called").write_text("called-back")
    accounts.write_text(text + '\ncallback_username = "fleet"\ncallback_password_file = "called"\n')


async def listening(programs: Programs, folder: Path) -> Program:
    accounts = folder / "receiver.toml"
    accounts.write_text(f'[[account]]\nname = "{ACCOUNT}"\nusername = "fleet"\npassword = "called-back"\n')
    receiver = programs.launch(
        "profile-receiver",
        "serve",
        env={
            "RECEIVER_ACCOUNTS_FILE": str(accounts),
            "RECEIVER_LISTEN": "127.0.0.1:0",
            "RECEIVER_OPS_LISTEN": "127.0.0.1:0",
            "RECEIVER_ALLOW": "127.0.0.1",
        },
    )
    await eventually(lambda: logged(receiver, "listening"), within_s=30)
    return receiver


async def operations(database: Database, eid: str) -> Sequence[Mapping[str, object]]:
    async with database.connect() as connection:
        return [
            dict(row)
            for row in await connection.fetch(
                "select request_id, intent_id, action, state, facts from audit.operations where eid = $1 "
                "order by first_seen_at",
                eid,
            )
        ]


def told(done: Finished) -> list[Mapping[str, object]]:
    return cast(list[Mapping[str, object]], done.ndjson())


@pytest.mark.usefixtures("called")
async def test_a_callback_that_overtakes_the_answer_ends_in_the_same_operation(
    programs: Programs, simulated: Simulated, database: Database
) -> None:
    await simulated.control("faults", {"next": [{"fault": "answer_last", "times": 1}]})
    (eid,) = eids(1, 1)
    words = ("--account", ACCOUNT, "--eid", eid, "--iccid", "89148000000840000001", "--intent", "mine")
    done = await programs.run("profile-reconciler", "submit", "download_enable", *words, "--json")
    assert done.exit_code == 0, done.stderr
    (row,) = told(done)

    async def settled() -> bool:
        (found,) = await operations(database, eid)
        assert (found["request_id"], found["intent_id"]) == (row["request_id"], "mine")
        assert found["state"] == "succeeded"
        assert {"intended", "submitted", "success"} <= set(cast(list[str], found["facts"]))
        return True

    await eventually(settled, within_s=30)


@pytest.mark.usefixtures("called")
async def test_rows_of_one_device_wait_for_each_other_until_each_has_succeeded(
    programs: Programs, simulated: Simulated, database: Database, tmp_path: Path
) -> None:
    devices = eids(10, 3)
    path = csv_of(tmp_path / "orders.csv", devices, "download_enable", "disable", "delete")
    done = await programs.run("profile-reconciler", "submit", "--file", str(path), "--json", within_s=120)
    assert done.exit_code == 0, done.stderr
    assert len(told(done)) == 9
    for eid in devices:
        found = await operations(database, eid)
        assert [one["action"] for one in found] == ["download_enable", "disable", "delete"]
        assert [one["state"] for one in found[:2]] == ["succeeded", "succeeded"]
    again = await programs.run("profile-reconciler", "submit", "--file", str(path), "--json")
    assert (again.exit_code, all(row["earlier"] for row in told(again))) == (0, True)
    assert set((await simulated.times()).values()) == {1}


async def test_without_a_listener_nothing_is_sent(
    programs: Programs, simulated: Simulated, tmp_path: Path
) -> None:
    path = csv_of(tmp_path / "orders.csv", eids(1, 3), "enable")
    done = await programs.run("profile-reconciler", "submit", "--file", str(path))
    assert done.exit_code == 1
    assert "listeners register" in done.stderr
    assert await simulated.times() == {}
    path.write_text(path.read_text() + "wrong,1,2,3\n")
    faulty = await programs.run("profile-reconciler", "submit", "--file", str(path), "--without-listener")
    assert faulty.exit_code == 2
    assert "line 5" in faulty.stderr and "nothing was sent" in faulty.stderr
