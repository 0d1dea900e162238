"""One order, whatever cuts it short: it is asked once at most, and the ledger hears what is known."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.submit.row import CUT_OFF, FORCED, NOT_SENT, Entry, next_step
from reconciler.submit.submit import Busy, TakenError, Waits
from reconciler.thingspace.talk import Away, Latched, Rejected, ThingSpaceError, Unclear, Unfit
from schemas.ids import Eid
from tests.unit.submit.desk import Fuse, Killed, World, wanted

ANSWERS: list[ThingSpaceError | None] = [
    None,
    Rejected("X.Y", "no", 400),
    Unclear("?"),
    Away("later"),
    Latched("look"),
    Rejected("900908", "no", 403, by_gateway=True),
    Unfit(["z"]),
]
STEPS_MAX = 40


async def attempt(world: World) -> object:
    submission, one = world.submission(), wanted()
    return await submission.carry_out(one, await submission.latest(one))


async def run(world: World) -> object:
    """To an answer or an end; None where the process was killed."""
    try:
        return await attempt(world)
    except Killed:
        return None


@given(
    cuts=st.lists(st.integers(0, STEPS_MAX), max_size=6),
    answers=st.lists(st.sampled_from(ANSWERS), max_size=8),
)
def test_no_cut_and_no_answer_makes_an_order_go_out_twice(
    cuts: list[int], answers: list[ThingSpaceError | None]
) -> None:
    """Also where an answer that never came hides that it was done."""
    world = World(answers=iter(answers), happened=(Unclear,))
    for steps in cuts:
        world.fuse = Fuse(steps)
        asyncio.run(run(world))
        assert len(world.sent) <= 1
    world.fuse = Fuse()
    for _ in range(len(answers) + 2):
        came = asyncio.run(run(world))
        assert len(world.sent) <= 1
    assert isinstance(came, Entry)
    assert came.said
    last = world.phases()[-1]
    if came.state == "sent":
        assert (last, len(world.sent)) == ("submitted", 1)
    elif came.state == "unclear":
        assert last == "submit_unclear"
    else:
        assert (came.state, last, len(world.sent)) == ("rejected", "rejected", 0)


@pytest.mark.parametrize("steps", range(STEPS_MAX))
async def test_every_single_cut_is_survived(steps: int) -> None:
    world = World(fuse=Fuse(steps))
    await run(world)
    world.fuse = Fuse()
    again = await run(world)
    assert isinstance(again, Entry)
    assert len(world.sent) <= 1
    if again.state == "unclear":
        assert again.error_code == CUT_OFF
    else:
        assert (again.state, len(world.sent)) == ("sent", 1)


async def test_the_intent_is_said_before_anything_is_sent() -> None:
    world = World()
    entry = await attempt(world)
    assert isinstance(entry, Entry)
    assert world.phases() == ["intended", "submitted"]
    assert {event.intent_id for event in world.events} == {entry.intent_id}
    assert [event.request_id for event in world.events] == [None, "R1"]


async def test_said_twice_it_is_one_event() -> None:
    world = World()
    await attempt(world)
    world.rows = {key: replace(row, said=False) for key, row in world.rows.items()}
    await attempt(world)
    assert len(world.events) == 3
    assert world.phases() == ["intended", "submitted"]
    assert world.asked == 1


async def test_a_thingspace_that_is_away_leaves_an_intent_that_may_be_sent_later() -> None:
    world = World(answers=iter([Away("later", 7.0)]))
    came = await attempt(world)
    assert isinstance(came, Waits)
    assert (came.whole, next_step(came.entry)) == ("away", "send")
    assert isinstance(await attempt(world), Entry)
    assert (world.asked, len(world.sent)) == (2, 1)


async def test_what_was_withdrawn_is_a_new_intent_the_next_time() -> None:
    world = World(answers=iter([Latched("look")]))
    came = await attempt(world)
    assert isinstance(came, Waits)
    gone = await world.submission().withdraw(came.entry, "look")
    assert (gone.state, gone.error_code) == ("withdrawn", NOT_SENT)
    again = await attempt(world)
    assert isinstance(again, Entry)
    assert again.state == "sent"
    assert [event.intent_id for event in world.events] == ["key", "key", "key-2", "key-2"]


async def test_a_device_in_use_is_left_alone_unless_forced_which_is_recorded() -> None:
    world = World()
    first, other = wanted("one"), wanted("two", "disable")
    submission = world.submission()
    await submission.carry_out(first, None)
    held = await submission.carry_out(other, None)
    assert isinstance(held, Busy)
    assert "enable by anna@host" in held.holder.words()
    assert len(world.sent) == 1
    forced = await world.submission(force=True).carry_out(other, None)
    assert isinstance(forced, Entry)
    (intended,) = [event for event in world.events if event.intent_id == "two" and event.phase == "intended"]
    assert FORCED in intended.flags
    assert "enable by anna@host" in str(intended.error_text)


async def test_force_where_nobody_is_in_the_way_is_no_force() -> None:
    world = World()
    forced = await world.submission(force=True).carry_out(wanted(), None)
    assert isinstance(forced, Entry)
    assert FORCED not in forced.flags


async def test_another_device_has_its_own_lease() -> None:
    world = World()
    submission = world.submission()
    await submission.carry_out(wanted("one"), None)
    assert isinstance(await submission.carry_out(wanted("two", eid=Eid("8904")), None), Entry)


async def test_two_that_send_the_same_row_are_told() -> None:
    world = World()
    submission = world.submission()
    await submission.carry_out(wanted(), None)
    row = world.rows["key"]
    with pytest.raises(TakenError, match="by somebody else"):
        await submission.withdraw(row, "never")
