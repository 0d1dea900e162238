"""The loop with a source and a ledger of its own: order, retries, refusals, fences, stopping."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from io import StringIO

import pytest

from reconciler import loop as loop_module
from reconciler.core.batch import Arrived, Batch, Item, Place, Position, TopicId, Unusable
from reconciler.core.plan import Counted
from reconciler.decode import REFUSED, KafkaRecord
from reconciler.faults import (
    BrokenError,
    FencedError,
    RecreatedError,
    RefusedError,
    TooLongError,
    TryAgainError,
)
from reconciler.kafka.progress import NOTHING, Fetched, Lag
from reconciler.loop import Decide, Loop
from schemas.logline import Log
from tests.support.polling import eventually
from tests.unit.reconciler.events import arrived
from tests.unit.reconciler.test_progress import Numbered

PLACE, ELSEWHERE = Place("events", 0), Place("events", 1)
TURNS = 20
"""More than fetching takes."""


@dataclass(slots=True)
class Source:
    """Gives what it is told to, in batches of its own size; astray until it was placed."""

    fetches: deque[Fetched] = field(default_factory=deque)
    lost: bool = True
    ours: Collection[Place] = (PLACE,)
    ids: Mapping[str, TopicId] = field(default_factory=dict)
    placed: list[Mapping[Place, Position]] = field(default_factory=list)
    ends: dict[Place, int] = field(default_factory=dict)
    emptied: asyncio.Event = field(default_factory=asyncio.Event)

    def give(self, *offsets: int) -> None:
        self.fetches.append(Fetched([Numbered(offset) for offset in offsets], {PLACE: offsets[0]}))

    def is_astray(self) -> bool:
        return self.lost

    def astray(self) -> Collection[Place]:
        return self.ours

    def partitions(self) -> Collection[Place]:
        return [PLACE]

    async def topic_ids(self) -> Mapping[str, TopicId]:
        return self.ids

    async def place(self, positions: Mapping[Place, Position]) -> None:
        self.placed.append(positions)
        self.lost = False

    def rewind(self) -> None:
        self.lost = True

    async def fetch(self) -> Fetched:
        await asyncio.sleep(0)
        if self.lost:
            return NOTHING
        if self.fetches:
            return self.fetches.popleft()
        self.emptied.set()
        return NOTHING

    def applied(self, ends: Mapping[Place, int]) -> None:
        self.ends.update(ends)

    def lag(self) -> Lag:
        return Lag(len(self.fetches), 0.0)


@dataclass(slots=True)
class Ledger:
    """Keeps what it is given, some turns of the loop later; `answers` come first, one a transaction."""

    answers: deque[Exception] = field(default_factory=deque)
    refuses: Callable[[Item], bool] = lambda item: False
    written: list[Item] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    stored: int = 0
    topic_id: TopicId | None = None
    news: Collection[Place] = ()
    unheard: deque[Exception] = field(default_factory=deque)  # when it was kept all the same
    items_max: int = 1_000_000
    """Of a batch that it has time for."""

    async def transact(self, batch: Batch, decide: Decide) -> Counted:
        for _ in range(TURNS):
            await asyncio.sleep(0)
        if self.answers:
            raise self.answers.popleft()
        if len(batch.items) > self.items_max:
            raise TooLongError("a statement took too long (57014)")
        if batch.starts != {PLACE: self.stored}:
            raise FencedError({PLACE: self.stored})
        if any(map(self.refuses, batch.items)):
            raise RefusedError("23514 some_rule")
        self.written += batch.items
        self.batches.append(len(batch.items))
        self.stored = batch.ends()[PLACE].next_offset
        return Counted({("callback", "applied"): len(batch.items)}, 0, [0.5])

    async def added(self, places: Collection[Place]) -> Collection[Place]:
        return [place for place in places if place in self.news]

    async def know(self, places: Collection[Place]) -> None:
        self.news = ()
        if self.unheard:
            raise self.unheard.popleft()

    async def positions(
        self, places: Collection[Place], topic_ids: Mapping[str, TopicId]
    ) -> Mapping[Place, Position]:
        if self.answers:
            raise self.answers.popleft()
        return {place: Position(self.stored, None, self.topic_id) for place in places}


@dataclass(slots=True)
class Meter:
    events: int = 0
    fences: int = 0
    added: int = 0
    lags: list[int] = field(default_factory=list)

    def batch_applied(
        self, seconds: float, events: Mapping[tuple[str, str], int], end_to_end_s: Iterable[float]
    ) -> None:
        self.events += sum(events.values())

    def fenced(self) -> None:
        self.fences += 1

    def partitions_added(self, count: int) -> None:
        self.added += count

    def lag(self, records: int, seconds: float) -> None:
        self.lags.append(records)


@dataclass(slots=True)
class Bench:
    source: Source = field(default_factory=Source)
    ledger: Ledger = field(default_factory=Ledger)
    meter: Meter = field(default_factory=Meter)
    log: StringIO = field(default_factory=StringIO)

    def loop(self) -> Loop:
        return Loop(self.source, self.ledger, decode, self.meter, Log("test", stream=self.log))

    async def until_empty(self) -> None:
        """Runs until nothing is left to fetch and what was fetched is applied."""
        loop = self.loop()
        task = asyncio.create_task(loop.run())
        waiting = asyncio.create_task(self.source.emptied.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        loop.stop()
        await task


def decode(record: KafkaRecord) -> Item:
    return arrived(PLACE, record.offset)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between tries are no part of what is tested here."""
    monkeypatch.setattr(loop_module, "BACKOFF_FIRST_S", 0.0)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def offsets(items: Iterable[Item]) -> list[int]:
    return [item.offset for item in items]


