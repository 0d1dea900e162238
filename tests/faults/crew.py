"""Runs side by side: workers, each a process with stacks of its own, take the next run when they are free.

A worker is `python -m tests.faults --work DIR`: it reads lines of `FAULT SEED`, and writes each run
as a line of JSON. One that ends is not replaced; its run counts as one that never was.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import TypeAdapter

from tests.faults.figures import Run, never_run

READ = TypeAdapter(Run)
LINE_BYTES_MAX = 64 * 1024 * 1024
ENDS_WITHIN_S = 60.0

Planned = tuple[str, int]
"""A fault and a seed."""


async def side_by_side(
    plan: Sequence[Planned], jobs: int, folder: Path, *, keep: bool, tell: Callable[[Run], None]
) -> list[Run]:
    """In the order of the plan, as far as workers are free; `tell` hears of each when it is over."""
    waiting = deque(plan)
    runs: list[Run] = []

    def over(run: Run) -> None:
        runs.append(run)
        tell(run)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(jobs, len(plan))):
            group.create_task(_employ(waiting, folder, keep, over))
    for fault, seed in waiting:
        over(never_run(fault, seed, "no worker was left"))
    return runs


async def _employ(waiting: deque[Planned], folder: Path, keep: bool, over: Callable[[Run], None]) -> None:
    async with _worker(folder, keep) as worker:
        assert worker.stdin is not None and worker.stdout is not None
        while waiting:
            fault, seed = waiting.popleft()
            worker.stdin.write(f"{fault} {seed}\n".encode())
            answer = await worker.stdout.readline()
            if not answer:
                over(never_run(fault, seed, "its worker ended"))
                return
            over(READ.validate_json(answer))


@asynccontextmanager
async def _worker(folder: Path, keep: bool) -> AsyncIterator[Process]:
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults", "--work", str(folder)),
        *(("--keep", str(folder)) if keep else ()),
        stdin=PIPE,
        stdout=PIPE,
        limit=LINE_BYTES_MAX,
    )
    try:
        yield worker
    except BaseException:
        if worker.returncode is None:
            worker.terminate()
        raise
    finally:
        if worker.stdin is not None:
            worker.stdin.close()
        async with asyncio.timeout(ENDS_WITHIN_S):
            await worker.wait()
