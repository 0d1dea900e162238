"""`serve`: listens, says where in one line, and stops in order on SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
    """Port 0 stands for a free one; `mode` is a name of `MODES`."""

    host: str = "127.0.0.1"
    port: int = 0
    seed: str = "seed"
    scale: float = 1.0
    mode: str = "observed"


@dataclass(frozen=True, slots=True)
class Where:
    base_url: str
    control_url: str


async def serve(settings: Settings, serving: Serving, journal: TextIO | None, out: TextIO) -> None:
    """Until a signal comes. What is still open then is dropped: a simulator has nothing to lose."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with running(settings, serving, journal) as where:
        out.write(json.dumps({"base_url": where.base_url, "control_url": where.control_url}) + "\n")
        out.flush()
        await stopped.wait()


@asynccontextmanager
async def running(
    settings: Settings, serving: Serving, journal: TextIO | None = None
) -> AsyncIterator[Where]:
    """A simulator that listens while the context lasts; OSError where it cannot. For one task only."""
    family = socket.AF_INET6 if ":" in serving.host else socket.AF_INET
    listening = socket.create_server((serving.host, serving.port), family=family)
    mode = MODES[serving.mode]
    async with HttpWire(answer_limit_s=mode.answer_limit_s) as wire, asyncio.TaskGroup() as group:
        crew = Crew(group)
        app = assemble(parts_of(settings, serving.seed, serving.scale), mode, wire, crew, journal)
        runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=CLOSING_MAX_S
        )
        await runner.setup()
        try:
            await web.SockSite(runner, listening).start()
            host, port = runner.addresses[0][:2]
            yield Where(f"http://{host}:{port}/api", f"http://{host}:{port}/control")
        finally:
            await runner.cleanup()
            crew.stop()
