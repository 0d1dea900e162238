"""Gives records to the ledger as the loop would, with a partition and an offset for each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from reconciler.core.batch import Batch, Place
from reconciler.core.decide import decide
from reconciler.core.plan import Counted
from reconciler.decode import Decode, decoder
from reconciler.postgres.ledger import Postgres
from schemas.record import Headers, Record
from tests.integration.reconciler.said import TOPICS


@dataclass(frozen=True, slots=True)
class Consumed:
    """A record as a consumer gets it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: int = 0


@dataclass(slots=True)
class Desk:
    """Hands out offsets, partition by partition, and remembers where each batch must start."""

    postgres: Postgres
    decode: Decode = field(default_factory=lambda: decoder(TOPICS))
    ends: dict[Place, int] = field(default_factory=dict)
    applied: dict[Place, int] = field(default_factory=dict)

    def consumed(self, record: Record, partition: int = 0) -> Consumed:
        place = Place(record.topic, partition)
        offset = self.ends.get(place, 0)
        self.ends[place] = offset + 1
        return Consumed(record.topic, partition, offset, record.key, record.value, record.headers)

    def batch(self, consumed: Iterable[Consumed]) -> Batch:
        items = tuple(map(self.decode, consumed))
        return Batch(items, {item.place: self.applied.get(item.place, 0) for item in items})

    async def apply(self, batch: Batch) -> Counted:
        await self.postgres.positions(list(batch.starts))
        counted = await self.postgres.transact(batch, decide)
        self.applied.update({place: end.next_offset for place, end in batch.ends().items()})
        return counted

    async def put(self, *records: Record, partition: int = 0) -> Counted:
        """All in one batch of one partition."""
        return await self.apply(self.batch(self.consumed(record, partition) for record in records))

    async def put_each(self, records: Sequence[Record], partition: int = 0) -> None:
        """One by one."""
        for record in records:
            await self.put(record, partition=partition)
