"""The loop: records in, one transaction for each batch, and what to do when it fails.

While PostgreSQL works on a batch the next one is fetched and decoded. Kafka's own offsets are only told, for
those who watch the lag; what counts stands in the database, in the same transaction as the rows.

A refused event is found by halving the batch: the earlier half is committed before the later one is tried, so
the one that fails alone is the one at fault. Its row of the quarantine is written in the transaction that
moves the offset past it. A batch that takes PostgreSQL too long is halved as well, and the size that works is
remembered; one event that takes too long by itself is no fault of the event, and is tried again for ever.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Final, Protocol, TypeVar

from reconciler.core.batch import Arrived, Batch, Item, Place, Position, TopicId
from reconciler.core.decide import Reader, decide
from reconciler.core.plan import Counted, Moment, Plan
from reconciler.decode import Decode, condemned
from reconciler.faults import BrokenError, FencedError, RefusedError, TooLongError, TryAgainError
from reconciler.kafka.progress import Fetched, Lag, check_topic
from schemas.logline import Log

DECODED_AT_ONCE: Final = 100
"""Between two of these PostgreSQL's answers get their turn."""

BACKOFF_FIRST_S: Final = 0.1
BACKOFF_MAX_S: Final = 2.0
"""How late at most we notice that PostgreSQL is back: the lag begins to shrink within this time."""

GROWTH: Final = 16
"""A size that was too large is tried again after about so many batches for each halving."""

_Done = TypeVar("_Done")


class Source(Protocol):
    """The consumer. It is *astray* while positions of its partitions are not taken from the database yet."""

    def is_astray(self) -> bool: ...

    def astray(self) -> Collection[Place]: ...

    def partitions(self) -> Collection[Place]:
        """Every partition there is of the topics, also those that others read."""
        ...

    async def topic_ids(self) -> Mapping[str, TopicId]:
        """Of every topic, as Kafka has them now; none at all where Kafka knows of no ids."""
        ...

    async def place(self, positions: Mapping[Place, Position]) -> None:
        """Goes on from these; `GapError` or `RecreatedError` where Kafka does not fit them."""
        ...

    def rewind(self) -> None:
        """Every partition is astray again."""
        ...

    async def fetch(self) -> Fetched:
        """What there is, up to a batch; nothing after a while without records, or while astray."""
        ...

    def applied(self, ends: Mapping[Place, int]) -> None:
        """For the lag, and for Kafka's own offsets: never waits."""
        ...

    def lag(self) -> Lag: ...


Decide = Callable[[Batch, Reader, Moment], Awaitable[Plan]]


class Ledger(Protocol):
    """The database. Raises what `reconciler.faults` names."""

    async def transact(self, batch: Batch, decide: Decide) -> Counted: ...

    async def positions(
        self, places: Collection[Place], topic_ids: Mapping[str, TopicId]
    ) -> Mapping[Place, Position]:
        """Where they stand. An id that is stored stays; where there is none yet, it is stored now."""
        ...

    async def added(self, places: Collection[Place]) -> Collection[Place]:
        """Those that came to a topic known before without them."""
        ...

    async def know(self, places: Collection[Place]) -> None:
        """From now on these are known."""
        ...


class Meter(Protocol):
    """The metrics."""

    def batch_applied(
        self, seconds: float, events: Mapping[tuple[str, str], int], end_to_end_s: Iterable[float]
    ) -> None: ...

    def fenced(self) -> None: ...

    def partitions_added(self, count: int) -> None: ...

    def lag(self, records: int, seconds: float) -> None: ...


