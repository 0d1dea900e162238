"""Keeps one program of the product running, as an orchestrator would: what ends is started again."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from tests.faults.points import LAST_WORD
from tests.support.polling import eventually
from tests.support.program import Program, http_status

NOTED_WITHIN_S = 0.2
A_RUN_S = 3 * 60 * 60.0
STARTS_AGAIN_AFTER_S = (0.3, 1.0, 3.0, 10.0)
"""More patiently, the more often it ended by itself."""
READY_WITHIN_S = 240.0
STOP_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class End:
    """`wanted`: by a step of the schedule, or because all is over."""

    exit_code: int
    wanted: bool
    stderr: str

    @property
    def at_point(self) -> bool:
        """Where a test build ends itself."""
        return LAST_WORD in self.stderr


@dataclass
class Keeper:
    """`launch` starts the program; `ops` is where it answers /readyz."""

    name: str
    launch: Callable[[], Program]
    ops: str
    program: Program | None = None
    ends: list[End] = field(default_factory=list)
    deaf: bool = False
    """It did not end when told to, and had to be killed."""
    _wanted: bool = False
    _may_run: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Returns when the program is ready for the first time."""
        self._may_run.set()
        self._task = asyncio.create_task(self._keep())
        await self.ready()

    async def _keep(self) -> None:
        while True:
            await self._may_run.wait()
            self._wanted = False
            self.program = self.launch()
            exit_code = await self._ended(self.program)
            stderr = self.program.stderr()
            self.ends.append(End(exit_code, self._wanted or LAST_WORD in stderr, stderr))
            await asyncio.sleep(self._pause_s())

    def _pause_s(self) -> float:
        return STARTS_AGAIN_AFTER_S[min(len(self.unwanted_ends()), len(STARTS_AGAIN_AFTER_S) - 1)]

    async def ready(self) -> None:
        """Waits until it says that it works; a program that ended meanwhile is started again."""

        async def works() -> bool:
            return await http_status(f"http://{self.ops}/readyz") == 200

        try:
            await eventually(works, within_s=READY_WITHIN_S)
        except AssertionError as error:
            told = self.program.stderr()[-2000:] if self.program else "it was never started"
            raise AssertionError(f"{self.name} is not ready after {READY_WITHIN_S:.0f} s: {told}") from error

    @property
    def runs(self) -> bool:
        return self.program is not None and self.program.exit_code is None

    def kill(self) -> None:
        """`kill -9`; stays down until `release`."""
        self._hold_down()
        if self.program is not None:
            self.program.kill()

    async def terminate(self) -> int:
        """SIGTERM, and how it ended; stays down until `release`."""
        self._hold_down()
        assert self.program is not None
        if self.program.exit_code is None:
            self.program.signal(signal.SIGTERM)
        return await self._ended(self.program, within_s=STOP_WITHIN_S)

    @staticmethod
    async def _ended(program: Program, *, within_s: float = A_RUN_S) -> int:
        await eventually(lambda: program.exit_code is not None, within_s=within_s)
        assert program.exit_code is not None
        return program.exit_code

    async def restart(self) -> None:
        """In order; returns at once."""
        await self.terminate()
        self.release()

    def _hold_down(self) -> None:
        self._may_run.clear()
        self._wanted = True

    def release(self) -> None:
        self._may_run.set()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self.program is not None and self.program.exit_code is None:
            self.program.signal(number)

    async def end(self) -> None:
        """In order; killed when it does not listen. Nothing starts it again."""
        if self._task is None:
            return
        self.thaw()
        try:
            await self.terminate()
        except AssertionError:
            self.deaf = True
            self.kill()
        await asyncio.sleep(NOTED_WITHIN_S)
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    def unwanted_ends(self) -> list[End]:
        return [end for end in self.ends if not end.wanted]
