"""Operations in question and answers about them, in few words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reconciler.core.identity import Device, Group, operation_id
from reconciler.sweep.answer import Answer, Asked
from schemas.event import SubRequest
from schemas.ids import AccountName, Eid, Iccid, RequestId

START = datetime(2026, 3, 1, tzinfo=UTC)
ACCOUNT = AccountName("1223334444-00001")
EID = Eid("89033023426200000000005438911111")
X, Y = Iccid("89148000000000000010"), Iccid("89148000000000000028")
IMEI = "490154203237518"
ASKED = Asked(
    operation_id=operation_id(Group(ACCOUNT, "request", "R"), Device("eid", EID), None),
    account=ACCOUNT,
    request_id=RequestId("R"),
    eid=EID,
    device=EID,
    iccid_target=X,
    action="enable",
    first_seen_at=START,
    one_of_several=False,
    poll_number=3,
    asked_at=START + timedelta(minutes=5),
    asked_before=None,
    lease_until=START + timedelta(minutes=8),
)
UNTARGETED = replace(ASKED, iccid_target=None)
ONE_OF_SEVERAL = replace(ASKED, one_of_several=True)


def sub(status: str | None, id: str | None = X, kind: str | None = "iccid") -> SubRequest:
    return SubRequest(kind=kind, id=id, status=status)


def answer(*subs: SubRequest, status: str | None = "Success") -> Answer:
    return Answer(status, subs)