async def test_it_starts_where_the_database_says_and_applies_in_order(bench: Bench) -> None:
    bench.source.give(0, 1, 2)
    bench.source.give(3)
    await bench.until_empty()
    assert bench.source.placed == [{PLACE: Position(0, None)}]
    assert offsets(bench.ledger.written) == [0, 1, 2, 3]
    assert bench.ledger.batches == [3, 1]
    assert bench.source.ends == {PLACE: 4}
    assert bench.meter.events == 4


async def test_a_topic_of_another_id_ends_it_before_anything_is_read(bench: Bench) -> None:
    bench.source.give(0, 1, 2)
    bench.source.ids, bench.ledger.topic_id = {PLACE.topic: TopicId("new")}, TopicId("old")
    with pytest.raises(RecreatedError, match="another topic of the same name"):
        await bench.until_empty()
    assert bench.source.placed == []
    assert bench.ledger.written == []


async def test_the_next_batch_is_fetched_while_the_last_one_is_written(bench: Bench) -> None:
    bench.source.give(0)
    bench.source.give(1)
    left: list[int] = []

    def look(item: Item) -> bool:
        left.append(len(bench.source.fetches))
        return False

    bench.ledger.refuses = look
    await bench.until_empty()
    assert left == [0, 0]


@pytest.mark.parametrize("times", [1, 3])
async def test_the_same_batch_is_tried_again_while_the_database_is_away(bench: Bench, times: int) -> None:
    bench.source.give(0, 1)
    bench.ledger.answers.extend(TryAgainError("away") for _ in range(times))
    await bench.until_empty()
    assert offsets(bench.ledger.written) == [0, 1]
    assert bench.log.getvalue().count('"waiting"') == times


async def test_it_says_what_it_waits_for(bench: Bench) -> None:
    loop = bench.loop()
    assert loop.waiting_for() == "partitions from Kafka"
    bench.source.give(0)
    seen: list[str | None] = []

    def look(item: Item) -> bool:
        seen.append(loop.waiting_for())
        loop.stop()
        return False

    bench.ledger.refuses = look
    await loop.run()
    assert seen == [None]


async def test_a_refused_event_is_set_aside_and_the_others_are_written(bench: Bench) -> None:
    bench.source.give(*range(100))
    bench.ledger.refuses = lambda item: isinstance(item, Arrived) and item.offset in (17, 64)
    await bench.until_empty()
    assert offsets(bench.ledger.written) == list(range(100))
    aside = [item for item in bench.ledger.written if isinstance(item, Unusable)]
    assert [(item.offset, item.reason, item.error) for item in aside] == [
        (17, REFUSED, "23514 some_rule"),
        (64, REFUSED, "23514 some_rule"),
    ]
    assert bench.log.getvalue().count('"event_refused"') == 2


async def test_a_row_of_the_quarantine_that_is_refused_ends_it(bench: Bench) -> None:
    bench.source.give(0)
    bench.ledger.refuses = lambda item: True
    with pytest.raises(BrokenError, match="partition 0 offset 0"):
        await bench.until_empty()


async def test_a_batch_that_takes_too_long_is_halved_until_it_does_not(bench: Bench) -> None:
    bench.source.give(*range(100))
    bench.source.give(*range(100, 200))
    bench.ledger.items_max = 20
    await bench.until_empty()
    assert offsets(bench.ledger.written) == list(range(200))
    assert max(bench.ledger.batches) <= 20
    assert (
        bench.log.getvalue().count('"batch_halved"') <= 5
    )  # the second batch begins with the size that works


