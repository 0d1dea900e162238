"""The disk under a spool: a small file system of its own, filled up, and files that come to harm."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

BALLAST = "ballast"
PIECE_BYTES = 65_536
MOUNT_WITHIN_S = 20
LOG_HEADER_BYTES = 32
PAGE_BYTES = 4096


def can_mount() -> bool:
    """Whether this user may make file systems at all."""
    return os.geteuid() == 0


@asynccontextmanager
async def small_disk(folder: Path, mib: int) -> AsyncIterator[None]:
    """A file system in memory on `folder`, for the length of the block; AssertionError where it cannot be."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    await asyncio.to_thread(_mount, "mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder))
    try:
        yield
    finally:
        await asyncio.to_thread(_mount, "umount", "--lazy", str(folder))


def _mount(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=MOUNT_WITHIN_S, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"


def fill(folder: Path) -> None:
    """Until not a byte more goes in."""
    with (folder / BALLAST).open("ab", buffering=0) as ballast:
        size = PIECE_BYTES
        while size:
            try:
                ballast.write(b"\1" * size)
            except OSError:
                size //= 2


def empty(folder: Path) -> None:
    (folder / BALLAST).unlink(missing_ok=True)


def tear(folder: Path, rng: random.Random) -> None:
    """Half a record more at the end of the log, as a crash in the middle of a write leaves it."""
    for log in folder.glob("spool-*.db-wal"):
        with log.open("ab") as file:
            file.write(rng.randbytes(rng.randrange(1, 3 * PAGE_BYTES)))


def flip(folder: Path, rng: random.Random) -> None:
    """Some bytes of one page are others: what was on it is lost, but nothing more may be."""
    files = [path for path in folder.glob("spool-*.db*") if path.stat().st_size > 2 * PAGE_BYTES]
    wide = max(files, key=lambda path: path.stat().st_size, default=None)
    if wide is None:
        return
    with wide.open("r+b") as file:
        file.seek(rng.randrange(PAGE_BYTES, wide.stat().st_size - 64))
        file.write(rng.randbytes(64))
