"""The product's commands as real processes: started as a user would, ended by their id."""

import asyncio
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.support.polling import eventually

SCRIPTS = Path(sys.executable).parent
READY_WITHIN_S = 30.0
STOP_WITHIN_S = 20.0
OWN_SETTINGS = ("PROFILE_", "RECEIVER_", "RECONCILER_", "THINGSPACE_", "AUDIT_", "MIGRATE_", "DOWNSTREAM_")


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that ended by itself."""

    exit_code: int
    stdout: str
    stderr: str

    def json(self) -> object:
        return json.loads(self.stdout)

    def ndjson(self) -> list[object]:
        return [json.loads(line) for line in self.stdout.splitlines()]


class Program:
    """A running command. Its output goes to files, so it never waits for its reader."""

    def __init__(self, process: subprocess.Popen[bytes], stdout: Path, stderr: Path) -> None:
        self._process = process
        self._stdout = stdout
        self._stderr = stderr

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: ended by that signal."""
        return self._process.poll()

    def stdout(self) -> str:
        """What it has written so far."""
        return self._stdout.read_text(encoding="utf-8", errors="replace")

    def stderr(self) -> str:
        return self._stderr.read_text(encoding="utf-8", errors="replace")

    async def ready(self, url: str, *, within_s: float = READY_WITHIN_S) -> None:
        """Waits for a 200 from `url`; fails at once, with its stderr, when the program ends before."""

        async def answers() -> bool:
            if self.exit_code is not None:
                raise RuntimeError(
                    f"ended with {self.exit_code} before it was ready: {self.stderr()[-4000:]}"
                )
            return await http_status(url) == 200

        try:
            await eventually(answers, within_s=within_s)
        except AssertionError as error:
            raise AssertionError(
                f"{url} did not answer 200 within {within_s} s: {self.stderr()[-4000:]}"
            ) from error

    async def ended(self, *, within_s: float = STOP_WITHIN_S) -> int:
        """The exit code, once it has ended by itself or by a signal sent before."""
        return await asyncio.to_thread(self._process.wait, within_s)

    async def stop(self, *, within_s: float = STOP_WITHIN_S) -> int:
        """SIGTERM, as an orchestrator does; the exit code. One that does not end in time is a failure."""
        self._process.terminate()
        return await self.ended(within_s=within_s)

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """`kill -9`; returns when it is gone. Fine when it ended before."""
        self._process.kill()
        self._process.wait(STOP_WITHIN_S)


class Programs:
    """Starts commands with `environment` and nothing of the caller's own settings; ends what is left."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        """`folder` takes the outputs, and is the working directory of every program."""
        self.environment = dict(environment)
        self._folder = folder
        self._started: list[Program] = []

    async def start(
        self,
        command: str,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        ready: str | None = None,
        ready_within_s: float = READY_WITHIN_S,
    ) -> Program:
        """`command` is a console script of this project; `ready` the URL that answers 200 once it works."""
        program = self.launch(command, *arguments, env=env)
        if ready is not None:
            await program.ready(ready, within_s=ready_within_s)
        return program

    async def run(
        self,
        command: str,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        within_s: float = 60.0,
    ) -> Finished:
        """Runs it to its end."""
        program = self.launch(command, *arguments, env=env)
        try:
            exit_code = await program.ended(within_s=within_s)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(
                f"{command} {' '.join(arguments)} did not end within {within_s} s: {program.stderr()[-4000:]}"
            ) from error
        return Finished(exit_code, program.stdout(), program.stderr())

    def close(self, *, patience_s: float = 5.0) -> None:
        """Ends all that still run: asked first, killed when they do not listen."""
        running = [program for program in self._started if program.exit_code is None]
        for program in running:
            program.signal(15)
        for program in running:
            try:
                program._process.wait(patience_s)
            except subprocess.TimeoutExpired:
                program.kill()

    def launch(self, command: str, *arguments: str, env: Mapping[str, str] | None = None) -> Program:
        """Starts it and waits for nothing."""
        number = len(self._started) + 1
        stdout = self._folder / f"{number}-{command}.out"
        stderr = self._folder / f"{number}-{command}.err"
        with stdout.open("wb") as out, stderr.open("wb") as err:
            process = _popen([str(SCRIPTS / command), *arguments], self._env(env), self._folder, out, err)
        program = Program(process, stdout, stderr)
        self._started.append(program)
        return program

    def _env(self, env: Mapping[str, str] | None) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OWN_SETTINGS)}
        return {**inherited, **self.environment, **(env or {})}


def _popen(
    argv: list[str], env: Mapping[str, str], cwd: Path, out: IO[bytes], err: IO[bytes]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=err)


async def http_status(url: str) -> int | None:
    """The status of a GET; None while nobody answers."""
    return await asyncio.to_thread(_http_status, url)


def _http_status(url: str) -> int | None:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return None
