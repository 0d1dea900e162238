"""The load of a run: the simulator's commands as processes, each with a journal of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.program import Finished, Programs

ACCOUNT = "1223334444-00001"
USERNAME = "fleet"
COMMAND = "thingspace-simulator"
REPEAT_EVERY = 7
"""One callback in so many comes twice."""
TALE_WITHIN_S = 300.0
JOURNAL_EACH_S = 0.02
"""A load writes its journal when it is over; on a busy machine that takes its time."""
ANSWERED_WITHIN_S = 300.0
"""After the last callback was sent; the simulator itself waits for 60 s at most."""
REFUSED, TRIES_MAX, AGAIN_AFTER_S = "Connection refused", 10, 0.5
"""Nobody was there when a load wanted to begin, and nothing of it was sent."""
SURPRISED = 1
"""Exit code where some answer was not the expected one: under faults nothing unusual."""


@dataclass(frozen=True, slots=True)
class Load:
    """`rate` callbacks a second for `seconds`, to each receiver, about so many `devices` in turn; and fleets'
    days beside it, one by one.

    `connections`: of each sender of days and tales, at most, for any real sender has so many and no more; the
    steady load has eight. `retry_s`: how long ThingSpace waits before it sends a refused one of these again,
    four times in all. `again_after_s`: each of these days is sent once more as it was, so much later. `tales`
    are scenario files, by name, sent at once.
    """

    seconds: float = 12.0
    rate: float = 60.0
    devices: int = 200
    operations: int = 20
    day_every_s: float = 4.0
    connections: int = 200
    retry_s: float = 3.0
    again_after_s: float | None = None
    tales: tuple[tuple[str, str], ...] = ()


@dataclass
class Senders:
    """What is being sent. `urls`: of all receivers, or of the ways to them."""

    programs: Programs
    folder: Path
    seed: str
    urls: Sequence[str]
    journals: list[Path] = field(default_factory=list)

    def written(self) -> list[Path]:
        """The journals there are: a load writes its own when it is over."""
        return [path for path in self.journals if path.exists()]

    async def run(self, load: Load) -> None:
        """Returns when the last answer is there; raises AssertionError where one never comes."""
        within_s = load.seconds + ANSWERED_WITHIN_S + JOURNAL_EACH_S * load.rate * load.seconds
        async with asyncio.TaskGroup() as group:
            for number, url in enumerate(self.urls):
                group.create_task(self._send(f"load-{number}", within_s, *self._steady(load, number, url)))
            for number in range(max(1, int(load.seconds / load.day_every_s))):
                group.create_task(self._send_day(load, number))
            for name, text in load.tales:
                group.create_task(self._send_tale(load, name, text))

    def _steady(self, load: Load, number: int, url: str) -> tuple[str, ...]:
        count = int(load.rate * load.seconds * REPEAT_EVERY / (REPEAT_EVERY + 1))
        return (
            *("load", "--url", url, "--rate", str(load.rate), "--count", str(count)),
            *("--connections", "8", "--devices", str(load.devices), "--repeat-every", str(REPEAT_EVERY)),
            *("--seed", f"{self.seed}/{number}"),
        )

    async def _send_day(self, load: Load, number: int) -> None:
        await asyncio.sleep(number * load.day_every_s)
        within_s = load.seconds + ANSWERED_WITHIN_S
        day = ("fleet-day", "--operations", str(load.operations), "--seed", f"{self.seed}/day-{number}")
        await self._send(f"day-{number}", within_s, *self._played(load), *day)
        if load.again_after_s is not None:
            await asyncio.sleep(load.again_after_s)
            await self._send(f"day-{number}-again", within_s, *self._played(load), *day)

    async def _send_tale(self, load: Load, name: str, text: str) -> None:
        path = self.folder / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        tale = (str(path), "--seed", f"{self.seed}/{name}")
        await self._send(name, load.seconds + TALE_WITHIN_S, *self._played(load), *tale)

    def _played(self, load: Load) -> tuple[str, ...]:
        return (
            *("play", *(part for url in self.urls for part in ("--url", url))),
            *("--mode", "documented", "--clock-scale", str(300.0 / load.retry_s), "--concurrency", "4"),
            *("--connections", str(load.connections)),
            *("--previous-password-file", str(self.folder / "previous-password")),
        )

    async def _send(self, name: str, within_s: float, *arguments: str) -> None:
        journal = self.folder / f"{name}.ndjson"
        self.journals.append(journal)
        for _ in range(TRIES_MAX):
            done = await self._sent(journal, within_s, *arguments)
            if REFUSED not in done.stderr:
                break
            await asyncio.sleep(AGAIN_AFTER_S)
        if done.exit_code not in (0, SURPRISED) or "Traceback" in done.stderr or not journal.exists():
            raise AssertionError(f"the simulator failed: {_told(done)}")

    async def _sent(self, journal: Path, within_s: float, *arguments: str) -> Finished:
        return await self.programs.run(
            COMMAND,
            *arguments,
            *("--account", ACCOUNT, "--username", USERNAME, "--journal", str(journal)),
            *("--password-file", str(self.folder / "password")),
            within_s=within_s,
        )


def _told(done: Finished) -> str:
    return (done.stderr or done.stdout)[-2000:]
