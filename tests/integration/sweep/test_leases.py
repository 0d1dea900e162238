"""Who takes which look: numbering, leases, the rate, and what comes first."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from reconciler.sweep.ledger import SweepLedger, sweep_ledger
from reconciler.sweep.pace import Bounds
from schemas.ids import AccountName
from tests.integration.reconciler.desk import Desk
from tests.integration.reconciler.said import ACCOUNT, EIDS, ICCIDS, callback, decision, request
from tests.integration.sweep.conftest import access
from tests.support.database import Database

APART = timedelta(seconds=30)
NO_WAIT = timedelta(microseconds=1)
MANY = Bounds(at_most=100, apart=APART, per_minute=1000)
X, Y = ICCIDS[:2]


async def put_requests(desk: Desk, count: int) -> None:
    """Announced, and said an hour ago, so that each is due at once."""
    await desk.put(
        *(
            request(request=f"R{number}", eid=EIDS[number % 4], iccid=ICCIDS[number % 5], action="enable")
            for number in range(count)
        )
    )


async def execute(database: Database, statement: str) -> None:
    async with database.connect() as connection:
        await connection.execute(statement)


async def rows(database: Database, columns: str) -> Sequence[tuple[object, ...]]:
    async with database.connect() as connection:
        found = await connection.fetch(f"select {columns} from ledger.poll order by operation_id")
    return [tuple(row) for row in found]


async def test_a_lease_tells_what_is_asked_about(desk: Desk, shelf: SweepLedger) -> None:
    await desk.put(request(request="R", eid=EIDS[0], iccid=X, action="enable"))
    (asked,) = await shelf.lease(ACCOUNT, MANY)
    assert (asked.request_id, asked.eid, asked.iccid_target, asked.action) == ("R", EIDS[0], X, "enable")
    assert (asked.poll_number, asked.one_of_several, asked.asked_before) == (1, False, None)


async def test_an_operation_whose_request_has_others_is_known_as_one_of_several(
    desk: Desk, shelf: SweepLedger
) -> None:
    await desk.put(*(request(request="R", eid=EIDS[0], iccid=iccid, action="enable") for iccid in (X, Y)))
    asked = await shelf.lease(ACCOUNT, MANY)
    assert [one.one_of_several for one in asked] == [True, True]


async def test_two_reconcilers_share_what_is_due_and_never_a_number(
    desk: Desk, database: Database, shelf: SweepLedger
) -> None:
    await put_requests(desk, 30)
    some = Bounds(7, APART, 1000)
    async with sweep_ledger(access(database)) as other:
        taken = await asyncio.gather(
            *(ledger.lease(ACCOUNT, some) for _ in range(3) for ledger in (shelf, other))
        )
    ids = [asked.operation_id for part in taken for asked in part]
    assert len(ids) == len(set(ids)) == 30
    assert {polls for (polls,) in await rows(database, "polls")} == {1}


async def test_what_is_leased_comes_again_when_the_lease_is_over_and_with_the_next_number(
    desk: Desk, database: Database, shelf: SweepLedger
) -> None:
    await put_requests(desk, 1)
    await shelf.lease(ACCOUNT, MANY)
    assert await shelf.lease(ACCOUNT, Bounds(9, NO_WAIT, 1000)) == []
    await execute(database, "update ledger.poll set lease_until = now() - interval '1 second'")
    (asked,) = await shelf.lease(ACCOUNT, Bounds(9, NO_WAIT, 1000))
    assert asked.poll_number == 2


async def test_an_answer_moves_the_look_on_and_ends_the_lease(
    desk: Desk, database: Database, shelf: SweepLedger
) -> None:
    await put_requests(desk, 1)
    (asked,) = await shelf.lease(ACCOUNT, MANY)
    later = datetime.now(UTC) + timedelta(hours=1)
    await shelf.asked(asked, later)
    assert await rows(database, "polls, next_poll_at, due_reason, lease_until") == [(1, later, None, None)]


async def test_silence_gives_the_number_back(desk: Desk, database: Database, shelf: SweepLedger) -> None:
    await put_requests(desk, 1)
    (asked,) = await shelf.lease(ACCOUNT, MANY)
    await shelf.not_asked(asked)
    assert await rows(database, "polls, last_poll_at, lease_until") == [(0, None, None)]
    (again,) = await shelf.lease(ACCOUNT, MANY)
    assert again.poll_number == 1


async def test_an_answer_that_may_be_lost_spends_the_number(
    desk: Desk, database: Database, shelf: SweepLedger
) -> None:
    await put_requests(desk, 1)
    (asked,) = await shelf.lease(ACCOUNT, MANY)
    await shelf.release(asked)
    assert await shelf.lease(ACCOUNT, MANY) == []
    (again,) = await shelf.lease(ACCOUNT, Bounds(9, NO_WAIT, 1000))
    assert again.poll_number == 2


async def test_whoever_lost_its_lease_changes_nothing(
    desk: Desk, database: Database, shelf: SweepLedger
) -> None:
    await put_requests(desk, 1)
    (slow,) = await shelf.lease(ACCOUNT, MANY)
    await execute(database, "update ledger.poll set lease_until = now() - interval '1 second'")
    (quick,) = await shelf.lease(ACCOUNT, Bounds(9, NO_WAIT, 1000))
    before = await rows(database, "*")
    await shelf.asked(slow, None)
    await shelf.not_asked(slow)
    await shelf.release(slow)
    assert await rows(database, "*") == before
    assert quick.poll_number == 2


async def test_a_doubt_that_arose_while_asking_is_not_forgotten(
    desk: Desk, database: Database, shelf: SweepLedger
) -> None:
    await desk.put(request(request="R", eid=EIDS[0], iccid=X, action="enable"))
    (asked,) = await shelf.lease(ACCOUNT, MANY)
    await desk.put(callback("odd", request="R", eid=EIDS[0], iccid=X, action="enable"))
    await shelf.asked(asked, datetime.now(UTC) + timedelta(hours=1))
    ((next_at, reason),) = await rows(database, "next_poll_at, due_reason")
    assert (next_at, reason) == (asked.asked_at + APART, "unclear")


async def test_what_was_settled_while_asking_is_not_asked_about_again(
    desk: Desk, database: Database, shelf: SweepLedger
) -> None:
    await desk.put(request(request="R", eid=EIDS[0], iccid=X, action="enable"))
    (asked,) = await shelf.lease(ACCOUNT, MANY)
    await desk.put(decision("succeeded", request="R", eid=EIDS[0], iccid=X))
    await shelf.asked(asked, datetime.now(UTC))
    assert await rows(database, "next_poll_at") == [(None,)]


async def test_doubts_go_before_the_schedule(desk: Desk, shelf: SweepLedger) -> None:
    await put_requests(desk, 5)
    await desk.put(callback("odd", request="R4", eid=EIDS[0], iccid=ICCIDS[4], action="enable"))
    (first,) = await shelf.lease(ACCOUNT, Bounds(1, APART, 1000))
    assert first.request_id == "R4"


async def test_all_reconcilers_together_keep_the_rate(
    desk: Desk, database: Database, shelf: SweepLedger
) -> None:
    await put_requests(desk, 30)
    bounds = Bounds(8, APART, per_minute=12)
    async with sweep_ledger(access(database)) as other:
        taken = await asyncio.gather(
            *(ledger.lease(ACCOUNT, bounds) for _ in range(3) for ledger in (shelf, other))
        )
    assert sum(map(len, taken)) == 12
    assert await shelf.left([ACCOUNT], APART) == 18


async def test_an_account_takes_its_own_work_only(desk: Desk, shelf: SweepLedger) -> None:
    await put_requests(desk, 1)
    assert await shelf.lease(AccountName("another"), MANY) == []
    assert await shelf.accounts() == [ACCOUNT]


async def test_rows_of_an_older_reconciler_get_their_account(
    desk: Desk, database: Database, shelf: SweepLedger
) -> None:
    await put_requests(desk, 1)
    await execute(database, "update ledger.poll set account = null")
    assert await shelf.lease(ACCOUNT, MANY) == []
    await shelf.adopt()
    assert len(await shelf.lease(ACCOUNT, MANY)) == 1


async def test_polls_of_a_clock_that_was_put_right_since_hold_nothing_up(
    desk: Desk, database: Database, shelf: SweepLedger
) -> None:
    """As after a fail-over from a host a day ahead: neither leases, nor pauses, nor the rate."""
    await put_requests(desk, 4)
    some = Bounds(at_most=2, apart=APART, per_minute=2)
    assert len(await shelf.lease(ACCOUNT, some)) == 2
    assert await shelf.lease(ACCOUNT, some) == []
    await execute(
        database,
        "update ledger.poll set last_poll_at = last_poll_at + interval '1 day',"
        " lease_until = lease_until + interval '1 day'",
    )
    assert await shelf.left([ACCOUNT], APART) == 4
    assert len(await shelf.lease(ACCOUNT, Bounds(at_most=9, apart=APART, per_minute=9))) == 4
    assert await shelf.left([ACCOUNT], APART) == 0
