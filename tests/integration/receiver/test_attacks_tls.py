"""Those who come to the TLS door and do not get on with it: cut off in time, and in nobody's way."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from tests.integration.receiver.attack import STRANGER, Attack, Streams, attack, rest, statuses
from tests.integration.receiver.served import Running, Served
from tests.integration.receiver.test_attacks_slow import EVERY_S, HEAD, drip
from tests.integration.receiver.test_serve import certificate, trust
from tests.support.polling import eventually
from tests.unit.receiver.endpoint import callback, request

EACH = 40
STRANGERS = [f"127.0.0.{host}" for host in range(2, 12)]
PATIENT = "60"
"""Seconds for a head: longer than any of these tests."""


class Hands:
    """A TLS client by hand: it does what it is told, and answers nothing by itself."""

    def __init__(self, streams: Streams, trusting: ssl.SSLContext) -> None:
        self.reader, self.writer = streams
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = trusting.wrap_bio(self._incoming, self._outgoing, server_hostname="127.0.0.1")

    def hello(self) -> bytes:
        with pytest.raises(ssl.SSLWantReadError):
            self._tls.do_handshake()
        return self._outgoing.read()

    async def shake(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self.writer.write(self._outgoing.read())
                self._incoming.write(await self.reader.read(65536))
            else:
                self.writer.write(self._outgoing.read())
                return

    def say(self, raw: bytes) -> None:
        self._tls.write(raw)
        self.writer.write(self._outgoing.read())

    async def answer(self) -> bytes:
        """What comes first."""
        while True:
            try:
                return self._tls.read(65536)
            except ssl.SSLWantReadError:
                received = await self.reader.read(65536)
                if not received:
                    return b""
                self._incoming.write(received)


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    return certificate(tmp_path, "door")


async def started(served: Served, pair: Path, env: Mapping[str, str]) -> Running:
    tls = {"RECEIVER_TLS_CERT": f"{pair}.crt", "RECEIVER_TLS_KEY": f"{pair}.key"}
    return await served.start({**tls, **env})


async def sits(attacker: Attack, source: str, said: bytes) -> bytes:
    """Says this much of its handshake, and waits for the end."""
    reader, writer = await attacker.connect(source)
    writer.write(said)
    return await rest(reader)


async def test_who_does_not_end_its_handshake_is_cut_off_and_an_honest_peer_is_served(
    served: Served, pair: Path
) -> None:
    """Nothing, half a greeting, one byte by byte, a whole one and then nothing: many of each at once."""
    trusting = trust(pair)
    at = await started(served, pair, {"RECEIVER_HEADER_TIMEOUT_S": "1"})
    async with attack(at, trusting) as attacker:
        hello = Hands(await attacker.connect(), trusting).hello()
        ways: list[Callable[[str], Awaitable[bytes]]] = [
            lambda source: sits(attacker, source, b""),
            lambda source: sits(attacker, source, hello[: len(hello) // 2]),
            lambda source: dribbled(attacker, source, hello),
            lambda source: sits(attacker, source, hello),
        ]
        crowd = [way(source) for way, source in zip(ways * EACH, STRANGERS * EACH, strict=False)]
        ended = asyncio.gather(*crowd)
        for _ in range(5):
            assert await at.post(trusting=trusting) == 200
        answers = await ended
        assert all(not statuses(answer) for answer in answers)
        assert await attacker.count("receiver_handshakes_failed_total") == len(crowd) + 1
        await empty(attacker)


async def dribbled(attacker: Attack, source: str, hello: bytes) -> bytes:
    return await drip(await attacker.connect(source), hello)


async def empty(attacker: Attack) -> None:
    async def nobody() -> bool:
        return await attacker.count("receiver_connections") == 0

    await eventually(nobody)


async def test_who_is_slow_but_in_time_is_served(served: Served, pair: Path) -> None:
    trusting = trust(pair)
    at = await started(served, pair, {"RECEIVER_HEADER_TIMEOUT_S": PATIENT})
    async with attack(at, trusting) as attacker:
        hands = Hands(await attacker.connect(STRANGER), trusting)
        hello = hands.hello()
        cut_off = asyncio.ensure_future(hands.reader.read(1))
        for byte in hello[:20]:
            hands.writer.write(bytes([byte]))
            await asyncio.wait({cut_off}, timeout=EVERY_S)
        assert not cut_off.done()
        cut_off.cancel()
        await asyncio.wait({cut_off})
        hands.writer.write(hello[20:])
        await hands.shake()
        hands.say(request(callback()))
        assert statuses(await hands.answer()) == [200]


async def test_strangers_in_their_handshakes_fill_their_share_and_a_listed_peer_gets_in(
    served: Served, pair: Path
) -> None:
    trusting = trust(pair)
    env = {"RECEIVER_HEADER_TIMEOUT_S": PATIENT, "RECEIVER_CONNECTIONS_MAX": "200"}
    at = await started(served, pair, env)
    async with attack(at, trusting) as attacker:
        hello = Hands(await attacker.connect(), trusting).hello()
        for source in STRANGERS:
            for _, writer in await attacker.connect_often(20, source):
                writer.write(hello[:100])
        assert await rest((await attacker.connect("127.0.0.99"))[0]) == b""
        for _ in range(5):
            assert await at.post(trusting=trusting) == 200
        assert await attacker.count("receiver_connections_refused_total") == 10 * 20 - 200 // 2 + 1


async def test_who_shakes_hands_and_then_dawdles_or_never_says_goodbye_gives_its_place_back(
    served: Served, pair: Path
) -> None:
    trusting = trust(pair)
    at = await started(served, pair, {"RECEIVER_HEADER_TIMEOUT_S": "1"})
    async with attack(at, trusting) as attacker:
        for number in range(EACH):
            hands = Hands(await attacker.connect(STRANGERS[number % 10]), trusting)
            await hands.shake()
            hands.say(HEAD if number % 2 else request(callback()))
        await empty(attacker)
        assert await attacker.count("receiver_heads_stalled_total") == EACH // 2
