"""Real disks in trouble: a small one that is full, one that takes no larger file, one that is read-only."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from receiver.spool.disk_queue import Recovered, Report, Spool, SpoolUnavailableError, Unavailable
from tests.support.polling import eventually
from tests.unit.spool.entries import everything, numbers_of, opened, store

MIB = 1024 * 1024
IS_ROOT = os.geteuid() == 0


@contextmanager
def tmpfs(folder: Path, size_bytes: int) -> Iterator[None]:
    folder.mkdir()
    run("mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder))
    try:
        yield
    finally:
        run("umount", str(folder))


def run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=30)


@contextmanager
def file_size_limit(size_bytes: int) -> Iterator[None]:
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))


async def filled(spool: Spool) -> int:
    """Until an append fails; how many entries are stored."""
    number = 0
    while True:
        try:
            await store(spool, range(number, number + 50), size_bytes=3_000)
        except SpoolUnavailableError:
            return number
        number += 50


async def test_no_file_may_grow_any_more_and_then_it_may(tmp_path: Path) -> None:
    reports: list[Report] = []
    async with opened(tmp_path, reports=reports) as spool:
        with file_size_limit(12 * MIB):
            stored = await filled(spool)
            assert stored > 1_000
            assert not spool.can_store()
        await eventually(spool.can_store)
        assert numbers_of(await everything(spool))[:stored] == list(range(stored))
        await store(spool, [stored + 1])
    assert isinstance(reports[0], Unavailable)
    assert isinstance(reports[-1], Recovered)


@pytest.mark.skipif(not IS_ROOT, reason="only root can mount one; test_trouble simulates it")
class TestOnSmallTmpfs:
    async def test_a_full_disk_is_drained_and_then_takes_appends_again(self, tmp_path: Path) -> None:
        folder = tmp_path / "small"
        reports: list[Report] = []
        with tmpfs(folder, 24 * MIB):
            async with opened(folder / "spool", reports=reports) as spool:
                stored = await filled(spool)
                assert stored > 1_000
                assert reports == [Unavailable("disk_full")]
                rows = await everything(spool)
                assert numbers_of(rows)[:stored] == list(range(stored))
                assert await spool.remove([row.id for row in rows]) == len(rows)
                await eventually(spool.can_store)
                assert await filled(spool) > 1_000, "the room of what was removed is used again"

    async def test_room_that_others_make_is_found(self, tmp_path: Path) -> None:
        folder = tmp_path / "small"
        with tmpfs(folder, 24 * MIB):
            async with opened(folder / "spool") as spool:
                fill(folder / "of somebody else", 14 * MIB)
                stored = await filled(spool)
                assert not spool.can_store()
                empty(folder / "of somebody else")
                await eventually(spool.can_store)
                await store(spool, range(stored, stored + 10), size_bytes=3_000)

    async def test_a_restart_on_a_full_disk_drains(self, tmp_path: Path) -> None:
        folder = tmp_path / "small"
        with tmpfs(folder, 24 * MIB):
            async with opened(folder / "spool") as spool:
                stored = await filled(spool)
            async with opened(folder / "spool") as spool:
                assert not spool.can_store()
                rows = await everything(spool)
                assert numbers_of(rows)[:stored] == list(range(stored))
                assert await spool.remove([row.id for row in rows]) == len(rows)

    async def test_a_read_only_disk_is_used_as_soon_as_it_can_be_written(self, tmp_path: Path) -> None:
        folder = tmp_path / "small"
        reports: list[Report] = []
        with tmpfs(folder, 24 * MIB):
            async with opened(folder / "spool") as spool:
                await store(spool, range(3))
            run("mount", "-o", "remount,ro", str(folder))
            async with opened(folder / "spool", reports=reports) as spool:
                with pytest.raises(SpoolUnavailableError, match="read_only"):
                    await store(spool, [3])
                run("mount", "-o", "remount,rw", str(folder))
                await eventually(spool.can_store)
                await store(spool, [3])
                assert numbers_of(await everything(spool)) == [0, 1, 2, 3]
        assert reports == [Unavailable("read_only"), Recovered(3)]


def fill(path: Path, size_bytes: int) -> None:
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size_bytes)


def empty(path: Path) -> None:
    path.unlink()
