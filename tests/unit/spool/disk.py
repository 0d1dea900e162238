"""A disk under SQLite that fails on demand, and forgets at a power cut what was not synced.

It passes everything on to real files and remembers beside them what a sync has made durable. A sync that
fails drops what it should have written, as Linux does: the file still shows it, no later sync will write it,
and a power cut loses it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from random import Random
from threading import Event

import apsw
from typing_extensions import Buffer

NAMES = count()

Write = tuple[int, bytes | None]
"""Where, and what; without what the file is cut there."""


class Disk(apsw.VFS):
    """Files that nobody opened through it do not belong to it."""

    def __init__(self, *, room_bytes: int = 1 << 40) -> None:
        """`room_bytes`: what all files together may hold, the reserve included."""
        self.name = f"disk-{next(NAMES)}"
        super().__init__(self.name, "")
        self.fault: type[apsw.Error] | None = None
        self.sync_fault: type[apsw.Error] | None = None
        self.answers = Event()
        self.answers.set()
        self.room_bytes = room_bytes
        self.log_syncs = 0
        self.durable: dict[str, bytearray] = {}
        self.pending: dict[str, list[Write]] = {}
        self.sizes: dict[str, int] = {}

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        return DiskFile(self, path, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        super().xDelete(filename, syncdir)
        for kept in (self.durable, self.pending, self.sizes):
            kept.pop(filename, None)

    def written(self, path: str, offset: int, data: bytes) -> None:
        if self.fault is not None:
            raise self.fault("the disk was told to fail")
        more_bytes = max(0, offset + len(data) - self.sizes.get(path, 0))
        if more_bytes > self.free_bytes(Path(path).parent):
            raise apsw.FullError("the disk has no more room")
        self.sizes[path] = self.sizes.get(path, 0) + more_bytes
        self.pending.setdefault(path, []).append((offset, data))

    def free_bytes(self, folder: Path) -> int:
        reserve = folder / "reserve"
        reserve_bytes = reserve.stat().st_size if reserve.exists() else 0
        return self.room_bytes - reserve_bytes - sum(self.sizes.values())

    def cut(self, path: str, size_bytes: int) -> None:
        self.sizes[path] = size_bytes
        self.pending.setdefault(path, []).append((size_bytes, None))

    def synced(self, path: str) -> None:
        self.answers.wait(timeout=30)
        self.log_syncs += path.endswith("-wal")
        writes = self.pending.pop(path, [])
        if self.sync_fault is not None:
            raise self.sync_fault("the disk was told to fail")
        for write in writes:
            apply(write, self.durable.setdefault(path, bytearray()))

    def opened(self, path: str) -> None:
        """A new file gets its name when it is complete."""
        if path not in self.durable and path + ".new" in self.durable:
            self.durable[path] = self.durable.pop(path + ".new")
            self.sizes[path] = self.sizes.pop(path + ".new", 0)

    def after_power_cut(self, folder: Path, target: Path, random: Random) -> None:
        """What is on the disk then: all that was synced, and of the rest some, in no order."""
        target.mkdir()
        for source in folder.glob("spool-*.db*"):
            if source.name.endswith("-shm"):
                continue
            content = bytearray(self.durable.get(str(source), b""))
            for write in self.pending.get(str(source), []):
                if random.random() < 0.5:
                    apply(write, content)
            (target / source.name).write_bytes(content)

    @contextmanager
    def failing(self, error: type[apsw.Error]) -> Iterator[None]:
        """Every write fails."""
        self.fault = error
        try:
            yield
        finally:
            self.fault = None


class DiskFile(apsw.VFSFile):
    def __init__(self, disk: Disk, path: str, flags: list[int]) -> None:
        super().__init__("", path, flags)
        self._disk = disk
        self._path = path
        disk.opened(path)

    def xWrite(self, data: Buffer, offset: int) -> None:  # noqa: N802
        self._disk.written(self._path, offset, bytes(data))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.cut(self._path, newsize)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.synced(self._path)
        super().xSync(flags)


def apply(write: Write, content: bytearray) -> None:
    offset, data = write
    if data is None:
        del content[offset:]
        return
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data
