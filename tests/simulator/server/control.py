"""The simulator's own API, for tests: what is true, what was asked, what shall go wrong. See README.md."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tests.simulator.content import Json
from tests.simulator.journal import stamp
from tests.simulator.server.euicc import fallen_back
from tests.simulator.server.faults import About, Next
from tests.simulator.server.fleet import Line
from tests.simulator.server.listeners import Registration
from tests.simulator.server.outages import Outage
from tests.simulator.server.parts import Parts
from tests.simulator.server.settings import (
    Away,
    DeviceSeed,
    FaultName,
    Group,
    OutageKind,
    Probabilities,
    faults_of,
)
from tests.simulator.server.work import Work

STRICT = ConfigDict(extra="forbid", frozen=True)


class NextFault(BaseModel):
    """A fault to strike the next `times` occasions; the other members narrow which ones."""

    model_config = STRICT
    fault: FaultName
    times: int = Field(1, ge=1)
    account: str | None = None
    action: str | None = None
    eid: str | None = None
    group: Group | None = None


class FaultsWanted(BaseModel):
    model_config = STRICT
    probabilities: Probabilities = Field(default_factory=dict)
    next: tuple[NextFault, ...] = ()
    clear: bool = False


class OutageWanted(BaseModel):
    """`seconds` of simulated time, or `away` to replace the shares; `end` brings everything back first."""

    model_config = STRICT
    seconds: float | None = Field(None, gt=0)
    kind: OutageKind = "unavailable"
    group: Group = "all"
    away: tuple[Away, ...] | None = None
    end: bool = False


class ClockWanted(BaseModel):
    model_config = STRICT
    advance_s: float = Field(gt=0)


class DevicesWanted(BaseModel):
    """Devices as in the configuration, and `count` more from the seed with one profile each."""

    model_config = STRICT
    account: str | None = None
    count: int = Field(0, ge=0, le=100_000)
    state: Literal["not_downloaded", "disabled", "enabled"] = "disabled"
    devices: tuple[DeviceSeed, ...] = ()


class ListenerWanted(BaseModel):
    model_config = STRICT
    account: str
    service: str = "DeviceProfileService"
    url: str = ""
    username: str = ""
    password: str = ""


class ResendWanted(BaseModel):
    model_config = STRICT
    request_id: str


class AuthWanted(BaseModel):
    model_config = STRICT
    drop_tokens: bool = False
    drop_sessions: bool = False
    lock: str | None = None
    unlock: str | None = None


Wanted = TypeVar("Wanted", bound=BaseModel)


class Control:
    def __init__(self, parts: Parts, work: Work) -> None:
        self._settings, self._clock, self._door = parts.settings, parts.clock, parts.door
        self._listeners, self._fleet, self._faults = parts.listeners, parts.fleet, parts.faults
        self._outages, self._calls, self._work = parts.outages, parts.calls, work

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_get("/control", self.state)
        router.add_get("/control/truth", self.truth)
        router.add_get("/control/log", self.log)
        router.add_delete("/control/log", self.clear_log)
        router.add_get("/control/devices", self.devices)
        router.add_get("/control/devices/{eid}", self.device)
        router.add_post("/control/devices/{eid}/fall-back", self.fall_back)
        router.add_get("/control/listeners", self.listeners)
        router.add_get("/control/auth", self.auth)
        router.add_get("/control/faults", self.faults)
        router.add_post("/control/devices", taking(DevicesWanted, self.add_devices))
        router.add_post("/control/faults", taking(FaultsWanted, self.set_faults))
        router.add_post("/control/outage", taking(OutageWanted, self.set_outage))
        router.add_post("/control/clock", taking(ClockWanted, self.set_clock))
        router.add_post("/control/auth", taking(AuthWanted, self.set_auth))
        router.add_post("/control/resend", taking(ResendWanted, self.resend))
        router.add_post("/control/listeners/vanish", taking(ListenerWanted, self.vanish))
        router.add_post("/control/listeners/take-over", taking(ListenerWanted, self.take_over))

    async def state(self, _request: web.Request) -> web.Response:
        """How far the day is: what is still open, and what still on its way to a listener."""
        requests = self._work.requests.values()
        return web.json_response(
            {
                "now": stamp(self._clock.now()),
                "scale": self._clock.scale,
                "requests": len(requests),
                "open": sum(not one.over for one in requests),
                "callbacks_on_the_way": self._work.callbacks_on_the_way,
                "outages": self._outages.view(),
            }
        )

    async def truth(self, request: web.Request) -> web.Response:
        wanted = request.query.get("request_id")
        account = request.query.get("account")
        chosen: list[Json] = [
            one.view()
            for one in self._work.requests.values()
            if wanted in {None, one.request_id} and account in {None, one.account}
        ]
        return web.json_response({"now": stamp(self._clock.now()), "requests": chosen})

    async def log(self, request: web.Request) -> web.Response:
        last = request.query.get("last", "1000")
        return web.json_response(self._calls.view(int(last) if last.isdecimal() else 0))

    async def clear_log(self, _request: web.Request) -> web.Response:
        self._calls.clear()
        return web.json_response({})

    async def devices(self, request: web.Request) -> web.Response:
        account = request.query.get("account", self._settings.account[0].name)
        return web.json_response([line.view() for line in self._fleet.of_account(account)])

    async def device(self, request: web.Request) -> web.Response:
        line = self._fleet.find(request.match_info["eid"])
        return web.json_response(line.view()) if line is not None else missing("no such EID")

    async def fall_back(self, request: web.Request) -> web.Response:
        line = self._fleet.find(request.match_info["eid"])
        if line is None:
            return missing("no such EID")
        line.change(fallen_back(line.card), "fell back by itself")
        return web.json_response(line.view())

    async def add_devices(self, wanted: DevicesWanted) -> web.Response:
        seeds = [
            one if one.account else one.model_copy(update={"account": wanted.account})
            for one in wanted.devices
        ]
        lines: list[Line] = [self._fleet.add(one) for one in seeds]
        lines += self._fleet.add_many(wanted.account, wanted.count, wanted.state)
        return web.json_response([line.view() for line in lines])

    async def listeners(self, _request: web.Request) -> web.Response:
        return web.json_response(self._listeners.view())

    async def vanish(self, wanted: ListenerWanted) -> web.Response:
        if not self._listeners.vanish(wanted.account, wanted.service):
            return missing("no such listener")
        return web.json_response(self._listeners.view())

    async def take_over(self, wanted: ListenerWanted) -> web.Response:
        self._listeners.take_over(Registration(**wanted.model_dump()))
        return web.json_response(self._listeners.view())

    async def faults(self, _request: web.Request) -> web.Response:
        return web.json_response(self._faults.view())

    async def set_faults(self, wanted: FaultsWanted) -> web.Response:
        if wanted.clear:
            self._faults.clear()
        self._faults.probabilities.update(wanted.probabilities)
        for one in wanted.next:
            about = About(one.account, one.action, one.eid, one.group)
            self._faults.strike_next(Next(one.fault, one.times, about))
        return web.json_response(self._faults.view())

    async def set_outage(self, wanted: OutageWanted) -> web.Response:
        if wanted.end:
            self._outages.end_all()
        if wanted.away is not None:
            self._outages.share(wanted.away)
        if wanted.seconds is not None:
            until = self._clock.now() + wanted.seconds
            self._outages.begin(Outage(wanted.group, wanted.kind, until))
        return web.json_response(self._outages.view())

    async def set_clock(self, wanted: ClockWanted) -> web.Response:
        self._clock.advance(wanted.advance_s)
        return web.json_response({"now": stamp(self._clock.now())})

    async def resend(self, wanted: ResendWanted) -> web.Response:
        request = self._work.requests.get(wanted.request_id)
        if request is None:
            return missing("no such request")
        return web.json_response({"callbacks": self._work.resend(request)})

    async def auth(self, _request: web.Request) -> web.Response:
        return web.json_response(self._door.view())

    async def set_auth(self, wanted: AuthWanted) -> web.Response:
        if wanted.drop_tokens:
            self._door.drop_tokens()
        if wanted.drop_sessions:
            self._door.drop_sessions()
        if wanted.lock is not None:
            self._door.lock(wanted.lock)
        if wanted.unlock is not None:
            self._door.unlock(wanted.unlock)
        return web.json_response(self._door.view())


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def taking(model: type[Wanted], answer: Callable[[Wanted], Awaitable[web.Response]]) -> Handler:
    """A handler that reads its body into the model, or says with 400 what is wrong with it."""

    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            wanted = model.model_validate_json(await request.read() or b"{}")
        except ValidationError as error:
            return web.json_response({"error": faults_of(error)}, status=400)
        return await answer(wanted)

    return handler


def missing(text: str) -> web.Response:
    return web.json_response({"error": text}, status=404)
