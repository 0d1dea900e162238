"""Follow the operations: python consume_operations.py BOOTSTRAP [TOPIC]. Needs nothing but aiokafka.

Each message comes at least once. A real consumer keeps `latest` in its own database, in the transaction in
which it does its work. Offsets have gaps, because each transaction takes one for its end: never count on
consecutive ones.
"""

import asyncio
import json
import sys

from aiokafka import AIOKafkaConsumer


async def follow(bootstrap: str, topic: str) -> None:
    latest: dict[str, int] = {}  # the version last acted on, by operation
    async with AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id="example-operations",
        isolation_level="read_committed",  # or you may see what never was
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    ) as consumer:
        async for record in consumer:
            headers = {name: value.decode() for name, value in record.headers}
            operation_id, version = headers["ce_operationid"], int(headers["ce_version"])
            if version > latest.get(operation_id, 0):  # else a repeat
                latest[operation_id] = version
                act(operation_id, headers["ce_cause"], record.value and json.loads(record.value))
            await consumer.commit()


def act(operation_id: str, cause: str, operation: dict[str, object] | None) -> None:
    if operation is None:  # a tombstone: what was known of it has become part of other operations
        print(operation_id, "is no more", flush=True)
    elif operation["final"] and cause == "event":  # a rebuild corrects what is known; nothing has happened
        print(operation_id, operation["action"], operation["state"], operation["iccid_target"], flush=True)


if __name__ == "__main__":
    asyncio.run(follow(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "profile.operations.v1"))
