"""A way between two parts of the product, as a TCP proxy that can be told to misbehave.

*Delayed*: every piece of data arrives so much later. *Held*: nothing passes either way and nothing is closed,
as when a cable is pulled; what was written meanwhile passes when the way heals. *Refusing*: nobody listens.
*Cut*: the connections there are get a reset. *Half-closed*: one direction of these ends, the other goes on. A
*trap* waits for some bytes on their way there, and cuts their connection before or after they have passed.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal

Direction = Literal["there", "back"]
PIECE_BYTES = 65_536
RESET_AT_ONCE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Trap:
    """`passes`: the bytes still reach the other side; only the answer does not come back."""

    pattern: bytes
    passes: bool


class Passage:
    """From a port of ours to `leads_to`; nothing of it lives before `open`."""

    def __init__(self, leads_to: tuple[str, int], *, port: int = 0, host: str = "127.0.0.1") -> None:
        """`port` 0: a free one, which then stays. Changing `leads_to` concerns new connections."""
        self.leads_to = leads_to
        self.delay_s = 0.0
        self.trapped = 0
        """How many connections the traps have cut so far."""
        self.carried = 0
        """How many connections have been led through so far."""
        self._host = host
        self._port = port
        self._trap: Trap | None = None
        self._server: asyncio.Server | None = None
        self._free = asyncio.Event()
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        return f"{self._host}:{self._port}"

    @property
    def connections(self) -> int:
        return len(self._connections)

    async def open(self) -> None:
        self._free.set()
        await self._listen()

    async def close(self) -> None:
        self._stop_listening()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # What a schedule does

    async def heal(self) -> None:
        """Everything passes again, also what was held; what was cut stays cut."""
        self.delay_s = 0.0
        self._trap = None
        self._free.set()
        await self._listen()

    def hold(self) -> None:
        self._free.clear()

    def refuse(self) -> None:
        self._stop_listening()
        self.cut()

    def cut(self) -> None:
        for connection in list(self._connections):
            connection.reset()

    def half_close(self, direction: Direction) -> None:
        for connection in list(self._connections):
            connection.end(direction)

    def set_trap(self, trap: Trap) -> None:
        """For one connection; the next one that carries the bytes."""
        self._trap = trap

    # How it works

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, self._host, self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._lead(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._free.wait()
            far_reader, far_writer = await asyncio.open_connection(*self.leads_to)
        except OSError:
            _reset(writer)
            return
        connection = _Connection(writer, far_writer)
        self._connections.add(connection)
        self.carried += 1
        try:
            await asyncio.gather(
                self._carry(reader, far_writer, connection, "there"),
                self._carry(far_reader, writer, connection, "back"),
            )
        finally:
            connection.reset()
            self._connections.discard(connection)

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        connection: "_Connection",
        direction: Direction,
    ) -> None:
        """Until this direction ends, or the whole connection breaks."""
        with suppress(OSError):
            while data := await reader.read(PIECE_BYTES):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                await self._free.wait()
                if direction in connection.ended:
                    continue
                trap = self._sprung(data) if direction == "there" else None
                if trap is None or trap.passes:
                    writer.write(data)
                    await writer.drain()
                if trap is not None:
                    connection.reset(gently_there=trap.passes)
            connection.end(direction)
            return
        connection.reset()

    def _sprung(self, data: bytes) -> Trap | None:
        trap = self._trap
        if trap is None or trap.pattern not in data:
            return None
        self._trap = None
        self.trapped += 1
        return trap


class _Connection:
    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self._near = near
        self._far = far
        self.ended: set[Direction] = set()

    def end(self, direction: Direction) -> None:
        """Says good-bye in one direction; what still comes from there is dropped."""
        self.ended.add(direction)
        writer = self._far if direction == "there" else self._near
        with suppress(OSError, RuntimeError):
            if not writer.is_closing():
                writer.write_eof()

    def reset(self, *, gently_there: bool = False) -> None:
        """`gently_there`: the far side still gets all that was written, then an end."""
        _reset(self._near)
        if gently_there:
            self._far.close()
        else:
            _reset(self._far)


def _reset(writer: asyncio.StreamWriter) -> None:
    connected = writer.get_extra_info("socket")
    if connected is not None:
        with suppress(OSError):
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_ONCE)
    writer.transport.abort()


@asynccontextmanager
async def passages(entrances: Sequence[int], exits: Sequence[int]) -> AsyncIterator[tuple[Passage, ...]]:
    """One for each pair of ports on loopback, open for the length of the block."""
    made = tuple(
        Passage(("127.0.0.1", leads_to), port=entrance)
        for entrance, leads_to in zip(entrances, exits, strict=True)
    )
    try:
        for passage in made:
            await passage.open()
        yield made
    finally:
        for passage in made:
            await passage.close()
