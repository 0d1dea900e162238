"""Processes that outlive the command that starts them, known again by a mark in their command line.

A process id alone proves nothing: after a crash the number may belong to a stranger. Each process is
therefore started with an argument that ends in its mark (service and home), and only a live process that
bears the mark is ever counted as running, or stopped.
"""

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local.faults import StackError

PROC = Path("/proc")
LOOK_EVERY_S = 0.02
KILL_WITHIN_S = 10.0

# The shell starts the command in the background, says its id and goes: the command is then a child of init,
# and never a zombie of whoever called us. Its output goes where the shell's errors go: to the log.
BEGINS = "=== started by profile-stack"
DETACH = '"$@" </dev/null >&2 & echo $!'


def launch(
    argv: Sequence[str],
    *,
    log: Path,
    cwd: Path,
    user: pwd.struct_passwd | None = None,
    keep_open: Sequence[int] = (),
) -> int:
    """Starts `argv` in a session of its own and gives back its process id; output is appended to `log`.

    `keep_open` are file descriptors that the process inherits under their numbers.
    """
    with log.open("ab") as sink:
        sink.write(f"{BEGINS} {time.strftime('%Y-%m-%d %H:%M:%S %z')}\n".encode())
        sink.flush()
        shell = subprocess.run(
            ["/bin/sh", "-c", DETACH, "sh", *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=sink,
            cwd=cwd,
            start_new_session=True,
            user=None if user is None else user.pw_uid,
            group=None if user is None else user.pw_gid,
            extra_groups=None if user is None else [],
            pass_fds=keep_open,
            check=True,
        )
    return int(shell.stdout)


def run(
    argv: Sequence[str],
    *,
    within_s: float,
    cwd: Path = Path("/"),
    env: Mapping[str, str] | None = None,
    user: pwd.struct_passwd | None = None,
    keep_open: Sequence[int] = (),
) -> subprocess.CompletedProcess[str]:
    """Runs a short command to its end, with its output as text; a failure is the caller's to judge."""
    try:
        return subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=within_s,
            cwd=cwd,
            env=env,
            user=None if user is None else user.pw_uid,
            group=None if user is None else user.pw_gid,
            extra_groups=None if user is None else [],
            pass_fds=keep_open,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise StackError(f"{argv[0]} did not finish within {within_s:.0f} s; run `up` again.") from error


def bears(pid: int, mark: str) -> bool:
    """Whether `pid` is a live process (a zombie is none) started with an argument that ends in `mark`."""
    if PROC.joinpath("self").exists():
        try:
            arguments = PROC.joinpath(str(pid), "cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return any(argument.endswith(os.fsencode(mark)) for argument in arguments)
    shown = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return f"{mark} " in f"{shown.stdout.strip()} "


def find(mark: str) -> int | None:
    """A live process with this mark whose id was never written down; only where the system has `/proc`."""
    candidates = (
        (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()) if PROC.is_dir() else ()
    )
    return next((pid for pid in candidates if bears(pid, mark)), None)


def stop(pid: int, mark: str, *, by: signal.Signals, patience_s: float) -> bool:
    """Asks with `by`, kills after `patience_s`; True when asking was enough. Strangers are left alone."""
    if send(pid, mark, by) and gone(pid, mark, within_s=patience_s):
        return True
    if not send(pid, mark, signal.SIGKILL):
        return True
    if not gone(pid, mark, within_s=KILL_WITHIN_S):
        raise StackError(f"Process {pid} does not end, not even when killed; look at it with `ps -fp {pid}`.")
    return False


def send(pid: int, mark: str, signal_number: signal.Signals) -> bool:
    """False when no process with this mark lives under `pid`."""
    if not bears(pid, mark):
        return False
    try:
        os.kill(pid, signal_number)
    except ProcessLookupError:
        return False
    except PermissionError as error:
        raise StackError(
            f"Process {pid} belongs to another user; run this command as the one who started it."
        ) from error
    return True


def gone(pid: int, mark: str, *, within_s: float) -> bool:
    end = time.monotonic() + within_s
    while bears(pid, mark):
        if time.monotonic() > end:
            return False
        time.sleep(LOOK_EVERY_S)
    return True


def since_start(log: Path) -> list[str]:
    """What the process wrote since it was last launched, as far as the end of the log holds it."""
    lines = tail(log, 2_000)
    starts = [number for number, line in enumerate(lines) if line.startswith(BEGINS)]
    return lines[starts[-1] + 1 :] if starts else lines


def tail(log: Path, lines: int) -> list[str]:
    """The last lines of a log, as far as its last 256 KiB hold them; none when there is no log."""
    try:
        with log.open("rb") as source:
            source.seek(max(0, log.stat().st_size - 262_144))
            return source.read().decode("utf-8", "replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []
