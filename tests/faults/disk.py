"""The disk under a spool: a small file system of its own, filled up, and files that come to harm."""

from __future__ import annotations

import asyncio
import os
import random
import re
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

BALLAST = "ballast"
PIECE_BYTES = 65_536
MOUNT_WITHIN_S = 20
REMOUNT_AGAIN_S = 0.2
PAGE_BYTES = 4096
LOG_HEAD_BYTES, FRAME_HEAD_BYTES = 32, 24
"""Of SQLite's write-ahead log, as its file format says."""
RECORDED = rb'"kind":"callback"'
FLIPPED_BYTES = 64


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


def set_writable(folder: Path, *, writable: bool) -> None:
    """Of a small disk; that nobody writes to it may need a moment to be true."""
    mode = "rw" if writable else "ro"
    for last in (False, False, True):
        try:
            _mount("mount", "-o", f"remount,{mode}", str(folder))
        except AssertionError:
            if last:
                raise
            time.sleep(REMOUNT_AGAIN_S)
        else:
            return


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


def tear(folder: Path, rng: random.Random) -> int:
    """Half a record more at the end of the log, as a crash in the middle of a write leaves it.

    It begins as the log's own frames do. Returns how many logs there were.
    """
    torn = 0
    for path in folder.glob("spool-*.db-wal"):
        log = path.read_bytes()
        end = log_end(log)
        if end > LOG_HEAD_BYTES:
            half = log[LOG_HEAD_BYTES:][:FRAME_HEAD_BYTES] + rng.randbytes(rng.randrange(1, 3 * PAGE_BYTES))
            path.write_bytes(log[:end] + half + log[end + len(half) :])
            torn += 1
    return torn


def log_end(log: bytes) -> int:
    """Where SQLite's next frame will stand: further on are those of an earlier round, with other salts."""
    frame_bytes = FRAME_HEAD_BYTES + int.from_bytes(log[8:12], "big")
    salts, end = log[16:24], LOG_HEAD_BYTES
    while end + frame_bytes <= len(log) and log[end + 8 : end + 16] == salts:
        end += frame_bytes
    return end


def flip(folder: Path, rng: random.Random) -> int:
    """Some bytes of a record that waits there are others: it is lost, but few others may be.

    Returns how many there were to choose from.
    """
    places = [
        (path, match.start())
        for path in sorted(folder.glob("spool-*.db*"))
        for match in re.finditer(RECORDED, _in_use(path))
    ]
    if places:
        path, place = rng.choice(places)
        with path.open("r+b") as file:
            file.seek(place)
            file.write(rng.randbytes(FLIPPED_BYTES))
    return len(places)


def _in_use(path: Path) -> bytes:
    content = path.read_bytes()
    return content[: log_end(content)] if path.name.endswith("-wal") else content
