"""What a keeper learns of how its program ended."""

import asyncio
from pathlib import Path

import pytest

from tests.faults import keeper as keepers
from tests.faults.keeper import Keeper
from tests.support.polling import eventually
from tests.support.program import Programs

LISTENS = "import time; print('here', flush=True); time.sleep(60)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {LISTENS}"


async def ended(script: str, folder: Path) -> Keeper:
    """A program that was told to end once it ran; killed when that was of no use."""
    programs = Programs({}, folder)
    keeper = Keeper("program", lambda: programs.launch("python", "-c", script), "127.0.0.1:1")
    keeper.release()
    keeper._task = asyncio.create_task(keeper._keep())
    await eventually(lambda: keeper.program is not None and "here" in keeper.program.stdout(), within_s=30)
    await keeper.end()
    assert not keeper.runs
    return keeper


async def test_who_does_not_end_when_told_to_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keepers, "STOP_WITHIN_S", 0.3)
    assert (await ended(DEAF, tmp_path)).deaf


async def test_who_ends_when_told_to_is_not_deaf(tmp_path: Path) -> None:
    keeper = await ended(LISTENS, tmp_path)
    assert not keeper.deaf
    assert keeper.unwanted_ends() == []
