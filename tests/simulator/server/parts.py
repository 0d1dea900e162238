"""What a simulator is made of, for those who work with all of it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulator.server.auth import Door
from tests.simulator.server.calls import Calls
from tests.simulator.server.clock import SimulatedClock
from tests.simulator.server.faults import Faults
from tests.simulator.server.fleet import Fleet
from tests.simulator.server.listeners import Listeners
from tests.simulator.server.outages import Outages
from tests.simulator.server.settings import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    settings: Settings
    seed: str
    clock: SimulatedClock
    door: Door
    listeners: Listeners
    fleet: Fleet
    faults: Faults
    outages: Outages
    calls: Calls


def parts_of(settings: Settings, seed: str, scale: float) -> Parts:
    """All parts at their beginning; what the configuration names is there already."""
    clock = SimulatedClock(scale)
    fleet = Fleet(seed, settings.account[0].name)
    for one in settings.device:
        fleet.add(one)
    return Parts(
        settings,
        seed,
        clock,
        Door(settings.account, settings.auth, seed, scale),
        Listeners(settings.callbacks),
        fleet,
        Faults(settings.faults),
        Outages(settings.away, seed, clock.now()),
        Calls(),
    )
