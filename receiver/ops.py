"""`/livez`, `/readyz` and `/metrics`, on an address of their own.

Alive means that the loop turns. Ready means that a callback could be stored now; that Kafka is away does not
matter while something else stores.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from receiver.metrics import Metrics
from schemas.setting_types import Address

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@asynccontextmanager
async def ops_server(
    address: Address, *, metrics: Metrics, can_store: Callable[[], bool]
) -> AsyncIterator[Address]:
    """Serves within the block; gives the address, with a port where 0 was asked. Raises OSError."""
    runner = web.AppRunner(_application(metrics, can_store), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, address.host, address.port).start()
        host, port, *_ = runner.addresses[0]
        yield Address(host, port)
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
