"""The home folder of one stack: what lies where, what is remembered between commands, who may work on it.

DIR/env                     shell lines for the product's settings
DIR/kafka.pid postgres.pid  for people and scripts; of more brokers also kafka-2.pid, kafka-3.pid
DIR/logs/                   one file per process
DIR/kafka/broker-1/         server.properties, data/
DIR/postgres/data/
DIR/state.json              ports and process ids; the ports stay for the life of the home
"""

import fcntl
import os
import shlex
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from deploy.local.faults import MisuseError, StackError

LOCK_WITHIN_S = 180.0
# What `down --erase` removes, innermost first; folders in KEPT_IF_USED go only when nothing else is in them.
OURS = (
    "kafka/broker-*",
    "postgres/data",
    "postgres/data.new",
    "logs/kafka*.log",
    "logs/postgres.log",
    "kafka*.pid",
    "postgres.pid",
    "env",
    "state.json",
    ".lock",
)
KEPT_IF_USED = ("kafka", "postgres", "logs", ".")


class Member(BaseModel):
    """One process of the stack. `ports[0]` is where clients connect.

    `started` once it has run with these ports: from then on they never change.
    """

    model_config = ConfigDict(frozen=True)
    name: str
    ports: tuple[int, ...]
    pid: int | None = None
    started: bool = False


class State(BaseModel):
    """`detours`: by name, the port that each broker advertises there, the first broker's first."""

    model_config = ConfigDict(frozen=True)
    cluster_id: str
    brokers: int = 1
    detours: Mapping[str, tuple[int, ...]] = {}
    members: tuple[Member, ...] = ()

    def with_member(self, member: Member) -> "State":
        others = [known for known in self.members if known.name != member.name]
        return self.model_copy(update={"members": (*others, member)})

    def member(self, name: str) -> Member | None:
        return next((known for known in self.members if known.name == name), None)


class Home:
    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().resolve()
        self.env_file = self.folder / "env"
        self.logs = self.folder / "logs"
        self.kafka = self.folder / "kafka"
        self.postgres = self.folder / "postgres"
        self._state_file = self.folder / "state.json"

    def __str__(self) -> str:
        return str(self.folder)

    def broker(self, node_id: int) -> Path:
        return self.kafka / f"broker-{node_id}"

    def pid_file(self, service: str) -> Path:
        return self.folder / f"{service}.pid"

    def log(self, service: str) -> Path:
        return self.logs / f"{service}.log"

    def create(self) -> None:
        """Makes the folder with its logs; fine when they are there."""
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MisuseError(
                f"{self.folder} cannot be a home: {error.strerror}. Name another --home."
            ) from error
        if not os.access(self.folder, os.W_OK):
            raise MisuseError(f"{self.folder} is not writable for this user. Name another --home.")

    def expect(self) -> None:
        try:
            known = self._state_file.exists() or self.has_data()
        except PermissionError as error:
            raise MisuseError(f"{self.folder} is closed to this user. Name another --home.") from error
        if not known:
            raise MisuseError(
                f"{self.folder} is not the home of a stack. `profile-stack up --home` makes one."
            )

    def read(self) -> State | None:
        """None before the first `up`."""
        try:
            return State.model_validate_json(self._state_file.read_bytes())
        except FileNotFoundError:
            return None
        except (ValidationError, OSError) as error:
            raise StackError(
                f"{self._state_file} cannot be read. Stop the processes named in the .pid files beside it, "
                "remove the home and run `up` again."
            ) from error

    def has_data(self) -> bool:
        return self.broker(1).exists() or (self.postgres / "data").exists()

    def write(self, state: State) -> None:
        replace(self._state_file, state.model_dump_json(indent=1) + "\n")

    def write_pid(self, service: str, pid: int | None) -> None:
        if pid is None:
            self.pid_file(service).unlink(missing_ok=True)
        else:
            replace(self.pid_file(service), f"{pid}\n")

    def read_pid(self, service: str) -> int | None:
        try:
            return int(self.pid_file(service).read_text())
        except (OSError, ValueError):
            return None

    def write_env(self, settings: Mapping[str, str]) -> None:
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in settings.items()]
        replace(self.env_file, "".join(lines))

    @contextmanager
    def locked(self, say: Callable[[str], None]) -> Iterator[None]:
        """One command at a time; another one waits, for a bounded time."""
        with exclusive(self.folder / ".lock", f"another profile-stack works on {self.folder}", say):
            yield

    def erase(self) -> None:
        """Removes what a stack puts there, and the folder itself when nothing else is in it."""
        for path in [path for pattern in OURS for path in self.folder.glob(pattern)]:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        for folder in (self.folder / name for name in KEPT_IF_USED):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


@contextmanager
def exclusive(path: Path, busy: str, say: Callable[[str], None]) -> Iterator[None]:
    """Holds the lock on `path`, made where absent; says `busy` once when it has to wait."""
    with path.open("ab") as handle:
        end = time.monotonic() + LOCK_WITHIN_S
        told = False
        while not _lock(handle.fileno()):
            if time.monotonic() > end:
                raise StackError(f"Gave up after {LOCK_WITHIN_S:.0f} s: {busy}.")
            if not told:
                say(f"waiting: {busy}")
                told = True
            time.sleep(0.1)
        yield


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def replace(path: Path, text: str) -> None:
    """Writes a small file in one step: a reader sees the old text or the new."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
