"""Everything of one simulator put together, and the two trees of paths it answers on one port."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TextIO

from aiohttp import web

from tests.simulator.delivery import Mode
from tests.simulator.server.api import Api
from tests.simulator.server.auth import Door
from tests.simulator.server.calls import Calls
from tests.simulator.server.clock import SimulatedClock
from tests.simulator.server.control import Control
from tests.simulator.server.faults import Faults
from tests.simulator.server.fleet import Fleet
from tests.simulator.server.front import Front
from tests.simulator.server.listeners import Listeners
from tests.simulator.server.outages import Outages
from tests.simulator.server.postman import Postman, Wire
from tests.simulator.server.settings import Settings
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


def assemble(
    settings: Settings, seed: str, scale: float, mode: Mode, wire: Wire, crew: Crew, journal: TextIO | None
) -> web.Application:
    clock = SimulatedClock(scale)
    door = Door(settings.account, settings.auth, seed, scale)
    listeners = Listeners(settings.callbacks)
    fleet = Fleet(seed, settings.account[0].name)
    for one in settings.device:
        fleet.add(one)
    faults = Faults(settings.faults)
    outages = Outages(settings.away, seed, clock.now())
    calls = Calls()
    postman = Postman(wire, mode, clock, listeners, journal)
    work = Work(settings, clock, fleet, faults, postman, crew.spawn, seed)
    api = Api(settings, clock, door, listeners, fleet, work, calls)
    front = Front(settings, api, clock, door, faults, outages, calls, seed)
    control = Control(settings, clock, door, listeners, fleet, faults, outages, work, calls)
    return application(front, control)


def application(front: Front, control: Control) -> web.Application:
    app = web.Application(client_max_size=BODY_BYTES_MAX)
    control.add_routes(app.router)
    app.router.add_route("*", "/{path:.*}", front)
    return app
