"""Damaged files: everything readable is kept in order, the damaged file is set aside, the spool starts."""

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import apsw
import pytest

from receiver.spool.disk_queue import DamagedRows, Report, Salvaged
from receiver.spool.pages import LOG_FRAME_HEADER_BYTES, LOG_HEADER_BYTES, PAGE_BYTES
from receiver.spool.words import TailRescued
from tests.unit.spool.entries import everything, names_in, numbers_of, opened, store

MAIN, LOG = "spool-000001.db", "spool-000001.db-wal"
LOG_STEP = LOG_FRAME_HEADER_BYTES + PAGE_BYTES
COUNT = 300


@pytest.fixture
async def crashed(tmp_path: Path) -> Path:
    """A folder as a kill leaves it: 300 rows, most of them in the main file, the last in the log."""
    async with opened(tmp_path / "running") as spool:
        for start in range(0, COUNT - 50, 50):
            await store(spool, range(start, start + 50))
    async with opened(tmp_path / "running") as spool:
        for number in range(COUNT - 50, COUNT, 10):
            await store(spool, range(number, number + 10))
        shutil.copytree(tmp_path / "running", tmp_path / "crashed")
    return tmp_path / "crashed"


def overwrite(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


def frames_of(folder: Path) -> dict[int, bytes]:
    """The bytes of each entry's row, read by SQLite from a copy."""
    copy = folder.with_name(folder.name + "-read")
    shutil.copytree(folder, copy)
    connection = apsw.Connection(str(copy / MAIN))
    frames = {id_ - 1: frame for id_, frame in connection.execute("select id, frame from waiting")}
    connection.close()
    return frames


def whole_in(content: bytes, frames: dict[int, bytes]) -> set[int]:
    return {number for number, frame in frames.items() if frame in content}


async def after(folder: Path) -> tuple[list[int], list[Report]]:
    reports: list[Report] = []
    async with opened(folder, reports=reports) as spool:
        numbers = numbers_of(await everything(spool))
        await store(spool, [COUNT])
        assert numbers_of(await everything(spool)) == [*numbers, COUNT]
        assert spool.records == len(numbers) + 1
    return numbers, reports


async def test_a_kill_alone_is_no_damage(crashed: Path) -> None:
    assert await after(crashed) == (list(range(COUNT)), [])


@pytest.mark.parametrize("size_bytes", [60, PAGE_BYTES], ids=["its head", "all of it"])
async def test_a_flipped_page_of_the_main_file_costs_its_own_rows_alone(
    size_bytes: int, crashed: Path
) -> None:
    """Of a page that has lost its head, and so its pointers, every row is found."""
    random = Random(1)
    frames = frames_of(crashed)
    log = (crashed / LOG).read_bytes()
    for page in range((crashed / MAIN).stat().st_size // PAGE_BYTES):
        folder = crashed.with_name(f"flipped-{page}")
        shutil.copytree(crashed, folder)
        overwrite(folder / MAIN, page * PAGE_BYTES, random.randbytes(size_bytes))
        left = whole_in((folder / MAIN).read_bytes() + log, frames)
        numbers, reports = await after(folder)
        assert numbers == sorted(left)
        if len(left) < COUNT:
            assert isinstance(reports[0], Salvaged)
            assert reports[0].records == len(numbers)
            assert reports[0].set_aside.exists()


@pytest.mark.parametrize("within", [2, 10, 18, LOG_FRAME_HEADER_BYTES + 5_000])
async def test_a_damaged_frame_of_the_log_costs_its_own_rows_alone(within: int, crashed: Path) -> None:
    """`within` hits the page's number, the salts, the checksums, the page; each in the last frame too."""
    frames = frames_of(crashed)
    main = (crashed / MAIN).read_bytes()
    count = ((crashed / LOG).stat().st_size - LOG_HEADER_BYTES) // LOG_STEP
    for frame in (*Random(within).sample(range(count - 3), 4), *range(count - 3, count)):
        folder = crashed.with_name(f"log-{frame}")
        shutil.copytree(crashed, folder)
        overwrite(folder / LOG, LOG_HEADER_BYTES + frame * LOG_STEP + within, b"\xff\x00\xff")
        left = whole_in(main + (folder / LOG).read_bytes(), frames)
        numbers, reports = await after(folder)
        assert numbers == sorted(left)
        assert isinstance(reports[0], Salvaged | TailRescued)


async def test_a_damaged_header_of_the_log_costs_nothing(crashed: Path) -> None:
    overwrite(crashed / LOG, 0, bytes(32))
    numbers, reports = await after(crashed)
    assert numbers == list(range(COUNT))
    assert isinstance(reports[0], Salvaged)


async def test_a_torn_end_of_the_log_costs_what_is_torn_alone(crashed: Path) -> None:
    with (crashed / LOG).open("r+b") as log:
        log.truncate((crashed / LOG).stat().st_size - 3 * PAGE_BYTES)
    numbers, _ = await after(crashed)
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= COUNT - 50


def gone(path: Path) -> None:
    path.unlink()


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def foreign(path: Path) -> None:
    path.write_bytes(b"not a database at all, but long enough to be read as one\n" * 1_000)


@pytest.mark.parametrize("damage", [gone, emptied, foreign])
async def test_without_its_main_file_what_the_log_holds_is_kept(
    damage: Callable[[Path], None], crashed: Path
) -> None:
    kept = whole_in((crashed / LOG).read_bytes(), frames_of(crashed))
    damage(crashed / MAIN)
    numbers, reports = await after(crashed)
    assert numbers == sorted(kept)
    assert isinstance(reports[0], Salvaged)
    assert any(name.startswith("damaged-") for name in names_in(crashed))


@pytest.mark.parametrize("seed", range(6))
async def test_a_file_cut_anywhere_gives_what_is_before_the_cut(seed: int, crashed: Path) -> None:
    frames = frames_of(crashed)
    with (crashed / MAIN).open("r+b") as main:
        main.truncate(Random(seed).randrange((crashed / MAIN).stat().st_size))
    kept = whole_in((crashed / MAIN).read_bytes() + (crashed / LOG).read_bytes(), frames)
    numbers, reports = await after(crashed)
    assert numbers == sorted(kept)
    assert isinstance(reports[0], Salvaged)


@pytest.mark.parametrize("seed", range(6))
async def test_random_damage_never_stops_the_start_nor_invents_a_row(seed: int, crashed: Path) -> None:
    random = Random(seed)
    for _ in range(random.randrange(1, 5)):
        path = crashed / random.choice([MAIN, LOG])
        offset = random.randrange(path.stat().st_size)
        overwrite(path, offset, random.randbytes(random.choice([1, 100, 5_000])))
    numbers, _ = await after(crashed)
    assert numbers == sorted(set(numbers))
    assert len(numbers) >= COUNT - 5 * 2 * 14


async def test_a_flipped_bit_in_a_row_puts_this_row_aside_alone(crashed: Path) -> None:
    content = (crashed / MAIN).read_bytes()
    overwrite(crashed / MAIN, content.index(b"%064d" % 17) - 70, b"12345")
    numbers, reports = await after(crashed)
    assert numbers == [number for number in range(COUNT) if number != 17]
    assert reports == [DamagedRows((18,))]
    async with opened(crashed) as spool:
        (dead,) = await spool.dead_list()
        assert (dead.id, dead.reason, dead.row) == (18, "damaged", None)
        assert b"%064d" % 17 in dead.frame
        assert await spool.dead_resend([18]) == 0
        assert await spool.dead_drop([18]) == 1


async def test_long_rows_and_the_dead_are_salvaged_too(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        await store(spool, range(20), size_bytes=40_000)
        await store(spool, range(20, 40))
        await spool.bury(1, "too large")
        await spool.bury(25, "invalid")
        await spool.remove([2, 3])
    overwrite(tmp_path / MAIN, 0, b"nonsense")
    reports: list[Report] = []
    async with opened(tmp_path, reports=reports) as spool:
        numbers = numbers_of(await everything(spool))
        assert [n for n in numbers if n not in (1, 2)] == [n for n in range(40) if n not in (0, 1, 2, 24)]
        assert [(row.id, row.reason) for row in await spool.dead_list()] == [
            (1, "too large"),
            (25, "invalid"),
        ]
    assert isinstance(reports[0], Salvaged)
    assert (reports[0].records, reports[0].dead) == (len(numbers), 2)


async def test_rows_that_were_removed_stay_removed(tmp_path: Path) -> None:
    """Their pages are free, and free pages are not read; a damaged page may bring back its own alone."""
    async with opened(tmp_path) as spool:
        await store(spool, range(COUNT))
        await spool.remove(range(1, 201))
    overwrite(tmp_path / MAIN, 0, b"nonsense")
    async with opened(tmp_path) as spool:
        assert numbers_of(await everything(spool)) == list(range(200, COUNT))


async def test_a_salvage_that_was_cut_off_after_its_last_step_is_not_repeated(crashed: Path) -> None:
    shutil.copy(crashed / MAIN, crashed / "spool-000002.db.new")
    (crashed / "spool-000002.db.new-wal").write_bytes(b"half")
    assert await after(crashed) == (list(range(COUNT)), [])
    assert "spool-000002.db.new" not in names_in(crashed)


async def test_an_older_generation_left_by_a_crash_is_set_aside(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        await store(spool, range(3))
    shutil.copy(tmp_path / MAIN, tmp_path / "spool-000002.db")
    async with opened(tmp_path) as spool:
        assert numbers_of(await everything(spool)) == [0, 1, 2]
    assert MAIN not in names_in(tmp_path)
    assert any(name.startswith("damaged-") for name in names_in(tmp_path))
