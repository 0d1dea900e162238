"""A way to PostgreSQL that can be cut and opened again, on one address."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass(slots=True)
class Way:
    """Forwards connections; while cut, there are none and new ones are refused."""

    host: str
    port: int
    own_port: int = 0
    _server: asyncio.Server | None = None
    _pipes: set["asyncio.Task[None]"] = field(default_factory=set)

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", self.own_port)
        self.own_port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for pipe in self._pipes:
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)
        await self._server.wait_closed()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pipes.add(task)
        try:
            far_reader, far_writer = await asyncio.open_connection(self.host, self.port)
            try:
                await asyncio.gather(_pipe(reader, far_writer), _pipe(far_reader, writer))
            finally:
                await _closed(far_writer)
        finally:
            await _closed(writer)
            self._pipes.discard(task)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until either end is gone; then the other one is closed too."""
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


@asynccontextmanager
async def way_to(address: str) -> AsyncIterator[Way]:
    """`address` is host:port."""
    host, port = address.rsplit(":", 1)
    way = Way(host, int(port))
    await way.open()
    try:
        yield way
    finally:
        await way.cut()
