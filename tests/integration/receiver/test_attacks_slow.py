"""Those who take their time, and those who only come to sit: nobody else waits for them."""

import asyncio
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.integration.receiver.attack import STRANGER, Attack, Streams, attack, rest, statuses
from tests.integration.receiver.served import Served
from tests.support.polling import eventually
from tests.unit.receiver.endpoint import PATH, callback, request

HEAD = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n".encode()
QUICK = {"RECEIVER_HEADER_TIMEOUT_S": "1", "RECEIVER_BODY_TIMEOUT_S": "1"}
CROWD = 1500
PER_STRANGER = 64
EVERY_S = 0.05


async def drip(streams: Streams, raw: bytes) -> bytes:
    """A byte at a time, for as long as the other side bears it; what it says in the end."""
    reader, writer = streams
    answer = asyncio.ensure_future(rest(reader))
    for byte in raw:
        writer.write(bytes([byte]))
        await asyncio.wait({answer}, timeout=EVERY_S)
        if answer.done():
            break
    return await answer


async def test_slow_heads_are_cut_off_and_slow_bodies_told_so(served: Served) -> None:
    async with attack(await served.start(QUICK)) as attacker:
        heads = [drip(each, HEAD + b"X: a\r\n" * 100) for each in await attacker.connect_often(50)]
        slow_body = HEAD + b"Content-Length: 5000\r\n\r\n"
        bodies = []
        for streams in await attacker.connect_often(50):
            streams[1].write(slow_body)
            bodies.append(drip(streams, b"a" * 5000))
        began = time.monotonic()
        ended = asyncio.gather(*heads, *bodies)
        assert await attacker.post(callback()) == 200
        answers = await ended
        assert [statuses(answer) for answer in answers] == [[]] * 50 + [[408]] * 50
        assert time.monotonic() - began < 20
        assert await attacker.count("receiver_heads_stalled_total") == 50


async def test_chunks_without_end_are_told_when_they_are_too_many_or_too_slow(served: Served) -> None:
    async with attack(await served.start(QUICK)) as attacker:
        head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
        assert statuses(await attacker.say(head + b"1000\r\n" + b"a" * 4096 + b"\r\n")) == [408]
        assert statuses(await attacker.say(head + (b"1000\r\n" + b"a" * 4096 + b"\r\n") * 17)) == [413]
        assert statuses(await attacker.say(head + b"1\r\na\r\n" * 65_537)) == [413]
        assert statuses(await attacker.say(head + b"1;" + b"x" * 200_000)) == [408]
        endless = [pour(attacker, head) for _ in range(20)]
        assert [statuses(answer) for answer in await asyncio.gather(*endless)] == [[413]] * 20


async def pour(attacker: Attack, head: bytes) -> bytes:
    """Chunks for as long as anybody takes them, whatever is answered."""
    reader, writer = await attacker.connect()
    answer = asyncio.ensure_future(rest(reader))
    writer.write(head)
    while not answer.done() and not writer.transport.is_closing():
        writer.write(b"1000\r\n" + b"a" * 4096 + b"\r\n")
        await asyncio.wait({answer}, timeout=0.001)
    return await answer


async def test_a_body_that_is_promised_and_never_read_is_not_waited_for(served: Served) -> None:
    async with attack(await served.start(QUICK)) as attacker:
        for length in (65_537, 10**9, 2**62):
            promised = HEAD + b"Content-Length: %d\r\n\r\n" % length
            assert statuses(await attacker.say(promised + b"a" * 1000)) == [413]


async def test_strangers_fill_their_share_and_a_listed_peer_still_gets_in(served: Served) -> None:
    """Sixty-four for one address; half of all for all of them together."""
    at = await served.start({"RECEIVER_CONNECTIONS_MAX": "400"})
    async with attack(at) as attacker:
        for host in range(2, 10):
            await attacker.connect_often(PER_STRANGER + 6, f"127.0.0.{host}")
        assert statuses(await attacker.say(request(callback()), "127.0.0.99")) == []
        for _ in range(5):
            assert await attacker.post(callback()) == 200
        refused = await attacker.count("receiver_connections_refused_total")
        assert refused == 8 * (PER_STRANGER + 6) - 400 // 2 + 1


async def test_a_stranger_beyond_its_share_is_closed_at_once_and_served_again_when_it_left(
    served: Served,
) -> None:
    async with attack(await served.start()) as attacker:
        await attacker.connect_often(PER_STRANGER, STRANGER)
        assert statuses(await attacker.say(request(callback()), STRANGER)) == []
        assert statuses(await attacker.say(request(callback()), "127.0.0.3")) == [200]
        await attacker.leave()

        async def is_served() -> bool:
            return statuses(await attacker.say(request(callback()), STRANGER)) == [200]

        await eventually(is_served)


async def test_a_crowd_of_idle_listed_connections_leaves_the_rest_to_others(served: Served) -> None:
    """As many as there is room for; everybody who sits is served when it speaks."""
    at = await served.start({"RECEIVER_CONNECTIONS_MAX": str(CROWD + 50)})
    async with attack(at) as attacker:
        crowd = await attacker.connect_often(CROWD)
        assert await attacker.post(callback()) == 200
        for reader, writer in (crowd[0], crowd[CROWD // 2], crowd[-1]):
            writer.write(request(callback()))
            assert statuses(await rest(reader)) == [200]


@contextmanager
def limited_files(count: int) -> Iterator[None]:
    """What is started meanwhile begins with this limit; it may raise it."""
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))


async def test_who_only_sits_uses_up_no_file_that_a_listed_peer_or_kafka_needs(served: Served) -> None:
    """The system's first limit is below the connections that we promise room for."""
    with limited_files(256):
        at = await served.start({"RECEIVER_CONNECTIONS_MAX": "400"})
    async with attack(at) as attacker:
        for host in range(2, 6):
            await attacker.connect_often(PER_STRANGER, f"127.0.0.{host}")
        await attacker.connect_often(100)
        for _ in range(5):
            assert await attacker.post(callback()) == 200
    assert at.logged("connections_limited") == []
