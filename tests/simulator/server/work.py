"""Accepted requests are worked on here: the card does its part, ThingSpace tells of it, more or less."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace

from tests.simulator.callback import Callback
from tests.simulator.content import Json
from tests.simulator.device import device_of, request_id_of
from tests.simulator.server import news
from tests.simulator.server.draws import Outcome, carried_out, draw, refused
from tests.simulator.server.euicc import BUSY, WRONG_STATE, fallen_back
from tests.simulator.server.faults import About
from tests.simulator.server.fleet import Line
from tests.simulator.server.letter import Letter
from tests.simulator.server.orders import Order, Target
from tests.simulator.server.parts import Parts
from tests.simulator.server.postman import Postman
from tests.simulator.server.reply import Reply, error
from tests.simulator.server.requests import Part, Request
from tests.simulator.server.teller import Teller

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
        self._reports = 0

    @property
    def callbacks_on_the_way(self) -> int:
        return self._postman.on_the_way

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
        service = self.service(request.action)
        teller = Teller(self._clock, self._postman, service, request, part, line, rng)
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

    def resend(self, request: Request) -> int:
        """Send again what never arrived, as Verizon's support does out of its archive; how many callbacks."""
        rng = random.Random(f"{request.request_id}/resend")
        missed = [(part, one) for part in request.parts for one in part.sent if not one.arrived]
        for part, one in missed:
            part.sent.remove(one)
            self._spawn(self._resend(part, replace(one.letter, credentials="right"), rng))
        return len(missed)

    async def _resend(self, part: Part, letter: Letter, rng: random.Random) -> None:
        part.sent.append(await self._postman.send(letter, rng))

    def service(self, action: str) -> str:
        carried = action in self._settings.callbacks.to_carrier_service
        return CARRIER_SERVICE if carried else PROFILE_SERVICE


def _subs(action: str, part: Part, line: Line, outcome: Outcome) -> Sequence[tuple[str, bool]]:
    if action in news.DEVICE_ACTIONS:
        return [(one, outcome.done and one not in outcome.unchanged) for one in sorted(line.card.present)]
    return [(part.iccid, outcome.done)]
