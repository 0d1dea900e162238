"""The page for machines: `/livez`, `/readyz` and `/metrics` on RECONCILER_OPS_LISTEN.

Alive means that the loop turns. Ready means that events are being applied; an orchestrator must not restart a
reconciler that is alive and waits for its database, because waiting is its way through an outage.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from reconciler.readable import ReadableError

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class OpsError(ReadableError):
    """The address cannot be used; the text says what to do."""


@asynccontextmanager
async def ops_server(
    host: str,
    port: int,
    *,
    waiting_for: Callable[[], str | None],
    exposition: Callable[[], bytes],
    remarks: Callable[[], Sequence[str]] = tuple,
    setting: str = "RECONCILER_OPS_LISTEN",
) -> AsyncIterator[tuple[str, int]]:
    """Serves for the length of the block; gives the address, whose port is a free one where 0 was asked.

    `waiting_for` says in a few words what keeps the process from its work, None when it is ready; `remarks`
    what people should know all the same; `setting` is where the address came from.
    """
    application = _application(waiting_for, exposition, remarks)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await _listen(runner, host, port, setting)
        yield runner.addresses[0][0], runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int, setting: str) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise OpsError(
            f"{setting}: {host}:{port} cannot be listened on ({error.strerror}). Nothing was "
            "read or written. Stop what uses the address, or choose another."
        ) from error


def _application(
    waiting_for: Callable[[], str | None],
    exposition: Callable[[], bytes],
    remarks: Callable[[], Sequence[str]],
) -> web.Application:
    async def livez(_: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def readyz(_: web.Request) -> web.Response:
        reason = waiting_for()
        if reason is None:
            return web.Response(text="".join(f"{line}\n" for line in ("ready", *remarks())))
        return web.Response(status=503, text=f"not ready: {reason}\n")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=exposition(), headers={"Content-Type": METRICS_TYPE})

    application = web.Application()
    application.add_routes(
        [web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", metrics)]
    )
    return application
