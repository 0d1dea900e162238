"""What the ledger knows of callbacks: who waits for one, and when an account was last heard."""

from reconciler.listeners.ledger import LastCallbacks, waiting
from schemas.ids import AccountName
from tests.integration.reconciler.desk import Desk
from tests.integration.reconciler.said import ACCOUNT, EIDS, ICCIDS, callback, moment, request
from tests.integration.sweep.conftest import access
from tests.support.database import Database

EID, ICCID = EIDS[0], ICCIDS[0]
DAY_S = 86400.0
OTHER = AccountName("never heard")


async def test_who_waits_is_open_young_and_known_to_thingspace(desk: Desk, database: Database) -> None:
    await desk.put(
        request(request="waits", eid=EID, iccid=ICCID, action="enable"),
        callback("warning", request="warned", eid=EIDS[1], iccid=ICCID, action="delete"),
        request("intended", intent="I", eid=EIDS[2], iccid=ICCID, action="delete"),
        request(request="old", eid=EIDS[3], iccid=ICCID, action="enable", at=-2 * DAY_S),
        callback("Success", request="done", eid=EIDS[1], iccid=ICCID, action="enable"),
    )
    assert await waiting(access(database), ACCOUNT) == 2
    assert await waiting(access(database), OTHER) == 0


async def test_the_last_callback_is_found_at_first_and_followed(desk: Desk, database: Database) -> None:
    last = LastCallbacks(access(database))
    assert await last.look({ACCOUNT, OTHER}) == {}
    await desk.put(
        callback("warning", request="R", eid=EID, iccid=ICCID, action="enable", at=5),
        request(request="R", eid=EID, iccid=ICCID, action="enable", at=9),
    )
    assert await last.look({ACCOUNT, OTHER}) == {ACCOUNT: moment(5)}
    await desk.put(callback("Success", request="R", eid=EID, iccid=ICCID, action="enable", at=7))
    await desk.put(callback("Success", request="S", eid=EID, iccid=ICCID, action="enable", at=6))
    for looking in (last, LastCallbacks(access(database))):
        heard = await looking.look({ACCOUNT, OTHER})
        assert heard == {ACCOUNT: moment(7)}
