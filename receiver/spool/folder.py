"""The folder of a spool: whose it is, on what kind of disk, and which of its files are current.

    lock                         held by the one process that owns the spool; names it
    spool-000001.db, -wal, -shm  a generation; the highest number is the current one
    reserve                      room kept back, so that records can be removed from a full disk
    damaged-DATE-spool-….db      set aside

A damaged file is never replaced under its own name: another process may have it open (`spool dead …`), and
SQLite's companions belong to a name, not to a file. Its content goes into the next generation.
"""

import errno
import os
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Final

from receiver.spool.words import Reason, SpoolRefusedError, SpoolUnavailableError

COMPANIONS: Final = ("", "-wal", "-shm")
SET_ASIDE_MAX: Final = 4
RESERVE_BYTES_MAX: Final = 8 * 1024 * 1024
RESERVE_SHARE_OF_DISK: Final = 16

MOUNTS: Final = Path("/proc/self/mountinfo")
NETWORK: Final = frozenset(
    [
        *("nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "ncpfs", "9p", "afs", "ceph", "coda", "davfs"),
        *("gfs", "gfs2", "glusterfs", "gpfs", "lustre", "ocfs2", "beegfs", "pvfs2", "orangefs", "vboxsf"),
    ]
)
LOCAL_FUSE: Final = frozenset(("fuseblk", "fuse.fuse-overlayfs"))

_GENERATION: Final = re.compile(r"spool-(\d{6,})\.db")
_REASONS: Final[dict[int, Reason]] = {
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EFBIG: "disk_full",
    errno.EROFS: "read_only",
}


def unavailable(fault: OSError, what: str) -> SpoolUnavailableError:
    return SpoolUnavailableError(_REASONS.get(fault.errno or 0, "io_error"), f"{what}: {fault.strerror}")


def more_exactly(reason: Reason, folder: Path) -> Reason:
    """SQLite calls much an I/O error that the disk can tell better."""
    if reason != "io_error":
        return reason
    try:
        disk = os.statvfs(folder)
    except OSError:
        return reason
    if disk.f_flag & os.ST_RDONLY:
        return "read_only"
    return reason if disk.f_bavail else "disk_full"


class Lock:
    """Held until `release` or the end of the process."""

    def __init__(self, folder: Path) -> None:
        """Raises SpoolRefusedError when it is held already, SpoolUnavailableError on a disk in trouble."""
        path = folder / "lock"
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except PermissionError as fault:
            raise SpoolRefusedError(
                f"the spool folder {folder} is not writable for this user; give it to the receiver"
            ) from fault
        except OSError as fault:
            raise unavailable(fault, "lock") from fault
        try:
            flock(self._descriptor, LOCK_EX | LOCK_NB)
        except OSError as fault:
            os.close(self._descriptor)
            raise SpoolRefusedError(
                f"the spool folder {folder} is in use by {_holder(path)}; stop it, or give this receiver a "
                "RECEIVER_SPOOL_DIR of its own"
            ) from fault
        self._sign()

    def release(self) -> None:
        os.close(self._descriptor)

    def _sign(self) -> None:
        """For the message of another process alone: on a full disk the lock holds without a name."""
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        except OSError:
            return


def _holder(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()[:200] or "another process"
    except OSError:
        return "another process"


def prepare(folder: Path) -> None:
    """Makes the folder if need be, for good. Raises SpoolRefusedError, SpoolUnavailableError."""
    try:
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for made in missing:
            sync_folder(made.parent)
    except (FileExistsError, NotADirectoryError) as fault:
        raise SpoolRefusedError(
            f"the spool folder {folder} is not a folder; name one in RECEIVER_SPOOL_DIR"
        ) from fault
    except PermissionError as fault:
        raise SpoolRefusedError(
            f"the spool folder {folder} cannot be made by this user; make it, or name another in "
            "RECEIVER_SPOOL_DIR"
        ) from fault
    except OSError as fault:
        raise unavailable(fault, "folder") from fault
    refuse_network(folder)


def refuse_network(folder: Path) -> None:
    """Raises SpoolRefusedError: locks and memory maps over a network break the promise of an fsync."""
    mounts = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape") if MOUNTS.exists() else ""
    kind = file_system_of(folder.resolve(), mounts)
    if kind in NETWORK or (kind.startswith("fuse") and kind not in LOCAL_FUSE):
        raise SpoolRefusedError(
            f"the spool folder {folder} is on a network file system ({kind}), where an acknowledged write "
            "can be lost; name a folder on a local disk in RECEIVER_SPOOL_DIR"
        )


def file_system_of(path: Path, mounts: str) -> str:
    """`path` resolved; `mounts` as in /proc/self/mountinfo, where a later mount hides an earlier one."""
    found, longest = "", -1
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields, kinds = before.split(), after.split()
        if len(fields) < 5 or not kinds:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4]))
        if path.is_relative_to(point) and len(point.parts) >= longest:
            found, longest = kinds[0], len(point.parts)
    return found


