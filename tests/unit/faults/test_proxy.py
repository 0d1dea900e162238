"""A way between two parts that can be told to misbehave."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from tests.faults.proxy import Passage, Trap
from tests.support.polling import eventually

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo:
    """Gives back what it gets, in capitals, and remembers it."""

    def __init__(self) -> None:
        self.heard = b""
        self.ended = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1000):
                self.heard += data
                writer.write(data.upper())
        except OSError:
            pass
        self.ended += 1
        writer.close()


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def way(echo: Echo) -> AsyncIterator[Passage]:
    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        passage = Passage(server.sockets[0].getsockname())
        await passage.open()
        yield passage
        await passage.close()
        await eventually(lambda: passage.connections == 0)


async def connect(way: Passage) -> Ends:
    host, port = way.address.split(":")
    return await asyncio.open_connection(host, int(port))


async def ask(ends: Ends, text: bytes) -> bytes:
    """The answer; empty when the connection ended instead."""
    reader, writer = ends
    writer.write(text)
    try:
        return await asyncio.wait_for(reader.read(1000), 5)
    except ConnectionResetError:
        return b""


async def answers_within(ends: Ends, seconds: float) -> bytes | None:
    try:
        return await asyncio.wait_for(ends[0].read(1000), seconds)
    except TimeoutError:
        return None


async def test_left_alone_it_passes_everything_and_the_end(way: Passage, echo: Echo) -> None:
    ends = await connect(way)
    assert await ask(ends, b"one") == b"ONE"
    ends[1].write_eof()
    assert await ends[0].read() == b""
    assert (echo.heard, echo.ended, way.carried) == (b"one", 1, 1)
    ends[1].close()


async def test_delayed_each_direction_takes_so_much_longer(way: Passage) -> None:
    ends = await connect(way)
    assert await ask(ends, b"before") == b"BEFORE"
    way.delay_s = 0.1
    began = time.monotonic()
    assert await ask(ends, b"later") == b"LATER"
    assert time.monotonic() - began >= 0.2
    ends[1].close()


async def test_held_nothing_passes_until_it_heals(way: Passage, echo: Echo) -> None:
    ends = await connect(way)
    way.hold()
    ends[1].write(b"held")
    assert await answers_within(ends, 0.2) is None
    late = await connect(way)
    assert echo.heard == b""
    await way.heal()
    assert await answers_within(ends, 5) == b"HELD"
    assert await ask(late, b"late") == b"LATE"
    ends[1].close()
    late[1].close()


async def test_cut_connections_get_a_reset_and_new_ones_pass(way: Passage, echo: Echo) -> None:
    ends = await connect(way)
    assert await ask(ends, b"one") == b"ONE"
    way.cut()
    with pytest.raises(ConnectionResetError):
        await ends[0].read()
    await eventually(lambda: echo.ended == 1)
    again = await connect(way)
    assert await ask(again, b"two") == b"TWO"
    ends[1].close()
    again[1].close()


async def test_refusing_nobody_listens_until_it_heals_on_the_same_port(way: Passage) -> None:
    address = way.address
    way.refuse()
    with pytest.raises(ConnectionRefusedError):
        await connect(way)
    await way.heal()
    assert way.address == address
    ends = await connect(way)
    assert await ask(ends, b"one") == b"ONE"
    ends[1].close()


async def test_half_closed_one_direction_goes_on(way: Passage, echo: Echo) -> None:
    ends = await connect(way)
    assert await ask(ends, b"one") == b"ONE"
    way.half_close("back")
    assert await ends[0].read() == b""
    ends[1].write(b"two")
    await eventually(lambda: echo.heard == b"onetwo")
    ends[1].close()


@pytest.mark.parametrize(("passes", "heard"), [(True, b"go on;commit;"), (False, b"go on;")])
async def test_a_trap_cuts_one_connection_before_or_after_the_bytes(
    way: Passage, echo: Echo, passes: bool, heard: bytes
) -> None:
    ends = await connect(way)
    way.set_trap(Trap(b"commit", passes))
    assert await ask(ends, b"go on;") == b"GO ON;"
    assert await ask(ends, b"commit;") == b""
    await eventually(lambda: echo.ended == 1)
    assert (echo.heard, way.trapped) == (heard, 1)
    again = await connect(way)
    assert await ask(again, b"commit;") == b"COMMIT;"
    ends[1].close()
    again[1].close()
