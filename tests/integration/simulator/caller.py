"""A client of ThingSpace as small as can be, a listener, and a simulator for both."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TextIO

import aiohttp

from tests.simulator.content import Json
from tests.simulator.server.serve import Serving, Where, running
from tests.simulator.server.settings import Settings
from tests.support.polling import eventually
from tests.unit.simulator.sink import Sink, listening

ACCOUNT = "1223334444-00001"
EID, ICCID = "89049032000000000000000000000163", "89148000000840784251"
OTHER_EID, OTHER_ICCID = "89049032000000000000000000000260", "89148000000840784269"
QUICK: Mapping[str, Json] = {"work_s": [0, 0], "warning_s": [5, 5], "contradiction_s": [5, 5]}


@dataclass(frozen=True)
class Answer:
    """`status` None: the connection ended without an answer."""

    status: int | None
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> dict[str, Json]:
        found: Json = json.loads(self.text)
        assert isinstance(found, dict)
        return found

    def list(self) -> list[dict[str, Json]]:
        found: list[dict[str, Json]] = json.loads(self.text)
        return found


@dataclass
class Caller:
    where: Where
    session: aiohttp.ClientSession
    headers: dict[str, str] = field(default_factory=dict)

    async def call(
        self, method: str, path: str, body: Json | bytes = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        return await self._ask(method, self.where.base_url + path, body, headers or self.headers)

    async def control(self, method: str, path: str, body: Json = None) -> Answer:
        return await self._ask(method, self.where.control_url + path, body, {})

    async def _ask(self, method: str, url: str, body: Json | bytes, headers: Mapping[str, str]) -> Answer:
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body)
        try:
            async with self.session.request(method, url, data=data, headers=headers) as response:
                return Answer(response.status, await response.text(), response.headers)
        except aiohttp.ServerDisconnectedError:
            return Answer(None)

    async def token(self, client: str = "client", secret: str = "client-secret") -> Answer:
        basic = base64.b64encode(f"{client}:{secret}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        return await self.call("POST", "/ts/v1/oauth2/token", b"grant_type=client_credentials", headers)

    async def login(self, username: str = "user", password: str = "password") -> Answer:
        """With a token first; what both gave is in the headers from now on."""
        token = (await self.token()).json()["access_token"]
        self.headers = {"Authorization": f"Bearer {token}"}
        answer = await self.call(
            "POST", "/m2m/v1/session/login", {"username": username, "password": password}
        )
        if answer.status == 200:
            self.headers["VZ-M2M-Token"] = str(answer.json()["sessionToken"])
        return answer

    async def register(
        self, url: str, service: str = "DeviceProfileService", password: str = "listener password"
    ) -> Answer:
        wanted: Json = {"name": service, "url": url, "username": "fleet", "password": password}
        return await self.call("POST", f"/m2m/v1/callbacks/{ACCOUNT}", wanted)

    async def act(self, action: str, eid: str = EID, iccid: str = ICCID) -> Answer:
        return await self.call("POST", f"/m2m/v1/devices/profile/actions/{action}", order(eid, iccid))

    async def accepted(self, action: str, eid: str = EID, iccid: str = ICCID) -> str:
        """The request id of an action that must be accepted."""
        answer = await self.act(action, eid, iccid)
        assert answer.status == 200, answer
        return str(answer.json()["requestId"])

    async def status(self, request_id: str, version: str = "v2") -> Answer:
        return await self.call("GET", f"/m2m/{version}/accounts/{ACCOUNT}/requests/{request_id}/status")

    async def faults(self, *names: str) -> None:
        """Each strikes once, on the next occasion."""
        answer = await self.control("POST", "/faults", {"next": [{"fault": name} for name in names]})
        assert answer.status == 200, answer

    async def advance(self, seconds: float) -> None:
        await self.control("POST", "/clock", {"advance_s": seconds})

    async def truth(self, request_id: str) -> dict[str, Json]:
        """The one device of a request."""
        requests = (await self.control("GET", f"/truth?request_id={request_id}")).json()["requests"]
        assert isinstance(requests, list)
        (request,) = requests
        assert isinstance(request, dict)
        devices = request["devices"]
        assert isinstance(devices, list)
        (device,) = devices
        assert isinstance(device, dict)
        return device

    async def over(self, advancing_s: float = 0) -> None:
        """Nothing will happen any more, of what was asked so far; time can be pushed on until then."""

        async def is_over() -> bool:
            if advancing_s:
                await self.advance(advancing_s)
            return (await self.control("GET", "")).json()["open"] == 0

        await eventually(is_over)


def order(eid: str = EID, iccid: str = ICCID) -> dict[str, Json]:
    ids: Json = [{"kind": "eid", "id": eid}, {"kind": "iccid", "id": iccid}]
    return {
        "devices": [{"deviceIds": ids}],
        "accountName": ACCOUNT,
        "smsrOid": "1.3.6.1.4.1.31746.1.500.200.101.5",
        "servicePlan": "plan",
    }


def settings(**members: Json) -> Settings:
    """Cards work at once, unless said otherwise."""
    times = members.pop("times", {})
    assert isinstance(times, dict)
    return Settings.model_validate({"times": {**QUICK, **times}, **members})


@asynccontextmanager
async def simulated(
    wanted: Settings | None = None, *, mode: str = "observed", journal: TextIO | None = None
) -> AsyncIterator[tuple[Caller, Sink]]:
    """A simulator, a caller that is logged in, and a listener registered for DeviceProfileService."""
    async with (
        listening(Sink()) as sink,
        running(wanted or settings(), Serving(mode=mode), journal) as where,
        aiohttp.ClientSession() as session,
    ):
        caller = Caller(where, session)
        await caller.login()
        await caller.register(sink.url + "/hook")
        yield caller, sink


def bodies(sink: Sink) -> list[dict[str, Json]]:
    return [json.loads(seen.body) for seen in sink.seen]
