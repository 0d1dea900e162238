"""Disks that fail: appends say so with a reason, nothing stored is lost, and the spool mends itself."""

import asyncio
import shutil
from pathlib import Path
from random import Random
from types import SimpleNamespace

import apsw
import pytest

from receiver.spool.disk_queue import Report, Spool, SpoolUnavailableError
from receiver.spool.words import Reason, Recovered, Salvaged, Unavailable
from tests.support.polling import eventually
from tests.unit.spool.disk import Disk
from tests.unit.spool.entries import entries, everything, numbers_of, opened, store

MIB = 1024 * 1024


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.spool.keeper.RETRY_FIRST_S", 0.01)
    monkeypatch.setattr("receiver.spool.keeper.RETRY_MAX_S", 0.02)
    monkeypatch.setattr("receiver.spool.keeper.LOOK_AROUND_S", 0.01)


async def reason_of(spool: Spool, number: int) -> Reason | None:
    """Why one more append fails."""
    try:
        await store(spool, [number])
    except SpoolUnavailableError as error:
        return error.reason
    return None


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (apsw.IOError, "io_error"),
        (apsw.ReadOnlyError, "read_only"),
        (apsw.FullError, "disk_full"),
        (apsw.CantOpenError, "io_error"),
    ],
)
async def test_a_failing_disk_is_unavailable_with_a_reason_until_it_works_again(
    error: type[apsw.Error], reason: Reason, tmp_path: Path
) -> None:
    disk = Disk()
    reports: list[Report] = []
    async with opened(tmp_path, vfs=disk.name, reports=reports) as spool:
        await store(spool, range(3))
        with disk.failing(error):
            assert await reason_of(spool, 100) == reason
            assert await reason_of(spool, 101) == reason
            assert not spool.can_store()
        await eventually(spool.can_store)
        await store(spool, range(3, 6))
        assert [n for n in numbers_of(await everything(spool)) if n < 100] == list(range(6))
    assert reports[0] == Unavailable(reason)
    assert isinstance(reports[-1], Recovered)


async def test_all_who_share_a_failed_commit_are_told(tmp_path: Path) -> None:
    disk = Disk()
    async with opened(tmp_path, vfs=disk.name) as spool:
        with disk.failing(apsw.IOError):
            asked = [spool.append(entries([number])) for number in range(20)]
            told = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(each, SpoolUnavailableError) for each in told)


@pytest.mark.parametrize("seed", range(4))
async def test_what_is_stored_after_a_failed_sync_survives_a_power_cut(seed: int, tmp_path: Path) -> None:
    """The kernel has dropped what it could not write, and calls it clean: nothing may rest on it."""
    disk, random = Disk(), Random(seed)
    stored: list[int] = []
    async with opened(tmp_path / "spool", vfs=disk.name) as spool:
        for number in range(30):
            disk.sync_fault = apsw.IOError if random.random() < 0.2 and number < 29 else None
            if await reason_of(spool, number) is None:
                stored.append(number)
            disk.sync_fault = None
            await eventually(spool.can_store)
        disk.after_power_cut(tmp_path / "spool", tmp_path / "after", random)
    reports: list[Report] = []
    async with opened(tmp_path / "after", reports=reports) as spool:
        assert set(numbers_of(await everything(spool))) >= set(stored)
    assert reports == [], "nothing had to be salvaged"


@pytest.mark.parametrize("seed", range(4))
async def test_a_power_cut_at_any_time_loses_nothing_that_was_stored(seed: int, tmp_path: Path) -> None:
    disk, random = Disk(), Random(seed)
    async with opened(tmp_path / "spool", vfs=disk.name) as spool:
        stored = 0
        for cut in range(5):
            for _ in range(random.randrange(1, 12)):
                count = random.randrange(1, 40)
                await store(spool, range(stored, stored + count))
                stored += count
            unfinished = spool.append(entries(range(stored, stored + 30)))
            disk.after_power_cut(tmp_path / "spool", tmp_path / f"after-{cut}", random)
            await unfinished
            stored += 30
            async with opened(tmp_path / f"after-{cut}") as after:
                assert numbers_of(await everything(after))[: stored - 30] == list(range(stored - 30))


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk(room_bytes=12 * MIB)

    def statvfs(_: object) -> SimpleNamespace:
        return SimpleNamespace(
            f_frsize=1, f_flag=0, f_blocks=disk.room_bytes, f_bavail=max(0, disk.free_bytes(tmp_path))
        )

    monkeypatch.setattr("os.statvfs", statvfs)
    return disk


