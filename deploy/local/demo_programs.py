"""The product's programs as a demo runs them: started by their commands, found again, stopped by their id."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.faults import StackError

COMMANDS = Path(sys.executable).parent
READY_WITHIN_S = 30.0
STOP_WITHIN_S = 15.0
LOOK_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Started:
    """`born`: the kernel's start time of the process, which tells it from a stranger with the same id."""

    name: str
    pid: int
    born: str


class Programs:
    """Everything runs in `folder`, with the settings of `env`; what runs is remembered in a file there."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._folder = folder
        self._env = {**os.environ, **env}
        self._memory = folder / "programs.json"

    def start(self, name: str, *arguments: str) -> Started:
        """A program that goes on by itself; its output goes to `NAME.log`."""
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [COMMANDS / name, *arguments],
                env=self._env,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        started = Started(name, process.pid, _born(process.pid) or "")
        self._remember([*self._remembered(), started])
        return started

    def run(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command to its end; its exit code is the caller's to judge."""
        return subprocess.run(
            [COMMANDS / name, *arguments],
            env=self._env,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def must(self, name: str, *arguments: str) -> str:
        """A command that has to succeed; its standard output."""
        done = self.run(name, *arguments)
        if done.returncode != 0:
            told = (done.stderr or done.stdout).strip()
            raise StackError(f"`{name} {' '.join(arguments)}` ended with {done.returncode}: {told}")
        return done.stdout

    def wait_ready(self, started: Started, address: str, path: str = "/readyz") -> None:
        """Until `path` answers 200."""
        end = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < end and _born(started.pid) == started.born:
            try:
                with urllib.request.urlopen(f"http://{address}{path}", timeout=2):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(LOOK_EVERY_S)
        log = self._folder / f"{started.name}.log"
        raise StackError(f"{started.name} did not become ready; its log is {log}")

    def stop_all(self) -> None:
        """Ends what an earlier demo left running, and what this one started; strangers are left alone."""
        for started in reversed(self._remembered()):
            _stop(started)
        self._memory.unlink(missing_ok=True)

    def _remembered(self) -> list[Started]:
        if not self._memory.exists():
            return []
        return [Started(**line) for line in json.loads(self._memory.read_text(encoding="utf-8"))]

    def _remember(self, everyone: Sequence[Started]) -> None:
        lines = [{"name": one.name, "pid": one.pid, "born": one.born} for one in everyone]
        self._memory.write_text(json.dumps(lines), encoding="utf-8")


def _born(pid: int) -> str | None:
    """None where no such process lives; a zombie does not."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else fields[19]


def _stop(started: Started) -> None:
    for sent in (signal.SIGTERM, signal.SIGKILL):
        end = time.monotonic() + STOP_WITHIN_S
        if _born(started.pid) != started.born:
            return
        os.kill(started.pid, sent)
        while _born(started.pid) == started.born and time.monotonic() < end:
            time.sleep(LOOK_EVERY_S)
