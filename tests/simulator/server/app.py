"""Everything of one simulator put together, and the two trees of paths it answers on one port."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TextIO

from aiohttp import web

from tests.simulator.delivery import Mode
from tests.simulator.server.api import Api
from tests.simulator.server.control import Control
from tests.simulator.server.front import Front
from tests.simulator.server.parts import Parts
from tests.simulator.server.postman import Postman, Wire
from tests.simulator.server.work import Work

BODY_BYTES_MAX = 4_000_000


class Crew:
    """What goes on after an answer. A task that breaks ends the group, and with it the program."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()


def assemble(parts: Parts, mode: Mode, wire: Wire, crew: Crew, journal: TextIO | None) -> web.Application:
    postman = Postman(wire, mode, parts.clock, parts.listeners, journal)
    work = Work(parts, postman, crew.spawn)
    app = web.Application(client_max_size=BODY_BYTES_MAX)
    Control(parts, work).add_routes(app.router)
    app.router.add_route("*", "/{path:.*}", Front(parts, Api(parts, work)).handle)
    return app
