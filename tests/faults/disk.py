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


def tear(folder: Path, rng: random.Random) -> None:
    """Half a record more at the end of the log, as a crash in the middle of a write leaves it."""
    for log in folder.glob("spool-*.db-wal"):
        with log.open("ab") as file:
            file.write(rng.randbytes(rng.randrange(1, 3 * PAGE_BYTES)))


def flip(folder: Path, rng: random.Random) -> None:
    """Some bytes of a record that waits there are others: it is lost, but few others may be."""
    places = [
        (path, match.start())
        for path in sorted(folder.glob("spool-*.db*"))
        for match in re.finditer(RECORDED, path.read_bytes())
    ]
    if places:
        path, place = rng.choice(places)
        with path.open("r+b") as file:
            file.seek(place)
            file.write(rng.randbytes(FLIPPED_BYTES))