async def filled(spool: Spool) -> int:
    """Until the disk is full; the number of entries that are stored."""
    number = 0
    while True:
        try:
            await store(spool, range(number, number + 50), size_bytes=3_000)
        except SpoolUnavailableError as error:
            assert error.reason == "disk_full"
            return number
        number += 50


async def test_a_full_disk_still_lets_rows_be_removed_and_then_takes_new_ones(
    small_disk: Disk, tmp_path: Path
) -> None:
    """Else a spool on a full disk could never be drained."""
    reports: list[Report] = []
    async with opened(tmp_path, vfs=small_disk.name, reports=reports) as spool:
        stored = await filled(spool)
        assert stored > 1_000
        assert reports == [Unavailable("disk_full")]
        drained: list[int] = []
        while rows := await spool.read(limit=200):
            drained.extend(numbers_of(rows))
            assert await spool.remove([row.id for row in rows]) == len(rows)
        assert drained[:stored] == list(range(stored))
        await eventually(spool.can_store)
        await store(spool, range(3))
        assert isinstance(reports[-1], Recovered)


async def test_a_full_disk_takes_appends_again_while_rows_still_wait(
    small_disk: Disk, tmp_path: Path
) -> None:
    async with opened(tmp_path, vfs=small_disk.name) as spool:
        stored = await filled(spool)
        rows = await everything(spool)
        await spool.remove([row.id for row in rows[: len(rows) // 2]])
        await eventually(spool.can_store)
        await store(spool, [stored])
        assert spool.records == len(rows) - len(rows) // 2 + 1


async def test_a_start_on_a_full_disk_reads_what_waits(small_disk: Disk, tmp_path: Path) -> None:
    async with opened(tmp_path, vfs=small_disk.name) as spool:
        stored = await filled(spool)
        shutil.copytree(tmp_path, tmp_path / "after")
    small_disk.sizes = {
        str(path): path.stat().st_size
        for path in (tmp_path / "after").glob("spool-*")
        if path.suffix != ".db-shm"
    }
    small_disk.room_bytes = sum(small_disk.sizes.values())
    async with opened(tmp_path / "after", vfs=small_disk.name) as spool:
        assert not spool.can_store()
        assert numbers_of(await everything(spool))[:stored] == list(range(stored))


async def test_a_disk_that_cannot_be_written_at_the_start_is_used_as_soon_as_it_can(tmp_path: Path) -> None:
    disk = Disk()
    reports: list[Report] = []
    disk.fault = apsw.ReadOnlyError
    async with opened(tmp_path, vfs=disk.name, reports=reports) as spool:
        assert await reason_of(spool, 1) == "read_only"
        with pytest.raises(SpoolUnavailableError, match="read_only"):
            await spool.read()
        disk.fault = None
        await eventually(spool.can_store)
        await store(spool, [1])
    assert reports == [Unavailable("read_only"), Recovered(0)]


async def test_nobody_waits_for_ever_on_a_disk_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.spool.disk_queue.STALL_S", 0.2)
    disk = Disk()
    reports: list[Report] = []
    async with opened(tmp_path, vfs=disk.name, reports=reports) as spool:
        await store(spool, [1])
        disk.answers.clear()
        asked = [spool.append(entries([number])) for number in (2, 3)]
        for each in asked:
            with pytest.raises(SpoolUnavailableError, match="stalled"):
                await each
        assert await reason_of(spool, 4) == "stalled"
        assert not spool.can_store()
        disk.answers.set()
        await eventually(spool.can_store)
        await store(spool, [5])
        numbers = numbers_of(await everything(spool))
        assert [number for number in numbers if number in (1, 4, 5)] == [1, 5]
    assert [type(report) for report in reports] == [Unavailable, Recovered]


async def test_ids_of_a_failed_append_are_not_given_again(tmp_path: Path) -> None:
    """What is left of it in the log must never be taken for another row."""
    disk = Disk()
    async with opened(tmp_path, vfs=disk.name) as spool:
        for error in (apsw.FullError, apsw.IOError):
            with disk.failing(error), pytest.raises(SpoolUnavailableError):
                await store(spool, range(10))
            await eventually(spool.can_store)
        await store(spool, [10])
        assert (await spool.read())[-1].id > 20


async def test_removing_gets_the_reserve_when_there_is_no_other_room(
    small_disk: Disk, tmp_path: Path
) -> None:
    for _ in range(2):
        async with opened(tmp_path, vfs=small_disk.name) as spool:
            await store(spool, range(200))
    async with opened(tmp_path, vfs=small_disk.name) as spool:
        small_disk.room_bytes -= small_disk.free_bytes(tmp_path)
        assert await spool.remove(range(1, 51)) == 50
        assert spool.records == 350


async def test_damage_found_while_running_is_salvaged(tmp_path: Path) -> None:
    disk = Disk()
    reports: list[Report] = []
    async with opened(tmp_path, vfs=disk.name, reports=reports) as spool:
        await store(spool, range(50))
        with disk.failing(apsw.CorruptError):
            assert await reason_of(spool, 100) == "damaged"
        await eventually(spool.can_store)
        await store(spool, [50])
        assert [number for number in numbers_of(await everything(spool)) if number < 100] == list(range(51))
    assert any(isinstance(report, Salvaged) for report in reports)


async def test_after_a_failed_sync_the_log_is_written_again_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that keeps it from being emptied keeps the spool out of service."""
    monkeypatch.setattr("receiver.spool.store.OTHERS_TIMEOUT_MS", 10)
    disk = Disk()
    async with opened(tmp_path, vfs=disk.name) as spool:
        await store(spool, [1])
        reader = apsw.Connection(str(tmp_path / "spool-000001.db"))
        reader.execute("begin")
        reader.execute("select count(*) from waiting").fetchall()
        await store(spool, [2])
        disk.sync_fault = apsw.IOError
        assert await reason_of(spool, 3) == "io_error"
        disk.sync_fault = None
        await eventually(lambda: spool.trouble == "busy")
        assert await reason_of(spool, 4) == "busy"
        reader.close()
        await eventually(spool.can_store)
        assert numbers_of(await everything(spool))[:2] == [1, 2]


def remove_all(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


async def test_whoever_asks_all_the_time_does_not_put_off_the_recovery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.spool.keeper.RETRY_FIRST_S", 0.3)
    disk = Disk()
    async with opened(tmp_path, vfs=disk.name) as spool:
        with disk.failing(apsw.IOError):
            assert await reason_of(spool, 1) == "io_error"
        async with asyncio.timeout(10):
            while not spool.can_store():
                await asyncio.gather(spool.read(), spool.remove([1]), return_exceptions=True)


async def test_a_file_that_somebody_removed_is_made_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        await store(spool, [1])
        remove_all(tmp_path)
        await eventually(lambda: spool.records == 0)
        await eventually(spool.can_store)
        await store(spool, [2])
        assert numbers_of(await everything(spool)) == [2]


async def test_a_change_waits_for_another_process_and_gives_up_without_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.spool.store.OTHERS_TIMEOUT_MS", 20)
    async with opened(tmp_path) as spool:
        other = apsw.Connection(str(tmp_path / "spool-000001.db"))
        other.execute("begin immediate")
        assert await reason_of(spool, 1) == "busy"
        assert spool.can_store()
        other.execute("rollback")
        other.close()
        await store(spool, [2])
