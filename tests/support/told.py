"""What those outside are told, and what they may rely on: read committed, checked against the tables."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord, TopicPartition

from schemas.partition import partition_of
from schemas.topics import Topics
from tests.support.database import Database
from tests.support.kafka import PARTITIONS

READ_WITHIN_S = 30.0

OPERATIONS = """
select operation_id::text, account, request_id, intent_id, eid, device, iccid_target, action, state, final,
  facts, first_seen_at, settled_at, version
from audit.operations
"""
PROFILES = """
select account, eid, iccid, bootstrap, state, possible_states, certainty, suspended, since,
  operation_id::text, version
from audit.profiles
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """One record as a consumer sees it; `about` is the operation's id, or the key of a profile."""

    key: str
    about: str
    partition: int
    version: int
    cause: str
    value: Mapping[str, object] | None
    headers: Mapping[str, str]


async def heard(bootstrap: str, topic: str, *, committed: bool = True) -> list[Heard]:
    """All of a topic, partition by partition in the order of the offsets, up to what is decided now."""
    consumer = AIOKafkaConsumer(  # without a group it takes all partitions of its topic
        topic,
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed" if committed else "read_uncommitted",
    )
    await consumer.start()
    try:
        async with asyncio.timeout(READ_WITHIN_S):
            return await _all(consumer, sorted(consumer.assignment()))
    finally:
        await consumer.stop()


async def _all(consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> list[Heard]:
    ends = await consumer.end_offsets(partitions)
    found: dict[TopicPartition, list[Heard]] = {partition: [] for partition in partitions}
    while [part for part in partitions if await consumer.position(part) < ends[part]]:
        for part, records in (await consumer.getmany(timeout_ms=200)).items():
            found[part].extend(map(_heard, records))
    return [record for part in partitions for record in found[part]]


def _heard(record: ConsumerRecord) -> Heard:
    headers = {name: text.decode() for name, text in record.headers}
    return Heard(
        record.key.decode(),
        headers.get("ce_operationid", record.key.decode()),
        record.partition,
        int(headers["ce_version"]),
        headers["ce_cause"],
        None if record.value is None else json.loads(record.value),
        headers,
    )


def by(name: str, records: Iterable[Heard]) -> dict[str, list[Heard]]:
    groups: dict[str, list[Heard]] = defaultdict(list)
    for record in records:
        groups[getattr(record, name)].append(record)
    return groups


def newest(records: Sequence[Heard]) -> list[Heard]:
    """What is left for who leaves out what does not rise."""
    kept: list[Heard] = []
    for record in records:
        if not kept or record.version > kept[-1].version:
            kept.append(record)
    return kept


def assert_well_told(records: Sequence[Heard]) -> None:
    """Murmur2; a repeat says the same; and in the log nothing older stands behind the newest of a key."""
    for record in records:
        assert record.partition == partition_of(record.key.encode(), PARTITIONS)
    for key, told in by("key", records).items():
        said: dict[int, Heard] = {}
        for record in told:
            assert said.setdefault(record.version, record) == record, key
        assert told[-1].version == max(said), f"{key} ends on an older version"


async def assert_all_told(bootstrap: str, topics: Topics, database: Database) -> None:
    """The last word on each operation and each profile is what stands in the views; nothing else stands."""
    operations = await heard(bootstrap, topics.operations)
    states = await heard(bootstrap, topics.state)
    assert_well_told(operations)
    assert_well_told(states)
    stand = {str(row["operation_id"]): row for row in await rows(database, OPERATIONS)}
    said = _last("about", operations, PUBLISHED)
    for operation_id, row in stand.items():
        version, told = row.pop("version"), said[operation_id].pop("version")
        assert isinstance(version, int) and isinstance(told, int) and told <= version
    assert said == stand
    profiles = await rows(database, PROFILES)
    assert _last("key", states, PROFILE) == {
        f"{row['eid']}/{row['iccid'] or 'bootstrap'}": row for row in profiles
    }


PUBLISHED = (
    *("operation_id", "account", "request_id", "intent_id", "eid", "device", "iccid_target", "action"),
    *("state", "final", "facts", "first_seen_at", "settled_at", "version"),
)
PROFILE = (
    *("account", "eid", "iccid", "bootstrap", "state", "possible_states", "certainty", "suspended", "since"),
    *("operation_id", "version"),
)


def _last(name: str, records: Sequence[Heard], members: Sequence[str]) -> dict[str, dict[str, object]]:
    """What is not gone."""
    values = {group: told[-1].value for group, told in by(name, records).items()}
    return {
        group: {member: value[member] for member in members}
        for group, value in values.items()
        if value is not None
    }


async def rows(database: Database, statement: str) -> list[dict[str, object]]:
    """Times as they are written in messages."""
    async with database.connect() as connection:
        await connection.set_type_codec(
            "timestamptz",
            schema="pg_catalog",
            encoder=str,
            decoder=lambda text: text.replace(" ", "T").replace("+00", "Z"),
        )
        await connection.execute("set timezone = 'UTC'")
        found = [dict(row) for row in await connection.fetch(statement)]
    return [{name: _written(name, value) for name, value in row.items()} for row in found]


def _written(name: str, value: object) -> object:
    if isinstance(value, str) and (name.endswith("_at") or name == "since"):
        whole, _, rest = value.removesuffix("Z").partition(".")
        return f"{whole}.{rest.ljust(6, '0')}Z"
    return value


async def waiting(database: Database) -> int:
    async with database.connect() as connection:
        count: int = await connection.fetchval("select count(*) from ledger.outbox")
        return count


async def nothing_waits(database: Database) -> bool:
    return await waiting(database) == 0
