"""Tells of one device's part in a request, in the course that was drawn for it, and notes what was told."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from tests.simulator.callback import Callback
from tests.simulator.device import device_of, request_id_of
from tests.simulator.message import Credentials
from tests.simulator.server import news
from tests.simulator.server.clock import SimulatedClock
from tests.simulator.server.draws import Outcome
from tests.simulator.server.fleet import Line
from tests.simulator.server.letter import Letter, Sent
from tests.simulator.server.postman import Postman
from tests.simulator.server.requests import Part, Request


class Teller:
    """`service` is the one through which callbacks of this action go."""

    def __init__(
        self,
        clock: SimulatedClock,
        postman: Postman,
        service: str,
        request: Request,
        part: Part,
        line: Line,
        rng: random.Random,
    ) -> None:
        self._clock, self._postman, self._service = clock, postman, service
        self._request, self._part, self._line, self._rng = request, part, line, rng
        self._draws = part.draws

    async def warn_before(self) -> None:
        """Where the device is out of reach: say so, and wait for it."""
        only = self._draws.course == "warning_only"
        if not only and not self._draws.struck & {"warning", "final_first"}:
            return
        if only or "final_first" not in self._draws.struck:
            await self._send(self._warning())
        await self._clock.sleep(self._draws.warning_s)

    async def tell(self, outcome: Outcome) -> None:
        if self._part.busy:
            await self._send_all(self._finals(outcome))
            return
        match self._draws.course:
            case "lost" | "warning_only":
                for one in self._finals(outcome):
                    self._withhold(self._letter(one))
            case "late":
                await self._clock.sleep(self._draws.late_s)
                await self._last_word(outcome)
            case "contradicting":
                pair = [outcome, news.opposite(outcome)]
                await self._contradict(pair[::-1] if self._draws.wrong_first else pair)
            case _:
                await self._last_word(outcome)

    def _finals(self, outcome: Outcome) -> list[Callback]:
        request, part = self._request, self._part
        return news.finals(request.request_id, request.action, self._line, part.iccid, outcome, self._draws)

    async def _contradict(self, pair: Sequence[Outcome]) -> None:
        for place, outcome in enumerate(pair):
            if place:
                await self._clock.sleep(self._draws.contradiction_s)
            await self._send_all(self._finals(outcome))

    async def _last_word(self, outcome: Outcome) -> None:
        struck, told = self._draws.struck, self._finals(outcome)
        await self._send_all(told, copies=2 if "overlap" in struck else 1)
        if "final_first" in struck:
            await self._send(self._warning())
        if "duplicate" in struck:
            await self._clock.sleep(self._draws.contradiction_s)
            await self._send_all([replace(one, attempt=one.attempt + 1) for one in told])
        if "unknown_request" in struck:
            stranger = f"{self._request.request_id}/unknown"
            await self._send(Callback(request_id_of(stranger), device_of(stranger)))

    async def _send_all(self, told: Sequence[Callback], copies: int = 1) -> None:
        for one in told:
            await self._send(one, copies)

    def _warning(self) -> Callback:
        request, part = self._request, self._part
        return news.warning(request.request_id, request.action, self._line, part.iccid, self._draws)

    async def _send(self, callback: Callback, copies: int = 1) -> None:
        letter = self._letter(callback, copies)
        if self._draws.course == "lost":
            self._withhold(letter)
        else:
            self._part.sent.append(await self._postman.send(letter, self._rng))
            self._part.told.set()

    def _withhold(self, letter: Letter) -> None:
        """A callback whose news is lost is noted and goes nowhere."""
        self._part.sent.append(Sent(letter, self._clock.now(), "withheld"))

    def _letter(self, callback: Callback, copies: int = 1) -> Letter:
        struck = self._draws.struck
        bent: Credentials = "wrong" if "wrong_password" in struck else "absent"
        which: Credentials = bent if struck & {"wrong_password", "no_password"} else "right"
        return Letter(
            self._request.account, self._service, callback, news.spellings(self._draws), which, copies
        )
