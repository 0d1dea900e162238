"""The command is killed at every named place, and run again: the simulator's log proves what was asked."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from deploy.local.stack import Stack
from schemas.topics import Topics
from tests.faults.points import VARIABLE
from tests.integration.submit.conftest import Simulated, csv_of, eids
from tests.integration.submit.cut import POINTS
from tests.support.kafka import read_topic
from tests.support.program import Finished, Programs

KILLED = -9
ROWS = 10


def told(done: Finished) -> list[Mapping[str, object]]:
    return cast(list[Mapping[str, object]], done.ndjson())


async def submitted(programs: Programs, path: Path, kill: Mapping[str, str] | None = None) -> Finished:
    words = ("submit", "--file", str(path), "--without-listener", "--json")
    return await programs.run("python", "-m", "tests.integration.submit.cut", *words, env=kill)


async def test_no_kill_sends_an_order_twice(
    programs: Programs, simulated: Simulated, tmp_path: Path, stack: Stack, topics: Topics
) -> None:
    for number, point in enumerate(POINTS):
        devices = eids(100 * number, ROWS)
        path = csv_of(tmp_path / f"{point}.csv", devices, "enable")
        if point == "during_post":
            await simulated.control("faults", {"next": [{"fault": "answer_late", "times": ROWS}]})
        killed = await submitted(programs, path, {VARIABLE: f"{point}:3"})
        assert killed.exit_code == KILLED, (point, killed.stderr)
        if point == "during_post":
            await simulated.control("faults", {"clear": True})
        again = await submitted(programs, path)
        outcomes = Counter(str(row["outcome"]) for row in told(again))
        assert outcomes.keys() <= {"submitted", "unclear"}, (point, again.stderr)
        assert outcomes.total() == ROWS
        await check(simulated, again, point)
        assert again.exit_code == (0 if outcomes["submitted"] == ROWS else 1)
    last = await submitted(programs, path)
    assert Counter(str(row["outcome"]) for row in told(last)) == outcomes
    assert max((await simulated.times()).values()) == 1
    said = await read_topic(stack.bootstrap, topics.events)
    assert sum(b'"phase":"submitted"' in (record.value or b"") for record in said) >= ROWS


async def check(simulated: Simulated, done: Finished, point: str) -> None:
    times = await simulated.times()
    for row in told(done):
        sent = times.get(("enable", str(row["eid"])), 0)
        assert sent <= 1, (point, row)
        if row["outcome"] == "submitted":
            assert sent == 1, (point, row)
            assert row["request_id"] is not None
        else:
            assert "not asked again" in str(row["says"])
