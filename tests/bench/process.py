"""Processes of the bench: started on one core, ready when their port answers, ended by their id."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

READY_WITHIN_S = 30
STOP_WITHIN_S = 15


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


CORES = sorted(os.sched_getaffinity(0))


def pin(pid: int, core: int) -> None:
    """A process to one core, where there are two: what is measured does not share it with who measures."""
    if len(CORES) > 1:
        os.sched_setaffinity(pid, {CORES[core % len(CORES)]})


@contextmanager
def running(command: Sequence[str], *, env: Mapping[str, str], log: Path, core: int = 0) -> Iterator[int]:
    """The process id of `command` on `core`; terminated, then killed, at the end."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            env={**os.environ, **env},
            stdout=out,
            stderr=out,
        )
    pin(process.pid, core)
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def port_open(port: int, log: Path) -> None:
    end = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < end:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise TimeoutError(f"nothing listens on port {port}: {tail(log)}")


def tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-2000:]
