"""What others say on the events topic, said by a test: callbacks and announcements, sent as records."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer

from schemas.callback import Callback, parse
from schemas.event import request_event
from schemas.ids import AccountName, Eid, Iccid, RequestId
from schemas.record import Record, callback_record, record_of
from schemas.scrub import Secrets
from schemas.topics import Topics
from tests.support.database import AUDITOR, Database
from tests.support.polling import eventually

ACCOUNT = AccountName("1223334444-00001")
EID = Eid("89049032000001000000128255027200")
ICCID = Iccid("89148000002000008765")


def announced(
    topics: Topics, request_id: str, *, action: str = "delete", at: datetime | None = None
) -> Record:
    event = request_event(
        phase="announced",
        account=ACCOUNT,
        request_id=RequestId(request_id),
        intent_id=None,
        eid=EID,
        iccid=ICCID,
        action=action,
        observed_at=at or datetime.now(UTC),
        producer="test",
    )
    return record_of(topics, event)


def called_back(
    topics: Topics, request_id: str, status: str = "Success", *, attempt: int = 1, at: datetime | None = None
) -> Record:
    body = {
        "requestId": request_id,
        "deviceIds": [{"kind": "eid", "id": EID}, {"kind": "iccid", "id": ICCID}],
        "deviceResponse": {"deviceProfileResponse": {"profileStatus": "delete"}},
        "status": status,
        "callbackCount": attempt,
        "maxCallbackThreshold": 4,
    }
    callback = parse(json.dumps(body).encode(), Secrets())
    assert isinstance(callback, Callback)
    return callback_record(
        topics,
        callback,
        account=ACCOUNT,
        service="DeviceProfileService",
        source_ip=f"63.55.64.{attempt}",
        observed_at=at or datetime.now(UTC),
        producer="test",
    )


async def said(bootstrap: str, records: Sequence[Record]) -> None:
    """Sends them one after the other: the order of arrival is the order given, per partition."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        for record in records:
            await producer.send_and_wait(
                record.topic, record.value, key=record.key, headers=list(record.headers)
            )
    finally:
        await producer.stop()


async def all_applied(database: Database, copies: int) -> None:
    """Waits until so many copies of events are in the audit log."""
    async with database.connect(AUDITOR) as connection:

        async def there() -> bool:
            return bool(await connection.fetchval("select count(*) = $1 from audit.deliveries", copies))

        await eventually(there, within_s=30)
