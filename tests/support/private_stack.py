"""One private stack per test run, gone afterwards, whatever happened."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from deploy.local.faults import MisuseError
from deploy.local.stack import Stack

REUSE = "PROFILE_TEST_STACK_HOME"
PREFIX = "profile-test-stack-"


@contextmanager
def private_stack(*, brokers: int = 1, detours: Mapping[str, Sequence[int]] | None = None) -> Iterator[Stack]:
    """A stack of this run alone; or that of the home `PROFILE_TEST_STACK_HOME`, which is left running.

    That home is used only by who asks for nothing particular.
    """
    if os.environ.get(REUSE) and brokers == 1 and not detours:
        reused = Stack(Path(os.environ[REUSE]))
        reused.up()
        yield reused
        return
    remove_orphans()
    home = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    stack = Stack(home, brokers=brokers, detours=detours)
    try:
        stack.up()
        yield stack
    finally:
        stack.down(erase=True)
        shutil.rmtree(home, ignore_errors=True)


def remove_orphans() -> None:
    """Takes down what a killed test run left: its process id is part of the folder's name."""
    for home in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        runner = home.name.removeprefix(PREFIX).split("-", 1)[0]
        if home.stat().st_uid == os.geteuid() and runner.isdigit() and not _lives(int(runner)):
            with suppress(MisuseError):  # it may have been killed before it began
                Stack(home).down(erase=True)
            shutil.rmtree(home, ignore_errors=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