class Loop:
    """`run` until `stop`, or until an error that trying again would not help."""

    def __init__(self, source: Source, ledger: Ledger, decode: Decode, meter: Meter, log: Log) -> None:
        self._source = source
        self._ledger = ledger
        self._decode = decode
        self._meter = meter
        self._log = log
        self._stopping = asyncio.Event()
        self._waiting_for: str | None = "partitions from Kafka"
        self._added: list[Place] = []
        self._items_max: int | None = None
        self._is_fenced = False
        """Since then nothing was read that follows on what is stored."""

    def waiting_for(self) -> str | None:
        """In a few words what keeps it from applying events; None while nothing does."""
        return self._waiting_for

    def remarks(self) -> Sequence[str]:
        """What those should know who ask whether it is ready."""
        if not self._added:
            return ()
        named = ", ".join(f"{place.topic}/{place.partition}" for place in self._added)
        return (f"partitions were added since the start, and are read from their first record: {named}",)

    def stop(self) -> None:
        """The transaction at work is finished; what was fetched ahead is left for the next start."""
        self._stopping.set()

    async def run(self) -> None:
        """Raises `BrokenError`, whose text is for people."""
        ahead = asyncio.create_task(self._next())
        try:
            while await self._ready(ahead):
                batch = ahead.result()
                if self._source.is_astray():
                    await self._go_on_from(batch)
                    batch = None
                ahead = asyncio.create_task(self._next())
                if batch is not None:
                    await self._apply(batch)
                lag = self._source.lag()
                self._meter.lag(lag.records, lag.seconds)
        finally:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)

    async def _go_on_from(self, batch: Batch | None) -> None:
        """After an assignment. What was fetched of partitions that are ours again is applied first: so each
        fetch gets somewhere, however often the group is disturbed. The offsets tell if somebody was faster.
        """
        if batch is not None and not self._is_fenced and batch.starts.keys() <= set(self._source.astray()):
            await self._apply(batch)
        self._is_fenced = False
        await self._until_done(self._place)

    async def _ready(self, ahead: asyncio.Task[Batch | None]) -> bool:
        """Waits for the next batch; false when it is time to stop instead."""
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({ahead, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        return not self._stopping.is_set()

    async def _next(self) -> Batch | None:
        fetched = await self._source.fetch()
        items: list[Item] = []
        for first in range(0, len(fetched.records), DECODED_AT_ONCE):
            items.extend(map(self._decode, fetched.records[first : first + DECODED_AT_ONCE]))
            await asyncio.sleep(0)
        return Batch(tuple(items), fetched.starts) if items else None

    async def _place(self) -> None:
        """Only between two transactions: what is stored must not be on its way elsewhere."""
        topic_ids = await self._source.topic_ids()
        places = self._source.astray()
        everywhere = self._source.partitions()
        self._tell_added(await self._ledger.added(everywhere))  # first, so that it is told at least once
        await self._ledger.know(everywhere)
        positions = await self._ledger.positions(places, topic_ids)
        for place in places:
            check_topic(place, positions[place], topic_ids.get(place.topic))
        await self._source.place(positions)
        self._log.emit("partitions_assigned", partitions=len(places))

    def _tell_added(self, added: Collection[Place]) -> None:
        for place in sorted(added):
            self._log.emit(
                "partition_added",
                level="error",
                topic=place.topic,
                partition=place.partition,
                reason="one device may be in two partitions now; nothing is lost, this one is read from 0",
            )
        if added:
            self._added += sorted(added)
            self._meter.partitions_added(len(added))

    async def _apply(self, batch: Batch) -> None:
        try:
            await self._write(batch)
        except FencedError as error:
            self._meter.fenced()
            self._log.emit("batch_fenced", level="warning", reason=str(error))
            self._is_fenced = True
            self._source.rewind()

    async def _write(self, batch: Batch) -> bool:
        """False where it was time to stop before all of it was written."""
        started, size = monotonic(), len(batch.items)
        if self._items_max is not None and size > self._items_max:
            return await self._write_all(batch.halves())
        try:
            counted = await self._until_done(lambda: self._ledger.transact(batch, decide), size)
        except RefusedError as error:
            return await self._write_all(self._parts(batch, error))
        except TooLongError as error:
            self._items_max = size // 2
            self._log.emit("batch_halved", level="warning", reason=str(error), events=size)
            return await self._write_all(batch.halves())
        if counted is None:
            return False
        if self._items_max is not None:
            self._items_max += 1 + self._items_max // GROWTH
        self._source.applied({place: end.next_offset for place, end in batch.ends().items()})
        self._meter.batch_applied(monotonic() - started, counted.outcomes, counted.ages_s)
        return True

    async def _write_all(self, parts: Iterable[Batch]) -> bool:
        for part in parts:
            if not await self._write(part):
                return False
        return True

    def _parts(self, batch: Batch, error: RefusedError) -> Sequence[Batch]:
        """Halves; of a single event, the same as a row of the quarantine."""
        if len(batch.items) > 1:
            return batch.halves()
        (item,) = batch.items
        if not isinstance(item, Arrived):
            raise BrokenError(
                f"PostgreSQL refuses a row of the quarantine ({error}): {item.place.topic} partition "
                f"{item.place.partition} offset {item.offset}. Nothing of it was kept, everything before it "
                "is. Check the schema's version."
            ) from error
        self._log.emit("event_refused", level="error", event_id=item.identity, reason=str(error))
        return [Batch((condemned(item, str(error)),), batch.starts)]

    async def _until_done(self, step: Callable[[], Awaitable[_Done]], divisible: int = 1) -> _Done | None:
        """Tries again while the other side is away or busy; None when it is time to stop.

        Raises `TooLongError` where it is about so many events that less could be tried instead.
        """
        for pause_s in _pauses():
            try:
                done = await step()
            except TryAgainError as error:
                if isinstance(error, TooLongError) and divisible > 1:
                    raise
                self._waiting_for = str(error)
                self._log.emit("waiting", level="warning", reason=str(error), retry_in_s=pause_s)
            else:
                self._waiting_for = None
                return done
            if await self._stopped_within(pause_s):
                return None
        raise AssertionError("the pauses never end")

    async def _stopped_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()


def _pauses() -> Iterator[float]:
    pause_s = BACKOFF_FIRST_S
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, BACKOFF_MAX_S)
