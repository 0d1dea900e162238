"""How fast the spool is, as ratios against a bare write and fdatasync on the same disk in the same run.

    python -m tests.integration.spool.measure [FOLDER]

Rounds are interleaved, because a shared disk has moods; of each figure the median of the rounds is shown.
"""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import uvloop

from receiver.spool.disk_queue import Spool, open_spool
from receiver.spool.frame import seal
from tests.unit.spool.entries import Entry, entry

ROUNDS = 5
RAW_COUNT = 400
COUNT = 8_000
PACED_PER_S = 1_000
PACED_COUNT = 2_000
ENTRIES = [entry(number) for number in range(COUNT)]
ROW_BYTES = len(seal(ENTRIES[0].record, proven=True, enqueued_us=0))

Figures = dict[str, float]


def raw(folder: Path) -> Figures:
    content = os.urandom(ROW_BYTES)
    took_s = []
    descriptor = os.open(folder / "raw", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for _ in range(RAW_COUNT):
        start = perf_counter()
        os.write(descriptor, content)
        os.fdatasync(descriptor)
        took_s.append(perf_counter() - start)
    os.close(descriptor)
    return figures("raw", took_s, sum(took_s))


def figures(name: str, took_s: list[float], total_s: float) -> Figures:
    ordered = sorted(took_s)
    return {
        f"{name} per s": len(ordered) / total_s,
        f"{name} p50 ms": 1_000 * ordered[len(ordered) // 2],
        f"{name} p99 ms": 1_000 * ordered[len(ordered) * 99 // 100],
    }


async def appended(spool: Spool, one: Entry, took_s: list[float]) -> None:
    start = perf_counter()
    await spool.append((one,))
    took_s.append(perf_counter() - start)


async def crowd(spool: Spool, callers: int) -> Figures:
    """Each caller appends its next when its last is stored."""
    left: Iterator[Entry] = iter(ENTRIES)
    took_s: list[float] = []

    async def call() -> None:
        for one in left:
            await appended(spool, one, took_s)

    start = perf_counter()
    await asyncio.gather(*(call() for _ in range(callers)))
    return figures(f"{callers} callers", took_s, perf_counter() - start)


async def paced(spool: Spool) -> Figures:
    """Callers that come at a steady rate, whatever becomes of the others."""
    took_s: list[float] = []
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[None]] = []
    all_begun = loop.create_future()

    def begin(one: Entry) -> None:
        tasks.append(loop.create_task(appended(spool, one, took_s)))
        if len(tasks) == PACED_COUNT:
            all_begun.set_result(None)

    start = loop.time()
    for number in range(PACED_COUNT):
        loop.call_at(start + number / PACED_PER_S, begin, ENTRIES[number])
    await all_begun
    await asyncio.gather(*tasks)
    return figures("paced", took_s, loop.time() - start)


async def drained(spool: Spool) -> Figures:
    count, start = 0, perf_counter()
    while rows := await spool.read():
        count += await spool.remove([row.id for row in rows])
    return {"drained per s": count / (perf_counter() - start)}


async def one_round(folder: Path) -> Figures:
    spool = await open_spool(folder / "spool", 1 << 30, print)
    found = raw(folder)
    for callers in (32, 128):
        found |= await crowd(spool, callers)
    found |= await paced(spool)
    found |= await drained(spool)
    await spool.close()
    return found


def main(folder: Path) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rounds = [runner.run(one_round(folder)) for _ in range(ROUNDS)]
    for name in rounds[0]:
        figure = median(each[name] for each in rounds)
        unit = name[name.index(" p") + 1 :]
        base = median(each[f"raw {unit}"] for each in rounds)
        print(f"{name:22} {figure:10.2f}   {figure / base:6.2f} x raw")


if __name__ == "__main__":
    with TemporaryDirectory() as temporary:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else temporary))
