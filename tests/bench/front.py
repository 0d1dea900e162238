"""What a user would write without us, in thirty lines: the yardstick of the receiver bench.

`python -m tests.bench.front bare PORT` answers at once;
`python -m tests.bench.front kafka PORT BOOTSTRAP TOPIC` when Kafka has acknowledged the raw body.
"""

import sys

import uvloop
from aiohttp import web
from aiokafka import AIOKafkaProducer


async def answer(request: web.Request) -> web.Response:
    await request.read()
    return web.Response()


def bare() -> web.Application:
    app = web.Application()
    app.router.add_post("/v1/callbacks/{account}/{service}", answer)
    return app


def kafka(bootstrap: str, topic: str) -> web.Application:
    app = web.Application()

    async def forward(request: web.Request) -> web.Response:
        await producer.send_and_wait(topic, await request.read())
        return web.Response()

    async def start(_app: web.Application) -> None:
        global producer  # noqa: PLW0603  a user's thirty lines would do just this
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
        await producer.start()

    async def stop(_app: web.Application) -> None:
        await producer.stop()

    app.on_startup.append(start)
    app.on_cleanup.append(stop)
    app.router.add_post("/v1/callbacks/{account}/{service}", forward)
    return app


producer: AIOKafkaProducer

if __name__ == "__main__":
    kind, port, *rest = sys.argv[1:]
    uvloop.install()
    application = bare() if kind == "bare" else kafka(*rest)
    web.run_app(application, host="127.0.0.1", port=int(port), access_log=None, print=None)
