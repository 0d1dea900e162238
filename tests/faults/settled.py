"""Waiting until nothing moves any more: spools empty, every record applied."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import Sequence
from contextlib import suppress

from tests.faults import topic
from tests.faults.scene import Scene
from tests.support.database import Database
from tests.support.polling import eventually

SPOOLED, ANSWERED = "receiver_spool_records", "receiver_callbacks_total"


async def settled(scene: Scene, *, within_s: float) -> None:
    """Spools first, then the topics: what was spooled is on them."""
    await eventually(lambda: _spools_are_empty(scene), within_s=within_s)
    await applied(
        scene.stack.bootstrap,
        [scene.topics.events, scene.topics.quarantine],
        scene.database,
        within_s=within_s,
    )


async def applied(bootstrap: str, topics: Sequence[str], database: Database, *, within_s: float) -> None:
    """Until every record that is on the topics now has been applied."""
    ends = await topic.end_offsets(bootstrap, topics)

    async def all_applied() -> bool:
        stored = await stored_offsets(database)
        behind = {place: end - stored.get(place, 0) for place, end in ends.items()}
        late = {place: records for place, records in behind.items() if records > 0}
        assert not late, f"not applied: {late}"
        return True

    await eventually(all_applied, within_s=within_s)


async def stored_offsets(database: Database) -> dict[tuple[str, int], int]:
    async with database.connect() as connection:
        rows = await connection.fetch("select topic, partition, next_offset from audit.offsets")
    return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}


async def _spools_are_empty(scene: Scene) -> bool:
    counts = [await asyncio.to_thread(spooled, keeper.ops) for keeper in scene.kept("receiver")]
    assert not any(counts), f"records in the spools: {counts}"
    return True


def spooled(ops: str) -> float:
    return _metric(ops, SPOOLED)


def answered(ops: str) -> float:
    return _metric(ops, ANSWERED)


def _metric(ops: str, name: str) -> float:
    """The sum over all labels; -1 while nobody answers, so that no answer is not taken for a zero."""
    with suppress(OSError), urllib.request.urlopen(f"http://{ops}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))
    return -1
