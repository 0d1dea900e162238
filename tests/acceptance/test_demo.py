"""The demo is the product's own check of itself: it ends with 0 where the ledger holds what was meant."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

ENDS_WITHIN_S = 150.0


async def demo(folder: Path, *arguments: str) -> tuple[int | None, str]:
    """The demo in a folder of the test's own; exit code and everything it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.local.demo", *arguments),
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "80"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await asyncio.wait_for(process.communicate(), ENDS_WITHIN_S)
    return process.returncode, told.decode()


async def in_the_demo(folder: Path, command: str) -> str:
    """A command as somebody types it who was told to source the settings."""
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", f'source "$0" && {command}', str(folder / "var/demo/env")),
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await asyncio.wait_for(process.communicate(), ENDS_WITHIN_S)
    return told.decode()


async def test_the_demo_shows_a_fleets_day_and_leaves_it_running_to_be_asked(tmp_path: Path) -> None:
    try:
        exit_code, told = await demo(tmp_path, "--keep")
        spool = await in_the_demo(tmp_path, "profile-receiver spool")
        checked = await in_the_demo(tmp_path, "profile-receiver check")
        listeners = await in_the_demo(tmp_path, "profile-reconciler listeners list --json")
    finally:
        await demo(tmp_path, "--stop")
    assert exit_code == 0, told
    assert "The ledger holds what the simulator meant" in told
    assert "Traceback" not in told
    assert "26 succeeded, 3 failed" in told
    assert "• one request for thirty devices: three fail, one is out of reach  (30x 200)\n" in told
    assert f"source {tmp_path}/var/demo/env\n" in told
    assert spool == "0 records wait (0 bytes); 0 are dead\n"
    assert checked.endswith("are fine\n")
    assert "1223334444-00001" in listeners
