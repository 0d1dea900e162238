"""Accepted requests are worked on here: the card does its part, ThingSpace tells of it, more or less."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace

from tests.simulator.callback import Callback
from tests.simulator.content import Json
from tests.simulator.device import device_of, request_id_of
from tests.simulator.message import Credentials
from tests.simulator.server import news
from tests.simulator.server.draws import Outcome, carried_out, draw, refused
from tests.simulator.server.euicc import BUSY, WRONG_STATE, fallen_back
from tests.simulator.server.faults import About
from tests.simulator.server.fleet import Line
from tests.simulator.server.orders import Order, Target
from tests.simulator.server.parts import Parts
from tests.simulator.server.postman import Letter, Postman
from tests.simulator.server.reply import Reply, error
from tests.simulator.server.requests import Part, Request, Sent

PROFILE_SERVICE, CARRIER_SERVICE = "DeviceProfileService", "CarrierService"
Spawn = Callable[[Coroutine[None, None, None]], object]
Aim = tuple[Line, str]


class Work:
    """Requests by id, in the order they were accepted. `spawn` runs what goes on after the answer."""

    def __init__(self, parts: Parts, postman: Postman, spawn: Spawn) -> None:
        self._settings, self._clock = parts.settings, parts.clock
        self._fleet, self._faults, self._seed = parts.fleet, parts.faults, parts.seed
        self._postman, self._spawn = postman, spawn
        self.requests: dict[str, Request] = {}
        self.on_the_way = 0
        self._reports = 0

    def accept(self, order: Order) -> Request | Reply:
        """Take an order on, or refuse it with the error the API has for it."""
        aims: list[Aim] = []
        for target in order.targets:
            aim = self._aim(order, target)
            if isinstance(aim, Reply):
                return aim
            aims.append(aim)
        return self._begin(order, aims)

    def _aim(self, order: Order, target: Target) -> Aim | Reply:
        line = self._line(order, target)
        if line is None:
            return error("REQUEST_FAILED.DeviceNotFound", "The device could not be found")
        if line.account != order.account:
            return error("INPUT_INVALID.Device.Account.Invalid", "The device is not in the account")
        return line, target.iccid or self._iccid(order.action, line)

    def _line(self, order: Order, target: Target) -> Line | None:
        if target.eid is None:
            return self._fleet.find_by("iccid", target.iccid or "")
        found = self._fleet.find(target.eid)
        if found is None and self._settings.unknown_devices == "make":
            return self._fleet.make_for(order.account, target.eid, target.iccid, target.imei, order.action)
        return found

    def _iccid(self, action: str, line: Line) -> str:
        """The profile that is meant where the caller named none."""
        if action in {"activate", "activate_enable"}:
            return device_of(f"{self._seed}/{line.card.eid}/{line.requests}/assigned").iccid
        if action == "setfallbackattribute":
            return next((one for one in sorted(line.card.present) if one != line.card.fallback), "")
        return line.card.enabled

    def _begin(self, order: Order, aims: Sequence[Aim]) -> Request:
        first = aims[0][0]
        request_id = request_id_of(f"{self._seed}/{first.card.eid}/{first.requests}")
        request = Request(request_id, order.account, order.action, self._clock.now())
        rngs = [self._rng(line) for line, _ in aims]
        request.parts = tuple(self._part(order, aim, rng) for aim, rng in zip(aims, rngs, strict=True))
        self.requests[request_id] = request
        for part, (line, _), rng in zip(request.parts, aims, rngs, strict=True):
            self._spawn(self._go(request, part, line, rng))
        return request

    def _rng(self, line: Line) -> random.Random:
        """One generator for each request of a device: what others do meanwhile changes nothing."""
        line.requests += 1
        return random.Random(f"{self._seed}/{line.card.eid}/{line.requests}")

    def _part(self, order: Order, aim: Aim, rng: random.Random) -> Part:
        line, iccid = aim
        about = About(order.account, order.action, line.card.eid, "actions")
        busy, line.working = line.working, True
        return Part(line.card.eid, iccid, busy, draws=draw(self._faults, self._settings.times, rng, about))

    async def _go(self, request: Request, part: Part, line: Line, rng: random.Random) -> None:
        teller = Teller(self, request, part, line, rng)
        outcome = await self._worked(part, line, request, teller)
        self._postman.truth(request, part)
        await teller.tell(outcome)
        part.told.set()
        if outcome.done and "falls_back" in part.draws.struck:
            await self._clock.sleep(part.draws.fall_back_s)
            line.change(fallen_back(line.card), "fell back by itself")
        part.over = True

    async def _worked(self, part: Part, line: Line, request: Request, teller: Teller) -> Outcome:
        """The card's part, until it is done; the eUICC is busy meanwhile."""
        await self._clock.sleep(part.draws.work_s)
        if part.busy:
            outcome = refused(line.card, BUSY)
        else:
            await teller.warn_before()
            outcome = self._on_the_card(request.action, part, line)
            line.change(outcome.card, f"{request.action} {part.iccid}: {outcome.what}")
            line.working = False
        part.done, part.what, part.done_at = outcome.done, outcome.what, self._clock.now()
        part.known_at = part.done_at + (part.draws.audit_s if outcome.unknown else 0)
        part.subs = _subs(request.action, part, line, outcome)
        return outcome

    def _on_the_card(self, action: str, part: Part, line: Line) -> Outcome:
        """What the action comes to; where the rules are those of Global IoT, an enabled profile stays."""
        strict = self._settings.delete_of_enabled == "refused" and action == "delete"
        if strict and line.card.state(part.iccid) == "enabled":
            return refused(line.card, WRONG_STATE)
        return carried_out(line.card, action, part.iccid, part.draws)

    def report(self, account: str, members: Mapping[str, Json]) -> str:
        """Send data that was asked for; its request id. Only the beginning of such a message is published."""
        self._reports += 1
        label = f"{self._seed}/{account}/report/{self._reports}"
        device = device_of(label)
        response: Json = {"deviceResponse": dict(members)}
        assert isinstance(response, dict)
        callback = Callback(
            request_id_of(label), device, action=None, euicc_status=None, echo=(), members=response
        )
        self._spawn(self._report(Letter(account, PROFILE_SERVICE, callback), random.Random(label)))
        return callback.request_id

    async def _report(self, letter: Letter, rng: random.Random) -> None:
        await self._clock.sleep(rng.uniform(*self._settings.times.work_s))
        await self._postman.send(letter, rng)

    async def send(self, part: Part, letter: Letter, rng: random.Random) -> None:
        """Deliver and note it; a callback whose news is lost is noted and goes nowhere."""
        self.on_the_way += 1
        try:
            part.sent.append(await self._postman.send(letter, rng))
        finally:
            self.on_the_way -= 1
        part.told.set()

    def withhold(self, part: Part, letter: Letter) -> None:
        said = letter.callback
        part.sent.append(
            Sent(self._clock.now(), letter.service, said.status, said.euicc_status, "right", "withheld")
        )

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)

    def service(self, action: str) -> str:
        carried = action in self._settings.callbacks.to_carrier_service
        return CARRIER_SERVICE if carried else PROFILE_SERVICE


