"""A listener that remembers what it was sent and answers as told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    version: tuple[int, int]
    headers: dict[str, str]
    body: bytes
    peer: str


@dataclass
class Sink:
    """`answer` gives the status of the n-th request, from 1."""

    answer: Callable[[int], int] = lambda _number: 200
    seen: list[Seen] = field(default_factory=list)
    url: str = ""

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        version = (request.version.major, request.version.minor)
        self.seen.append(Seen(request.method, request.path, version, headers, body, request.remote or ""))
        return web.Response(status=self.answer(len(self.seen)))


@asynccontextmanager
async def listening(sink: Sink) -> AsyncIterator[Sink]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", sink.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    sink.url = f"http://{host}:{port}"
    try:
        yield sink
    finally:
        await runner.cleanup()
