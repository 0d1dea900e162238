"""The bytes of messages for those outside, kept: `python -m tests.contract.golden_messages` writes them."""

from datetime import UTC, datetime, timedelta

from reconciler.core.operation import Operation
from reconciler.core.outbox import operation_message, state_message
from reconciler.core.profile import Profile
from schemas.ids import OperationId
from schemas.message import Message, message_record
from schemas.record import Record, Topics
from tests.contract.golden import ACCOUNT, EID, FIXTURES, ICCID, INTENT, NOW, REQUEST, described

FOLDER = FIXTURES / "golden_messages"
OPERATION_ID = OperationId("3f0c9a34-6a1e-5c0d-9d5e-0b6f8f3f0a11")
VERSION = 1_795_501_815_000_042
SETTLED = Operation(
    operation_id=OPERATION_ID,
    account=ACCOUNT,
    request_id=REQUEST,
    intent_id=INTENT,
    eid=EID,
    device=EID,
    iccid_target=ICCID,
    action="delete",
    state="succeeded",
    final=True,
    facts=("interim", "submitted", "success"),
    first_seen_at=NOW,
    settled_at=NOW + timedelta(hours=1),
    ordered_at=datetime(2026, 11, 24, 6, 30, tzinfo=UTC),
    target_known=True,
    needs_target=True,
    success_iccids=(ICCID,),
    confirmed=True,
    due_reasons=(),
)
WARNED = SETTLED._replace(
    operation_id=OperationId("a9f6b1de-6c0e-5a52-8d6c-7f1b0a4c2e22"),
    intent_id=None,
    eid=None,
    device=None,
    iccid_target=None,
    action=None,
    state="warned",
    final=False,
    facts=("interim", "submitted"),
    settled_at=None,
    confirmed=False,
)
PROFILE = Profile(
    eid=EID,
    account=ACCOUNT,
    iccid=ICCID,
    bootstrap=False,
    state="deleted",
    possible_states=("deleted",),
    certainty="confirmed",
    suspended=False,
    since=NOW,
    operation_id=OPERATION_ID,
)
BOOTSTRAP = PROFILE._replace(
    iccid=None,
    bootstrap=True,
    state="unknown",
    possible_states=("disabled", "enabled"),
    certainty="inferred",
)


def messages() -> dict[str, Message]:
    return {
        "operation_settled": operation_message(SETTLED, VERSION, "event"),
        "operation_without_a_device": operation_message(WARNED, VERSION, "rebuild"),
        "operation_gone": operation_message(SETTLED, VERSION + 1, "event", gone=True),
        "state_deleted": state_message(PROFILE, VERSION, "event"),
        "state_of_a_bootstrap": state_message(BOOTSTRAP, VERSION, "event"),
        "state_gone": state_message(BOOTSTRAP, VERSION + 1, "event", gone=True),
    }


def records() -> dict[str, Record]:
    return {name: message_record(Topics(), message) for name, message in messages().items()}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, record in records().items():
        (FOLDER / f"{name}.record.json").write_text(described(record), encoding="utf-8")
        if record.value is not None:
            (FOLDER / f"{name}.value.json").write_bytes(record.value)


if __name__ == "__main__":
    main()
