"""An attacker's hands: raw bytes over TCP, from any address of this machine, and what the victim weighs."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.integration.receiver.served import Running
from tests.support.polling import eventually
from tests.unit.receiver.endpoint import PATH, callback, request

ANSWER_WITHIN_S = 30.0
GROWTH_BYTES_MAX = 64 * 1024 * 1024
"""What a receiver may weigh more after an attack than before: far below what any of them sent or promised."""
STRANGER = "127.0.0.2"
"""RECEIVER_ALLOW of these tests lists 127.0.0.1 alone."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(slots=True)
class Attack:
    """Connections end with the attack."""

    at: Running
    weight_before: int
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connect(self, source: str = "127.0.0.1") -> Streams:
        host, _, port = self.at.url.partition("://")[2].rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port), local_addr=(source, 0))
        self.writers.append(writer)
        return reader, writer

    async def connect_often(self, count: int, source: str = "127.0.0.1") -> Sequence[Streams]:
        return [await self.connect(source) for _ in range(count)]

    async def say(self, raw: bytes, source: str = "127.0.0.1") -> bytes:
        """What comes back until the other side closes; nothing where it resets."""
        reader, writer = await self.connect(source)
        writer.write(raw)
        return await rest(reader)

    async def post(self, body: bytes, path: str = PATH, *, source: str = "127.0.0.1", **headers: str) -> int:
        (status,) = statuses(await self.say(request(body, path, headers=headers), source))
        return status

    async def count(self, sample: str) -> float:
        """A sample of the metrics, by its whole name with labels; 0 where there is none."""
        async with aiohttp.ClientSession() as session, session.get(self.at.ops_url + "/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == sample)

    async def until_sent(self) -> None:
        """Nothing waits on disk, and what comes goes to Kafka: who is ready need not be so far yet."""

        async def is_sent() -> bool:
            is_direct = await self.count("receiver_lane_direct") == 1
            return is_direct and await self.count("receiver_spool_records") == 0

        await eventually(is_sent)

    async def leave(self) -> None:
        for writer in self.writers:
            writer.transport.abort()
        for writer in self.writers:
            with suppress(OSError):
                await writer.wait_closed()
        self.writers.clear()


@asynccontextmanager
async def attack(at: Running, trusting: ssl.SSLContext | None = None) -> AsyncIterator[Attack]:
    """Afterwards an honest callback is taken, and the receiver weighs what it weighed.

    `trusting` is for a receiver that speaks TLS; the attacker's own connections speak what they like.
    """
    await at.until_ready()
    assert await at.post(trusting=trusting) == 200
    attacker = Attack(at, weight(at))
    try:
        yield attacker
        assert await at.post(callback(requestId="honest"), trusting=trusting) == 200
        assert weight(at) < attacker.weight_before + GROWTH_BYTES_MAX
        assert at.program.exit_code is None
        assert "Traceback" not in at.program.stderr()
    finally:
        await attacker.leave()


def weight(at: Running) -> int:
    """Resident memory, in bytes."""
    status = Path(f"/proc/{at.program.pid}/status").read_text(encoding="ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


async def rest(reader: asyncio.StreamReader) -> bytes:
    """All until the end; a reset is an end too."""
    received = bytearray()
    async with asyncio.timeout(ANSWER_WITHIN_S):
        with suppress(ConnectionResetError, BrokenPipeError):
            while data := await reader.read(65536):
                received += data
    return bytes(received)


def statuses(answers: bytes) -> list[int]:
    """Of each answer in what came back."""
    return [int(part[:3]) for part in answers.split(b"HTTP/1.1 ")[1:]]
