"""`kill -9` at every step of a job: no deletion is ever sent twice without looking in between."""

from itertools import pairwise

import pytest

from tests.support.database import Database
from tests.support.downstream import Downstream, sent_deletions, settled_as
from tests.support.polling import eventually
from tests.support.program import Program

CALLS = ("look", "delete", "ask", "check")


class Killer:
    """Kills the program at its n-th call, as that arrives or when it has had its effect."""

    def __init__(self, program: Program, call: int, *, after_effect: bool) -> None:
        self._program = program
        self._left = call * 2 + (1 if after_effect else 0)
        self.done = False

    def __call__(self, _: str) -> None:
        self._left -= 1
        if self._left == -1:
            self._program.kill()
            self.done = True


@pytest.mark.parametrize("after_effect", [False, True], ids=["as it arrives", "after its effect"])
@pytest.mark.parametrize("call", range(len(CALLS)), ids=CALLS)
async def test_killed_at_a_call_it_goes_on_by_looking(
    downstream: Downstream, call: int, after_effect: bool
) -> None:
    await downstream.map(downstream.device(1))
    killer = Killer(await downstream.run(), call, after_effect=after_effect)
    downstream.profiles.watch = killer
    await downstream.settle(downstream.deleted(1))
    await eventually(lambda: killer.done, within_s=20)
    await downstream.run()
    await settled_as(downstream, "confirmed")
    assert downstream.profiles.profiles == {}
    deletes = [each.startswith("DELETE") for each in downstream.profiles.calls]
    assert not any(first and second for first, second in pairwise(deletes))
    assert len(sent_deletions(downstream.profiles.calls)) <= 2


async def test_killed_between_writing_and_sending_it_looks_and_sends(
    downstream: Downstream, database: Database
) -> None:
    """The row as such a kill leaves it; the moment itself is too short to hit."""
    downstream.targets(hold="1h")
    await downstream.map(downstream.device(1))
    program = await downstream.run()
    await downstream.settle(downstream.deleted(1))
    await settled_as(downstream, "held")
    program.kill()
    async with database.connect() as owner:
        await owner.execute(
            "update downstream.job set state = 'sending', sends = 1, sent_at = now(), again_at = now()"
        )
    await downstream.run()
    await settled_as(downstream, "confirmed")
    assert [call.partition(" ")[0] for call in downstream.profiles.calls] == ["GET", "DELETE", "GET", "GET"]


async def test_where_nobody_can_look_a_kill_leaves_the_job_to_a_person(downstream: Downstream) -> None:
    await downstream.map(downstream.device(1, target="oracle", holder="jdoe"))
    program = await downstream.run()
    downstream.care.watch = lambda _: program.kill()
    await downstream.settle(downstream.deleted(1))
    await eventually(lambda: program.exit_code is not None, within_s=20)
    downstream.care.watch = lambda _: None
    await downstream.run()
    await settled_as(downstream, "unknown")
    assert len(downstream.care.calls) == 1
    await downstream.typed("approve", "1", "--by", "tester")
    await settled_as(downstream, "confirmed")
    assert len(downstream.care.calls) == 2
