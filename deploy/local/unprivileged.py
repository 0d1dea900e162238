"""Running PostgreSQL for root.

PostgreSQL refuses to run as root, so root hands it to an unprivileged user. That user often cannot walk to
the files: homes and virtual environments of root tend to lie under folders that are root's alone. So binaries
that are out of reach are copied once to a cache that is not, and a data folder that is out of reach is handed
over as an open descriptor, `/proc/self/fd/N`, which needs no walk.
"""

import os
import pwd
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.local.faults import StackError
from deploy.local.home import exclusive

UNPRIVILEGED = "nobody"  # a user that owns no other files; `postgres` may own somebody's real database
SHARED_CACHE = Path("/var/cache/profile-ledger")
DESCRIPTORS = Path("/proc/self/fd")

User = pwd.struct_passwd


def whom_to_run_as() -> User | None:
    """None for ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(UNPRIVILEGED)
    except KeyError as error:
        raise StackError(
            f"PostgreSQL does not run as root, and there is no user {UNPRIVILEGED}: run as an ordinary user."
        ) from error


@contextmanager
def handed_over(folder: Path, user: User | None) -> Iterator[tuple[str, Sequence[int]]]:
    """A name for `folder` that `user` can open, and the descriptors that it needs open."""
    if user is None or walkable(folder, user):
        yield str(folder), ()
        return
    if not DESCRIPTORS.is_dir():
        raise StackError(
            f"PostgreSQL does not run as root, and the user {UNPRIVILEGED} cannot reach {folder}: name a "
            "--home under folders open to all, or run as an ordinary user."
        )
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"{DESCRIPTORS}/{descriptor}", (descriptor,)
    finally:
        os.close(descriptor)


def within_reach(binaries: Path, user: User | None, say: Callable[[str], None]) -> Path:
    """`binaries`, or those of a copy of the whole installation in a folder open to all."""
    if user is None or walkable(binaries / "postgres", user):
        return binaries
    installation, package = binaries.parent, binaries.parent.parent
    binary = (binaries / "postgres").stat()
    copy = SHARED_CACHE / f"{installation.name}-{binary.st_size}-{int(binary.st_mtime)}"
    SHARED_CACHE.mkdir(parents=True, exist_ok=True)
    SHARED_CACHE.chmod(0o755)
    with exclusive(SHARED_CACHE / "postgres.lock", "another profile-stack copies PostgreSQL", say):
        if not copy.exists():
            say(f"postgres: copying its binaries to {copy}, for the user {UNPRIVILEGED} cannot reach them")
            _copy(installation, package, copy)
    return copy / package.name / installation.name / binaries.name


def _copy(installation: Path, package: Path, copy: Path) -> None:
    """Keeps the place of a wheel's shared libraries beside its package, where the binaries look for them."""
    libraries = package.with_name(f"{package.name}.libs")
    with tempfile.TemporaryDirectory(dir=SHARED_CACHE) as folder:
        fresh = Path(folder) / "copy"
        shutil.copytree(installation, fresh / package.name / installation.name, symlinks=True)
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        _open_to_all(fresh)
        fresh.rename(copy)


def _open_to_all(folder: Path) -> None:
    """Readable, and executable where it was for its owner: whoever installed may have had a strict umask."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))


def walkable(path: Path, user: User) -> bool:
    """Whether `user` may enter (or run) `path` and every folder above, as far as permission bits tell."""
    whole = path.resolve()
    return all(_may_enter(step.stat(), user) for step in (whole, *whole.parents))


def _may_enter(step: os.stat_result, user: User) -> bool:
    if step.st_uid == user.pw_uid:
        return bool(step.st_mode & 0o100)
    if step.st_gid == user.pw_gid:
        return bool(step.st_mode & 0o010)
    return bool(step.st_mode & 0o001)