def _subs(action: str, part: Part, line: Line, outcome: Outcome) -> Sequence[tuple[str, bool]]:
    if action in news.DEVICE_ACTIONS:
        return [(one, outcome.done and one not in outcome.unchanged) for one in sorted(line.card.present)]
    return [(part.iccid, outcome.done)]


class Teller:
    """Tells of one part of a request, in the course that was drawn for it."""

    def __init__(self, work: Work, request: Request, part: Part, line: Line, rng: random.Random) -> None:
        self._work, self._request, self._part, self._line, self._rng = work, request, part, line, rng
        self._draws = part.draws

    async def warn_before(self) -> None:
        """Where the device is out of reach: say so, and wait for it."""
        only = self._draws.course == "warning_only"
        if not only and not self._draws.struck & {"warning", "final_first"}:
            return
        if only or "final_first" not in self._draws.struck:
            await self._send(self._warning())
        await self._work.sleep(self._draws.warning_s)

    async def tell(self, outcome: Outcome) -> None:
        request, line = self._request, self._line
        told = news.finals(request.request_id, request.action, line, self._part.iccid, outcome, self._draws)
        if self._part.busy:
            await self._send_all(told)
            return
        match self._draws.course:
            case "lost" | "warning_only":
                for one in told:
                    self._work.withhold(self._part, self._letter(one))
            case "late":
                await self._work.sleep(self._draws.late_s)
                await self._final(told)
            case "contradicting":
                pair = [told, [news.opposite(one) for one in told]]
                await self._contradict(pair[::-1] if self._draws.wrong_first else pair)
            case _:
                await self._final(told)

    async def _contradict(self, pair: Sequence[list[Callback]]) -> None:
        for place, told in enumerate(pair):
            if place:
                await self._work.sleep(self._draws.contradiction_s)
            await self._send_all(told)

    async def _final(self, told: list[Callback]) -> None:
        struck = self._draws.struck
        await self._send_all(told, copies=2 if "overlap" in struck else 1)
        if "final_first" in struck:
            await self._send(self._warning())
        if "duplicate" in struck:
            await self._work.sleep(self._draws.contradiction_s)
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
            self._work.withhold(self._part, letter)
        else:
            await self._work.send(self._part, letter, self._rng)

    def _letter(self, callback: Callback, copies: int = 1) -> Letter:
        struck = self._draws.struck
        bent: Credentials = "wrong" if "wrong_password" in struck else "absent"
        which: Credentials = bent if struck & {"wrong_password", "no_password"} else "right"
        service = self._work.service(self._request.action)
        return Letter(self._request.account, service, callback, news.spellings(self._draws), which, copies)
