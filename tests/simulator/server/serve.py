"""`serve`: listens, says where in one line, and stops in order on SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import json
import signal
from dataclasses import dataclass
from typing import TextIO

from aiohttp import web

from tests.simulator.delivery import MODES
from tests.simulator.server.app import Crew, assemble
from tests.simulator.server.parts import parts_of
from tests.simulator.server.settings import Settings
from tests.simulator.wire import HttpWire

CLOSING_MAX_S = 2.0


@dataclass(frozen=True, slots=True)
class Serving:
    host: str
    port: int
    seed: str
    scale: float
    mode: str


async def serve(settings: Settings, serving: Serving, journal: TextIO | None, out: TextIO) -> None:
    """Until a signal comes. What is still open then is dropped: a simulator has nothing to lose."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    mode = MODES[serving.mode]
    async with HttpWire(answer_limit_s=mode.answer_limit_s) as wire, asyncio.TaskGroup() as group:
        crew = Crew(group)
        app = assemble(parts_of(settings, serving.seed, serving.scale), mode, wire, crew, journal)
        runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=CLOSING_MAX_S
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, serving.host, serving.port).start()
            host, port = runner.addresses[0][:2]
            _say_where(f"http://{host}:{port}", out)
            await stopped.wait()
        finally:
            await runner.cleanup()
            crew.stop()


def _say_where(base: str, out: TextIO) -> None:
    out.write(json.dumps({"base_url": f"{base}/api", "control_url": f"{base}/control"}) + "\n")
    out.flush()
