"""A process that appends as fast as it can, says what is stored, and drains a little; to be killed.

    python -m tests.integration.spool.appender FOLDER FIRST_NUMBER

On stdout a line for each: `+NUMBER` stored; `-NUMBER` about to be removed.
"""

import asyncio
import sys
from itertools import count
from pathlib import Path

from receiver.spool.disk_queue import Spool, open_spool
from tests.unit.spool.entries import entries

CALLERS = 24


async def append(spool: Spool, numbers: "count[int]") -> None:
    for number in numbers:
        size_bytes = 20_000 if number % 37 == 0 else 900
        await spool.append(entries([number], size_bytes=size_bytes))
        print(f"+{number}", flush=True)


async def drain(spool: Spool) -> None:
    while True:
        rows = await spool.read(limit=40)
        for row in rows[::2]:
            print(f"-{row.record.key.decode()}", flush=True)
        await spool.remove([row.id for row in rows[::2]])


async def main(folder: Path, first: int) -> None:
    spool = await open_spool(folder, 1 << 30, lambda report: print(report, file=sys.stderr, flush=True))
    numbers = count(first)
    await asyncio.gather(drain(spool), *(append(spool, numbers) for _ in range(CALLERS)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
