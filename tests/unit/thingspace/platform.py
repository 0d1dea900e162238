"""A ThingSpace of a few lines on a real socket: it answers as a test tells it to, and notes what it got."""

import asyncio
import io
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

from aiohttp import web
from pydantic import SecretStr

from reconciler.thingspace.accounts import ThingSpaceAccount
from reconciler.thingspace.client import ThingSpace
from reconciler.thingspace.limits import Limits
from reconciler.thingspace.talk import Order
from reconciler.thingspace.veil import Veil
from schemas.ids import AccountName, Eid, Iccid
from schemas.logline import Log

NAME = AccountName("1223334444-00001")
OTHER = AccountName("1223334444-00002")
CANARIES = ("canary-client", "canary-login", "canary-callback", "canary-token", "canary-session")
EPOCH = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


def account(name: AccountName = NAME, per_minute: int = 6000) -> ThingSpaceAccount:
    return ThingSpaceAccount(
        name=name,
        client_id="key",
        client_secret=SecretStr("canary-client"),
        username="fleet",
        password=SecretStr("canary-login"),
        callback_url="https://callbacks.example.com",
        callback_username="caller",
        callback_password=SecretStr("canary-callback"),
        smsr_oid="1.3.6.1.4.1.31746.1.500.200.101.5",
        requests_per_minute=per_minute,
    )


def order(
    action: str = "enable", name: AccountName = NAME, options: Mapping[str, str] | None = None
) -> Order:
    eid, iccid = Eid("89049032000000000000000000000163"), Iccid("89148000000840784251")
    return Order(action, name, eid, iccid, "490154203237518", options or {})


def says(status: int, body: str | bytes, **headers: str) -> Reply:
    """Header names with underscores for hyphens."""

    async def reply(_: web.Request) -> web.StreamResponse:
        raw = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=raw, headers=named)

    return reply


async def hangs_up(request: web.Request) -> web.StreamResponse:
    """The question is read, then the connection is cut."""
    await request.read()
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def stays_silent(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    return web.Response()


@dataclass
class Platform:
    """`replies` are used up in order by everything that is neither a token nor a login."""

    logins: deque[Reply] = field(default_factory=deque)
    tokens: deque[Reply] = field(default_factory=deque)
    replies: deque[Reply] = field(default_factory=deque)
    asked: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    stale: str = ""
    """A token that the gateway takes for expired."""
    minted: int = 0
    logged_in: int = 0
    url: str = ""

    def paths(self) -> list[str]:
        """Without tokens and logins."""
        return [path for _, path in self.asked]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/oauth2/token"):
            self.minted += 1
            token = f'{{"access_token": "canary-token-{self.minted}", "expires_in": 3600}}'
            return await (self.tokens.popleft() if self.tokens else says(200, token))(request)
        if request.path.endswith("/session/login"):
            self.logged_in += 1
            session = f'{{"sessionToken": "canary-session-{self.logged_in}"}}'
            return await (self.logins.popleft() if self.logins else says(200, session))(request)
        self.asked.append((request.method, request.raw_path))
        self.bodies.append(await request.read())
        self.headers.append(dict(request.headers))
        if self.stale and self.stale in request.headers["Authorization"]:
            return await says(401, '{"fault":{"code":"900901"}}')(request)
        reply = self.replies.popleft() if self.replies else says(200, '{"requestId": "r-1"}')
        return await reply(request)

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[Self]:
        application = web.Application()
        application.router.add_route("*", "/{tail:.*}", self.answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0, handler_cancellation=True)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
            self.url = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}/api"
            yield self
        finally:
            await runner.cleanup()


@dataclass
class Clock:
    """Time that moves when a test says so, or when somebody waits."""

    seconds: float = 1000.0
    waited: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.seconds - 1000.0)

    async def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)


@dataclass
class Heard:
    """Notices, as the client gives them."""

    said: list[tuple[str, ...]] = field(default_factory=list)

    def asked(self, account: AccountName, call: str, outcome: str) -> None:
        self.said.append(("asked", account, call, outcome))

    def login_refused(self, account: AccountName, why: str) -> None:
        self.said.append(("login_refused", account, why))

    def latched(self, account: AccountName, why: str) -> None:
        self.said.append(("latched", account, why))

    def latch_cleared(self, account: AccountName) -> None:
        self.said.append(("latch_cleared", account))

    def breaker_moved(self, account: AccountName, why: str | None) -> None:
        self.said.append(("open" if why else "closed", account))

    def words(self) -> list[str]:
        return [word for word, *_ in self.said if word != "asked"]


@dataclass
class Scene:
    platform: Platform
    space: ThingSpace
    clock: Clock
    heard: Heard
    log: io.StringIO


@asynccontextmanager
async def scene(
    *accounts: ThingSpaceAccount,
    limits: Limits | None = None,
    base_url: str | None = None,
    replies: Sequence[Reply] = (),
) -> AsyncIterator[Scene]:
    """A platform and a client of it, whose time stands still."""
    clock, heard, log = Clock(), Heard(), io.StringIO()
    named = {one.name: one for one in accounts or (account(),)}
    async with Platform(replies=deque(replies)).serving() as platform:
        space = ThingSpace(
            named,
            base_url or platform.url,
            heard,
            Veil(Log("test", stream=log).conceal),
            limits=limits or Limits(timeout_s=5),
            clock=clock,
            now=clock.now,
            sleep=clock.sleep,
        )
        async with space:
            yield Scene(platform, space, clock, heard, log)
