"""`/livez`, `/readyz` and `/metrics`, on an address of their own.

Alive means that the loop turns. Ready means that a callback could be stored now; that Kafka is away does not
matter while something else stores.
"""

import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from receiver.metrics import Metrics

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@asynccontextmanager
async def ops_server(
    listeners: Sequence[socket.socket], *, metrics: Metrics, can_store: Callable[[], bool]
) -> AsyncIterator[None]:
    """Serves within the block, and closes the sockets after it."""
    runner = web.AppRunner(_application(metrics, can_store), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        for listener in listeners:
            await web.SockSite(runner, listener).start()
        yield
    finally:
        await runner.cleanup()


def _application(metrics: Metrics, can_store: Callable[[], bool]) -> web.Application:
    async def livez(_: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def readyz(_: web.Request) -> web.Response:
        if can_store():
            return web.Response(text="ready\n")
        return web.Response(status=503, text="not ready: nothing could be stored now\n")

    async def exposition(_: web.Request) -> web.Response:
        return web.Response(body=metrics.text(), headers={"Content-Type": METRICS_TYPE})

    application = web.Application()
    application.add_routes(
        [web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", exposition)]
    )
    return application
