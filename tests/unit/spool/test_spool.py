"""The spool as its owner sees it: order, bounds, one fsync for many, the dead, and closing."""

import asyncio
import os
import threading
from collections import Counter
from pathlib import Path

import pytest

from receiver.spool.disk_queue import Report, SpoolRefusedError, SpoolUnavailableError, Verdict, open_spool
from receiver.spool.frame import seal
from tests.support.polling import eventually
from tests.unit.spool.disk import Disk
from tests.unit.spool.entries import (
    BYTES_MAX,
    entries,
    entry,
    everything,
    names_in,
    numbers_of,
    opened,
    store,
)


async def test_what_was_appended_is_read_in_order_also_after_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        await asyncio.gather(*(store(spool, [number]) for number in range(50)))
        await store(spool, range(50, 80))
        assert numbers_of(await everything(spool)) == list(range(80))
    async with opened(tmp_path) as spool:
        assert spool.records == 80
        rows = await everything(spool)
        assert numbers_of(rows) == list(range(80))
        assert [row.id for row in rows] == sorted({row.id for row in rows})


async def test_every_kind_of_record_comes_back_as_it_was(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        large = entries([1, 2], size_bytes=70_000)
        unproven = entry(3, proven=False)
        await spool.append([large[0], unproven, large[1]])
        rows = await everything(spool)
        assert numbers_of(rows) == [1, 3, 2]
        assert [row.proven for row in rows] == [True, False, True]


async def test_a_read_keeps_to_its_limits_but_gives_at_least_one_row(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        await store(spool, range(10), size_bytes=5_000)
        assert len(await spool.read(limit=3)) == 3
        assert len(await spool.read(bytes_max=1)) == 1
        assert len(await spool.read(bytes_max=26_000)) == 5
        rows = await spool.read(limit=4)
        assert numbers_of(await spool.read(rows[-1].id)) == list(range(4, 10))


async def test_ids_go_on_rising_when_the_spool_was_empty(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        await store(spool, range(5))
        first = await everything(spool)
        assert await spool.remove([row.id for row in first]) == 5
        await store(spool, [5])
        assert (await spool.read(first[-1].id))[0].id > first[-1].id


async def test_removing_what_is_not_there_removes_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        await store(spool, range(3))
        assert await spool.remove([]) == 0
        assert await spool.remove([77, 1, 1]) == 1
        assert spool.records == 2


async def test_whoever_waits_shares_one_commit(tmp_path: Path) -> None:
    disk = Disk()
    async with opened(tmp_path, vfs=disk.name) as spool:
        before = disk.log_syncs
        await asyncio.gather(*(store(spool, [number]) for number in range(400)))
        assert disk.log_syncs - before <= 40
        assert spool.records == 400


class Counting(Disk):
    """Of every file the syncs that had something to write, counted as they begin."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: Counter[str] = Counter()

    def synced(self, path: str) -> None:
        self.begun[path.rpartition("-")[2]] += path in self.pending
        super().synced(path)


async def test_most_wait_for_one_sync_and_hardly_anybody_for_more_than_three(tmp_path: Path) -> None:
    """A checkpoint that came between included: with it, three are what an answer may take without Kafka."""
    disk = Counting()
    waited: list[int] = []
    async with opened(tmp_path, vfs=disk.name) as spool:

        async def append_often(first: int) -> None:
            for number in range(first, first + 150):
                before = disk.begun.total()
                await store(spool, [number])
                waited.append(disk.begun.total() - before)

        await asyncio.gather(*(append_often(caller * 1_000) for caller in range(40)))
    assert disk.begun["000001.db"] > 3, "checkpoints"
    waited.sort()
    assert waited[len(waited) // 2] == 1
    assert waited[len(waited) * 99 // 100] <= 3


async def test_an_append_larger_than_a_transaction_may_be_is_stored_in_parts(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        verdicts = await spool.append(entries(range(120), size_bytes=50_000))
        assert verdicts == [Verdict.STORED] * 120
        assert numbers_of(await everything(spool)) == list(range(120))
        assert await spool.remove([row.id for row in await everything(spool)]) == 120


async def test_what_is_appended_behind_a_large_append_is_read_behind_it(tmp_path: Path) -> None:
    """The lane hands over all that waits when Kafka goes, and at once what comes next."""
    async with opened(tmp_path) as spool:
        asked = [spool.append(entries(range(120), size_bytes=50_000)), spool.append(entries([120]))]
        await asyncio.gather(*asked)
        assert numbers_of(await everything(spool)) == list(range(121))


async def test_a_full_spool_refuses_as_a_value_and_takes_again_what_was_made_room_for(tmp_path: Path) -> None:
    async with opened(tmp_path, bytes_max=10_000) as spool:
        verdicts = await spool.append(entries(range(12)))
        assert verdicts == [Verdict.STORED] * 10 + [Verdict.FULL] * 2
        assert await spool.append(entries([12])) == [Verdict.FULL]
        await spool.remove([(await spool.read())[0].id])
        assert await spool.append(entries([13, 14])) == [Verdict.STORED, Verdict.FULL]
        assert numbers_of(await everything(spool)) == [*range(1, 10), 13]


async def test_an_entry_that_fits_is_taken_behind_one_that_does_not(tmp_path: Path) -> None:
    async with opened(tmp_path, bytes_max=3_000) as spool:
        verdicts = await spool.append([entry(1), entry(2, size_bytes=9_000), entry(3)])
        assert verdicts == [Verdict.STORED, Verdict.FULL, Verdict.STORED]


async def test_records_of_unproven_origin_have_a_twentieth_of_the_room(tmp_path: Path) -> None:
    async with opened(tmp_path, bytes_max=60_000) as spool:
        strangers = await spool.append(entries(range(10), proven=False))
        assert strangers == [Verdict.STORED] * 3 + [Verdict.QUOTA] * 7
        assert await spool.append(entries([10])) == [Verdict.STORED]
        rows = await spool.read()
        await spool.bury(rows[0].id, "too large")
        assert await spool.append(entries([11], proven=False)) == [Verdict.QUOTA], "the dead count too"
        await spool.remove([rows[1].id])
        assert await spool.append(entries([12], proven=False)) == [Verdict.STORED]
    async with opened(tmp_path, bytes_max=60_000) as spool:
        assert await spool.append(entries([13], proven=False)) == [Verdict.QUOTA]


async def test_a_full_spool_cannot_store(tmp_path: Path) -> None:
    size_bytes = len(seal(entry(1).record, proven=True, enqueued_us=0))
    async with opened(tmp_path, bytes_max=size_bytes) as spool:
        assert spool.can_store()
        await store(spool, [1])
        assert spool.size_bytes == size_bytes
        assert not spool.can_store()


async def test_the_dead_are_listed_shown_resent_to_the_end_and_dropped(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        await store(spool, range(5))
        ids = [row.id for row in await spool.read()]
        assert await spool.bury(ids[0], "message too large")
        assert await spool.bury(ids[3], "invalid record")
        assert not await spool.bury(ids[0], "twice")
        assert numbers_of(await spool.read()) == [1, 2, 4]
        dead = await spool.dead_list()
        assert [(row.id, row.reason) for row in dead] == [
            (ids[0], "message too large"),
            (ids[3], "invalid record"),
        ]
        shown = await spool.dead_show(ids[3])
        assert shown is not None
        assert shown.row is not None
        assert numbers_of([shown.row]) == [3]
        assert await spool.dead_resend([ids[0], ids[0], 99]) == 1
        assert await spool.dead_drop([ids[3], 99]) == 1
        assert numbers_of(await spool.read()) == [1, 2, 4, 0]
        stats = await spool.stats()
        assert (stats.records, stats.dead) == (4, 0)


async def test_stats_tell_what_waits_since_when(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        assert (await spool.stats()).oldest_at is None
        await store(spool, range(2))
        rows = await spool.read()
        stats = await spool.stats()
        assert (stats.records, stats.oldest_at) == (2, rows[0].enqueued_at)
        assert stats.bytes == spool.size_bytes > 2 * 850


async def test_the_folder_has_one_owner(tmp_path: Path) -> None:
    async with opened(tmp_path):
        with pytest.raises(SpoolRefusedError, match=f"process {os.getpid()}"):
            await open_spool(tmp_path, BYTES_MAX, lambda _: None)
    async with opened(tmp_path):
        pass


async def test_closing_finishes_what_was_asked_and_refuses_what_comes_later(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        asked = [spool.append(entries([number])) for number in range(100)]
        await spool.close()
        assert [await each for each in asked] == [[Verdict.STORED]] * 100
        assert not spool.can_store()
        with pytest.raises(SpoolUnavailableError, match="closed"):
            await spool.append(entries([1]))
    async with opened(tmp_path) as spool:
        assert spool.records == 100


async def test_who_no_longer_waits_does_no_harm(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        spool.append(entries([1])).cancel()
        await store(spool, [2])
        assert numbers_of(await everything(spool)) == [1, 2]


async def test_too_much_at_once_is_refused_instead_of_kept_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.spool.disk_queue.QUEUED_BYTES_MAX", 1_500)
    async with opened(tmp_path) as spool:
        first, second = spool.append(entries([1])), spool.append(entries([2]))
        with pytest.raises(SpoolUnavailableError, match="overloaded"):
            await second
        assert await first == [Verdict.STORED]
        await store(spool, [3])


async def test_the_file_shrinks_when_the_spool_was_drained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.spool.keeper.LOOK_AROUND_S", 0.01)
    async with opened(tmp_path) as spool:
        await store(spool, range(400), size_bytes=50_000)
        assert (tmp_path / "spool-000001.db").stat().st_size > 10_000_000
        await spool.remove([row.id for row in await everything(spool)])
        await eventually(lambda: (tmp_path / "spool-000001.db").stat().st_size < 1_000_000)
        await store(spool, [1])


async def test_nothing_is_reported_when_nothing_is_wrong(tmp_path: Path) -> None:
    reports: list[Report] = []
    for _ in range(2):
        async with opened(tmp_path, reports=reports) as spool:
            await store(spool, [1])
    assert reports == []
    assert names_in(tmp_path) == ["lock", "reserve", "spool-000001.db"]


async def test_an_error_that_nobody_expected_ends_the_spool_and_leaves_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("threading.excepthook", lambda _: None)
    spool = await open_spool(tmp_path, BYTES_MAX, lambda _: None)
    monkeypatch.setattr("receiver.spool.store.APPEND", 7)
    with pytest.raises(SpoolUnavailableError, match="closed"):
        await spool.append(entries([1]))
    with pytest.raises(TypeError):
        await spool.ended
    for thread in threading.enumerate():
        if thread.name == "spool":
            thread.join(timeout=10)
    await spool.close()
