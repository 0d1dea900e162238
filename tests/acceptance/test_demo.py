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


async def test_the_demo_shows_a_fleets_day_and_what_became_of_it(tmp_path: Path) -> None:
    try:
        exit_code, told = await demo(tmp_path)
    finally:
        await demo(tmp_path, "--stop")
    assert exit_code == 0, told
    assert "The ledger holds what the simulator meant" in told
    assert "Traceback" not in told
    assert "26 succeeded, 3 failed" in told
    assert "• one request for thirty devices: three fail, one is out of reach  (30x 200)\n" in told