# Generations


def generations(folder: Path) -> list[tuple[int, Path]]:
    """Oldest first; a file of which only a companion is left counts too."""
    numbers = {
        int(match[1])
        for entry in folder.iterdir()
        if (match := _GENERATION.fullmatch(entry.name.removesuffix("-wal"))) is not None
    }
    return [(number, generation(folder, number)) for number in sorted(numbers)]


def generation(folder: Path, number: int) -> Path:
    return folder / f"spool-{number:06d}.db"


def publish(unfinished: Path, path: Path) -> None:
    """From here on `path` is the current generation, also after a crash."""
    unfinished.rename(path)
    sync_folder(path.parent)


def set_aside(path: Path) -> Path:
    """Keeps the newest few: evidence must not fill the disk that it was found on."""
    folder = path.parent
    date = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    aside = folder / f"damaged-{date}-{path.name}"
    for end in COMPANIONS:
        companion = path.with_name(path.name + end)
        if companion.exists():
            companion.rename(aside.with_name(aside.name + end))
    for old in sorted(folder.glob("damaged-*.db"))[:-SET_ASIDE_MAX]:
        remove(old)
    sync_folder(folder)
    return aside


def remove(path: Path) -> None:
    for end in COMPANIONS:
        path.with_name(path.name + end).unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    for path in folder.glob("spool-*.db.new*"):
        path.unlink()


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Reserve:
    """Room on the disk that appends cannot have: removing a row writes too, also when the disk is full."""

    def __init__(self, folder: Path) -> None:
        """Raises SpoolUnavailableError. A small disk gives a small reserve."""
        self._path = folder / "reserve"
        try:
            disk = os.statvfs(folder)
        except OSError as fault:
            raise unavailable(fault, "reserve") from fault
        self.size_bytes = min(RESERVE_BYTES_MAX, disk.f_blocks * disk.f_frsize // RESERVE_SHARE_OF_DISK)

    def take(self) -> None:
        """Raises SpoolUnavailableError unless the disk has it and as much again."""
        try:
            if not self.is_taken():
                self._allocate()
        except OSError as fault:
            self.release()
            raise unavailable(fault, "reserve") from fault

    def release(self) -> None:
        """On a disk that cannot even remove a file there is nothing to gain."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            return

    def is_taken(self) -> bool:
        return self._path.exists() and self._path.stat().st_size >= self.size_bytes

    def _allocate(self) -> None:
        disk = os.statvfs(self._path.parent)
        if disk.f_bavail * disk.f_frsize < 2 * self.size_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self.size_bytes)
        finally:
            os.close(descriptor)


def folder_faults(folder: Path, bytes_max: int) -> Iterator[str]:
    """For `profile-receiver check`, one line each; makes nothing that was not there."""
    existing = next(each for each in (folder, *folder.resolve().parents) if each.exists())
    if not existing.is_dir():
        yield f"the spool folder {folder} is not a folder; name one in RECEIVER_SPOOL_DIR"
        return
    if not os.access(existing, os.W_OK | os.X_OK):
        yield f"{existing} is not writable for this user; give it to the receiver"
    try:
        refuse_network(existing)
    except SpoolRefusedError as refusal:
        yield str(refusal)
    disk = os.statvfs(existing)
    held_bytes = (
        sum(each.stat().st_size for each in folder.iterdir() if each.is_file()) if folder.exists() else 0
    )
    if disk.f_bavail * disk.f_frsize + held_bytes < bytes_max + RESERVE_BYTES_MAX:
        yield (
            f"the disk of {folder} has less room than RECEIVER_SPOOL_BYTES_MAX ({bytes_max}) asks for; "
            "free some, or lower it"
        )