async def test_what_works_again_in_larger_batches_is_done_in_larger_batches(bench: Bench) -> None:
    for first in range(0, 4000, 100):
        bench.source.give(*range(first, first + 100))
    bench.ledger.items_max = 1

    def recover(item: Item) -> bool:
        bench.ledger.items_max = 1_000_000
        return False

    bench.ledger.refuses = recover
    await bench.until_empty()
    assert offsets(bench.ledger.written) == list(range(4000))
    assert bench.ledger.batches[-1] == 100


async def test_one_event_that_always_takes_too_long_is_tried_again_and_never_set_aside(bench: Bench) -> None:
    loop = bench.loop()
    bench.source.give(0, 1)
    bench.ledger.items_max = 0
    task = asyncio.create_task(loop.run())
    await eventually(lambda: bench.log.getvalue().count('"waiting"') >= 5)
    assert loop.waiting_for() == "a statement took too long (57014)"
    bench.ledger.items_max = 1
    await eventually(lambda: len(bench.ledger.written) == 2)
    loop.stop()
    await task
    assert all(isinstance(item, Arrived) for item in bench.ledger.written)


async def test_partitions_that_were_added_are_told_loudly(bench: Bench) -> None:
    bench.ledger.news = [PLACE]
    bench.ledger.unheard.append(TryAgainError("nobody knows whether it was kept"))
    loop = bench.loop()
    task = asyncio.create_task(loop.run())
    await bench.source.emptied.wait()
    loop.stop()
    await task
    assert bench.meter.added == 1
    assert '"partition_added"' in bench.log.getvalue() and '"level":"error"' in bench.log.getvalue()
    assert "events/0" in loop.remarks()[0]


async def test_a_fenced_batch_is_given_up_and_reading_goes_on_from_the_database(bench: Bench) -> None:
    """As after a commit whose answer was lost, or where another member was faster."""
    bench.source.give(0, 1)
    bench.source.give(2)
    bench.ledger.stored = 2
    await bench.until_empty()
    assert bench.meter.fences == 1
    assert bench.source.placed == [{PLACE: Position(2, None)}, {PLACE: Position(2, None)}]
    assert offsets(bench.ledger.written) == []


@pytest.mark.parametrize(
    ("ours", "stored"),
    [([PLACE], 2), ([PLACE, ELSEWHERE], 2), ([ELSEWHERE], 1)],
    ids=["all", "more", "others"],
)
async def test_what_was_fetched_before_a_rebalance_is_applied_where_it_is_still_ours(
    bench: Bench, ours: Collection[Place], stored: int
) -> None:
    bench.source.give(0)
    bench.source.give(1)

    def rebalance(item: Item) -> bool:
        if item.offset == 0:
            bench.source.lost, bench.source.ours = True, ours
        return False

    bench.ledger.refuses = rebalance
    await bench.until_empty()
    assert offsets(bench.ledger.written) == list(range(stored))
    assert bench.source.placed[1] == {place: Position(stored, None) for place in ours}
    assert bench.meter.fences == 0


async def test_an_error_that_no_retry_helps_ends_the_loop(bench: Bench) -> None:
    bench.source.give(0)
    bench.ledger.answers.append(BrokenError("the schema is wrong"))
    with pytest.raises(BrokenError, match="schema is wrong"):
        await bench.until_empty()


async def test_an_error_of_the_source_ends_the_loop(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: Source) -> Fetched:
        raise BrokenError("no such topic")

    monkeypatch.setattr(Source, "fetch", broken)
    with pytest.raises(BrokenError, match="no such topic"):
        await bench.loop().run()


async def test_stopping_does_not_wait_for_a_database_that_is_away(bench: Bench) -> None:
    loop = bench.loop()

    class Away(deque[Exception]):
        def popleft(self) -> Exception:
            loop.stop()
            return TryAgainError("away")

    bench.ledger.answers = Away([TryAgainError("away")])
    await loop.run()
    assert bench.ledger.written == []


async def test_the_lag_is_reported_also_when_nothing_comes(bench: Bench) -> None:
    await bench.until_empty()
    assert bench.meter.lags and set(bench.meter.lags) == {0}


def test_pauses_grow_to_a_bound_and_never_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "BACKOFF_FIRST_S", 0.1)
    pauses = loop_module._pauses()
    grown = [next(pauses) for _ in range(12)]
    assert grown[:3] == [0.1, 0.2, 0.4]
    assert grown[-1] == max(grown) == loop_module.BACKOFF_MAX_S
