"""The bytes of version 1, kept: `python -m tests.contract.golden` writes them, the test beside compares.

A difference means that readers of the topic see a change. If it is meant, write them anew and say so in the
changelog.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

from schemas.callback import Callback, Secrets, parse
from schemas.event import Event, SubRequest, decision_event, poll_event, request_event
from schemas.ids import AccountName, Eid, Iccid, IntentId, RequestId
from schemas.record import Record, Topics, callback_record, partition_of, quarantine_record, record_of

FIXTURES = Path(__file__).parents[1] / "fixtures"
GOLDEN = FIXTURES / "golden"
PARTITIONS = 12

ACCOUNT = AccountName("1223334444-00001")
REQUEST = RequestId("595f5c44-c31c-4552-8670-020a1545a84d")
INTENT = IntentId("0c4f7ffb-55cd-4c3c-8f4d-9f4dc0a7b1d5")
EID = Eid("89049032000000000000000000000163")
ICCID = Iccid("89148000000840784251")
NOW = datetime(2026, 11, 24, 6, 30, 15, 42, tzinfo=UTC)
PRODUCER = "golden/1"
RECORDS_OF_EVENTS = ("callback_", "request_", "poll_", "decision_")
SECRETS = Secrets(["username", "pwd-not-there"])


def records() -> dict[str, Record]:
    """Each golden record by the name of its file."""
    samples = {path.stem: path.read_bytes() for path in sorted((FIXTURES / "callbacks").glob("*.json"))}
    samples["delete_success_as_printed"] = (FIXTURES / "delete_success_as_printed.json").read_bytes()
    callbacks = {f"callback_{name}": _callback(raw) for name, raw in samples.items()}
    events = {f"{event.kind}_{name}": record_of(Topics(), event) for name, event in _events().items()}
    return {**callbacks, **events, "quarantine_not_json": _quarantine()}


def _callback(raw: bytes) -> Record:
    parsed = parse(raw, SECRETS)
    assert isinstance(parsed, Callback)
    return callback_record(
        Topics(),
        parsed,
        account=ACCOUNT,
        service="DeviceProfileService",
        source_ip="3.87.163.45",
        observed_at=NOW,
        producer=PRODUCER,
        extra_flags=("source_unlisted",),
    )


def _events() -> dict[str, Event]:
    asked = {
        phase: request_event(
            phase=phase,
            account=ACCOUNT,
            request_id=None if phase == "intended" else REQUEST,
            intent_id=INTENT,
            eid=EID,
            iccid=ICCID,
            action="delete",
            observed_at=NOW,
            producer=PRODUCER,
            requested_at=NOW,
            requested_by="operator",
        )
        for phase in ("intended", "submitted", "announced")
    }
    polled = poll_event(
        account=ACCOUNT,
        request_id=REQUEST,
        eid=EID,
        iccid=ICCID,
        endpoint="v2 request status",
        status="Success",
        sub_requests=[
            SubRequest(kind="iccid", id="89148000000840784269", status="Pending"),
            SubRequest(kind="iccid", id=ICCID, status="Success"),
        ],
        signal="poll_success",
        poll_number=1,
        body={"requestId": REQUEST, "status": "Success"},
        observed_at=NOW,
        producer=PRODUCER,
    )
    decided = decision_event(
        account=ACCOUNT,
        request_id=REQUEST,
        intent_id=None,
        eid=EID,
        iccid=None,
        decided="void",
        sequence=1_795_000_000_000_000,
        why="seen on the device",
        decided_by="operator",
        observed_at=NOW,
        producer=PRODUCER,
    )
    return {**asked, "of_one_sub_request": polled, "void": decided}


def _quarantine() -> Record:
    return quarantine_record(
        Topics(),
        reason="not_json",
        account=ACCOUNT,
        service="DeviceProfileService",
        request_id=REQUEST,
        source_ip="3.87.163.45",
        observed_at=NOW,
        producer=PRODUCER,
        kept=b'{"password":"***"',
        length=20,
    )


def described(record: Record) -> str:
    """All of a record but its value, for people to compare."""
    about = {
        "topic": record.topic,
        "key": record.key.decode(),
        "partition_of_12": partition_of(record.key, PARTITIONS),
        "headers": {name: value.decode() for name, value in record.headers},
    }
    return json.dumps(about, indent=2) + "\n"


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for name, record in records().items():
        assert record.value is not None
        (GOLDEN / f"{name}.value.json").write_bytes(record.value)
        (GOLDEN / f"{name}.record.json").write_text(described(record), encoding="utf-8")


if __name__ == "__main__":
    main()
