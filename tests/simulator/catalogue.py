"""The scenarios there are: the files of `scenarios/`, and the fleet's day that is put together from them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from tests.simulator.message import Listener
from tests.simulator.script import Script, ScriptError, Stage, parse_script, read_script
from tests.simulator.story import Story

FLEET_DAY = "fleet-day"
FLEET_DAY_TITLE = "every other scenario once, and a fleet's ordinary operations among them, from a seed"
OPERATIONS_USUAL = 60

# What an ordinary day brings, by weight; the rest comes once.
USUAL: Mapping[str, int] = {
    "success": 60,
    "warning-then-final": 10,
    "final-before-warning": 4,
    "euicc-failed": 6,
    "fault": 3,
    "euicc-warning": 4,
    "reports-another": 4,
    "four-copies": 3,
    "warning-only": 2,
    "device-suspend": 2,
    "expired": 1,
    "wrong-password": 1,
}


@dataclass(frozen=True, slots=True)
class Entry:
    name: str
    title: str


def entries() -> list[Entry]:
    """All scenarios by name, in order."""
    listed = [Entry(name, script.title) for name, script in scripts().items()]
    return sorted([*listed, Entry(FLEET_DAY, FLEET_DAY_TITLE)], key=lambda entry: entry.name)


def scripts() -> dict[str, Script]:
    folder = resources.files(__package__) / "scenarios"
    found = sorted(item.name for item in folder.iterdir() if item.name.endswith(".toml"))
    return {name.removesuffix(".toml"): parse_script((folder / name).read_text("utf-8")) for name in found}


def text_of(name: str) -> str:
    """The file of a scenario, to copy from; ScriptError where there is none."""
    if name not in scripts():
        raise ScriptError(f"no scenario file named {name}; `scenarios` lists what there is")
    return (resources.files(__package__) / "scenarios" / f"{name}.toml").read_text("utf-8")


def stories(name: str, listener: Listener, seed: str, operations: int = OPERATIONS_USUAL) -> list[Story]:
    """The stories of a scenario by name or of a file by path; ScriptError when there is neither."""
    known = scripts()
    if name == FLEET_DAY:
        return fleet_day(known, listener, seed, operations)
    if name in known:
        return [Stage(known[name], name, listener, seed).story()]
    path = Path(name)
    if not path.is_file():
        raise ScriptError(f"{name}: neither a scenario nor a file; `scenarios` lists what there is")
    return [Stage(read_script(path), path.stem, listener, seed).story()]


def fleet_day(known: Mapping[str, Script], listener: Listener, seed: str, operations: int) -> list[Story]:
    """Every scenario once and `operations` drawn by weight, shuffled; the same for the same seed.

    A listener registered without credentials cannot tell a wrong password from a right one.
    """
    known = {
        name: script for name, script in known.items() if listener.password or not _about_passwords(script)
    }
    usual = {name: weight for name, weight in USUAL.items() if name in known}
    rng = random.Random(f"{FLEET_DAY}/{seed}")
    drawn = rng.choices(list(usual), weights=list(usual.values()), k=operations)
    plan = [(name, seed) for name in known] + [(name, f"{seed}/{place}") for place, name in enumerate(drawn)]
    rng.shuffle(plan)
    return [Stage(known[name], name, listener, one).story() for name, one in plan]


def _about_passwords(script: Script) -> bool:
    return any(step.credentials != "right" for step in script.step)
