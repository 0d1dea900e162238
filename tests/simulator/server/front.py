"""In front of the endpoints: outages, rate limits, and what goes wrong on the way there or back."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from aiohttp import web

from tests.simulator.journal import stamp
from tests.simulator.server.api import Answered, Api, Asked, response
from tests.simulator.server.calls import Call
from tests.simulator.server.faults import About
from tests.simulator.server.limits import RateLimit
from tests.simulator.server.outages import Outage
from tests.simulator.server.parts import Parts
from tests.simulator.server.reply import (
    BAD_TOKEN,
    FORBIDDEN_XML,
    GATEWAY_TIMEOUT,
    NO_RESOURCE,
    PROXY_PAGE,
    UNAVAILABLE,
    Reply,
    error,
    too_many,
)
from tests.simulator.server.requests import Request
from tests.simulator.server.routes import Found, find

RETRY_AFTER_S = 2
ANSWER_LAST_MAX_S = 20.0

# Before the endpoint: nothing is done.
IN_THE_WAY: Mapping[str, Reply] = {
    "server_error": PROXY_PAGE,
    "unavailable": UNAVAILABLE,
    "too_many": too_many(RETRY_AFTER_S),
    "forbidden_xml": FORBIDDEN_XML,
}


class Front:
    """Handles one call from the socket to the answer, or to the closed connection."""

    def __init__(self, parts: Parts, api: Api) -> None:
        self._settings, self._seed = parts.settings, parts.seed
        self._clock, self._door = parts.clock, parts.door
        self._faults, self._outages, self._calls = parts.faults, parts.outages, parts.calls
        self._api = api
        self._every = RateLimit(parts.settings.limits.requests_per_minute)
        self._actions = RateLimit(parts.settings.limits.actions_per_minute)
        self._numbers: Counter[str] = Counter()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        at = stamp(self._clock.now())
        found = find(request.method, request.rel_url.raw_path)
        label = found.label if found is not None else "unknown"
        body = await request.read()
        answered = Answered(None)
        try:
            answered = await self._handle(request, found, body, label)
        finally:
            status = None if answered.reply is None else answered.reply.status
            accepted = None if answered.request is None else answered.request.request_id
            self._calls.note(Call(at, request.method, label, request.path, status, accepted))
        return closed(request) if answered.reply is None else response(answered.reply)

    async def _handle(self, request: web.Request, found: Found | None, body: bytes, label: str) -> Answered:
        outage = self._outages.now("none" if found is None else found.route.group, self._clock.now())
        if outage is not None:
            return Answered(await self._away(outage))
        if found is None:
            return Answered(NO_RESOURCE)
        self._numbers[label] += 1
        rng = random.Random(f"{self._seed}/call/{label}/{self._numbers[label]}")
        stopped = self._stopped(request, found, rng)
        if stopped is not None:
            return Answered(stopped)
        answered = self._api.answer(Asked(found, request.headers, body))
        if answered.request is None:
            return answered
        return await self._on_the_way_back(answered, answered.request, rng)

    async def _away(self, outage: Outage) -> Reply | None:
        match outage.kind:
            case "unavailable":
                return UNAVAILABLE
            case "html":
                return PROXY_PAGE
            case "hang":
                await self._clock.sleep_until(outage.until)
                return None
            case "refuse":
                return None

    def _stopped(self, request: web.Request, found: Found, rng: random.Random) -> Reply | None:
        """What stands in the way of the endpoint, else None."""
        group = found.route.group
        who = request.headers.get("Authorization", "")
        waits = [self._every.wait_s(who, time.monotonic())]
        if group == "actions":
            waits.append(self._actions.wait_s(who, time.monotonic()))
        if wait := max(filter(None, waits), default=0):
            return too_many(wait)
        about = About(found.names.get("account"), found.names.get("action"), None, group)
        for fault, reply in IN_THE_WAY.items():
            if self._faults.strikes(fault, rng, about):
                return reply
        return self._refused(found, rng, about)

    def _refused(self, found: Found, rng: random.Random, about: About) -> Reply | None:
        if found.route.needs != "nothing" and self._faults.strikes("token_refused", rng, about):
            self._door.drop_tokens()
            return BAD_TOKEN
        if found.route.needs == "session" and self._faults.strikes("session_refused", rng, about):
            self._door.drop_sessions()
            status = self._settings.auth.session_refused_status
            return error("REQUEST_FAILED.SessionToken.Expired", "The session token has expired", status)
        return None

    async def _on_the_way_back(self, answered: Answered, request: Request, rng: random.Random) -> Answered:
        """An accepted action whose answer may be late, spoilt or lost."""
        about = About(request.account, request.action, request.parts[0].eid, "actions")
        struck = {name for name in RETURN_FAULTS if self._faults.strikes(name, rng, about)}
        request.answer = ", ".join(sorted(struck)) or "200"
        if "answer_last" in struck:
            await _first_told(request)
        if "answer_late" in struck:
            await asyncio.sleep(rng.uniform(*self._settings.times.answer_late_s))
        if "answer_lost" in struck:
            return replace(answered, reply=None)
        return replace(answered, reply=GATEWAY_TIMEOUT) if "accepted_504" in struck else answered


RETURN_FAULTS = ("answer_lost", "answer_late", "answer_last", "accepted_504")


async def _first_told(request: Request) -> None:
    """Until the first callback was delivered, or there is none, or the caller has waited long enough."""
    waiting = [asyncio.ensure_future(part.told.wait()) for part in request.parts]
    try:
        await asyncio.wait(waiting, timeout=ANSWER_LAST_MAX_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()


def closed(request: web.Request) -> web.Response:
    """Cut the connection; what is returned is written into nothing."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)
