"""Where partitions stand beside what Kafka has, and moving an offset with its decision in one transaction."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from reconciler.core.batch import Place, Position
from reconciler.decode import decoder
from reconciler.kafka.positions import held
from reconciler.kafka.security import security_options
from reconciler.offsets.change import Change, Stand
from reconciler.queries import query
from reconciler.readable import ReadableError
from reconciler.settings import ReconcilerSettings

if TYPE_CHECKING:
    import asyncpg

    from reconciler.postgres.admin import Session

NEVER_READ = Position(0, None)


class OffsetError(ReadableError):
    """A decision that cannot be carried out; the text says what to do."""


async def stands(session: "Session", settings: ReconcilerSettings, topic: str) -> Sequence[Stand]:
    """Every partition of the topic, by number; a partition that was never read stands at its first record."""
    stored = await _stored(session, topic)
    asked = {partition: position.next_offset - 1 for partition, position in stored.items()}
    found = await held(
        ",".join(settings.kafka_bootstrap_servers),
        security_options(settings),
        decoder(settings.topics),
        topic,
        asked,
    )
    if not found:
        raise OffsetError(
            f"Kafka has no topic {topic}. Nothing was changed. Make it with `profile-reconciler topics "
            "create`."
        )
    return [
        Stand(Place(topic, partition), stored.get(partition, NEVER_READ), *now)
        for partition, now in found.items()
    ]


async def _stored(session: "Session", topic: str) -> Mapping[int, Position]:
    rows = await session.fetch(query("offsets_stored"), topic)
    return {row["partition"]: _position(row) for row in rows}


def _position(row: "asyncpg.Record") -> Position:
    return Position(row["next_offset"], row["last_event_id"], row["topic_id"])


async def carry_out(session: "Session", changes: Sequence[Change], why: str | None, by: str) -> None:
    """All or none; raises `OffsetError` where an offset moved after it was looked at."""
    async with session.transaction():
        for change in sorted(changes, key=lambda change: change.stand.place):
            await _carry_out(session, change, why, by)


async def _carry_out(session: "Session", change: Change, why: str | None, by: str) -> None:
    stand = change.stand
    topic, partition = stand.place
    await session.execute(query("start_offsets"), [topic], [partition])
    row = await session.fetchrow(query("offsets_lock"), topic, partition)
    assert row is not None
    if _position(row) != stand.stored:
        raise OffsetError(
            f"{topic} partition {partition}: its offset was {stand.stored.next_offset} a moment ago and is "
            f"{row['next_offset']} now, so a reconciler is applying it. Nothing was changed. Look again with "
            "`profile-reconciler offsets show`."
        )
    await session.execute(query("offsets_move"), topic, partition, change.offset, stand.topic_id)
    await session.execute(
        query("offsets_decided"),
        *(change.decision, topic, partition, stand.found),
        *(stand.stored.next_offset, change.offset, stand.stored.last_event_id, stand.first, stand.end),
        *(change.missing, change.skipped, row["chain_events"], row["chain_head"], why, by),
        *(stand.stored.topic_id, stand.topic_id),
    )
