"""A process that is killed at any moment has lost nothing of what it said is stored."""

import sys
from asyncio import StreamReader, create_subprocess_exec
from asyncio.subprocess import PIPE
from pathlib import Path
from random import Random

from tests.unit.spool.entries import everything, numbers_of, opened

ROUNDS = 8
ROOT = Path(__file__).parents[3]


async def test_every_acknowledged_entry_is_there_after_kill_9(tmp_path: Path) -> None:
    random = Random(4)
    stored: set[int] = set()
    removed: set[int] = set()
    for round_ in range(ROUNDS):
        said = await killed_after(tmp_path, 1_000_000 * round_, lines=random.randrange(50, 2_500))
        stored |= {number for sign, number in said if sign == "+"}
        removed |= {number for sign, number in said if sign == "-"}
        async with opened(tmp_path) as spool:
            rows = await everything(spool)
        numbers = set(numbers_of(rows))
        assert len(numbers) == len(rows)
        assert not stored - removed - numbers
    assert len(stored) > 100 * ROUNDS


async def killed_after(folder: Path, first: int, *, lines: int) -> list[tuple[str, int]]:
    """What the process said: the lines before the kill, and those that were already on their way."""
    process = await create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.spool.appender",
        str(folder),
        str(first),
        stdout=PIPE,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        said = [await line_of(process.stdout) for _ in range(lines)]
    finally:
        process.kill()
    said += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    return [(line[:1].decode(), int(line[1:])) for line in said if line.endswith(b"\n")]


async def line_of(stdout: StreamReader) -> bytes:
    line = await stdout.readline()
    assert line, "the process ended by itself"
    return line
