"""HTTP as it is spoken, misspoken and abused."""

import asyncio
import socket
import time
from collections.abc import Callable

import pytest
import uvloop

from receiver.door import Places
from tests.support.polling import eventually
from tests.unit.receiver.endpoint import FLEET, PATH, callback, house, policy, request, status

HEAD = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n".encode()


async def one_answer(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(10):
        return await reader.readuntil(b"\r\n\r\n")


async def ends(reader: asyncio.StreamReader) -> bytes:
    """What comes until the other side closes."""
    async with asyncio.timeout(10):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


async def test_a_connection_is_kept_for_the_next_request() -> None:
    async with house() as at:
        reader, writer = await at.connect()
        for number in range(3):
            writer.write(request(callback(requestId=str(number)), close=False))
            assert b"Connection" not in await one_answer(reader)
        writer.write(request(callback()))
        assert b"\r\nConnection: close\r\n" in await ends(reader)
        assert len(at.broker.records) == 4


async def test_http_1_0_is_answered_and_kept_only_where_asked() -> None:
    async with house() as at:
        old = request(callback(), close=False).replace(b"HTTP/1.1", b"HTTP/1.0")
        assert b"Connection: close" in await at.say(old)
        reader, writer = await at.connect()
        writer.write(old.replace(b"Host: receiver", b"Connection: keep-alive"))
        assert b"Connection: keep-alive" in await one_answer(reader)


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with house() as at:
        answers = await at.say(
            request(callback(requestId="1"), close=False)
            + request(b"", close=False)
            + request(callback(requestId="2"), PATH + "x", close=False) * 40
            + request(callback(requestId="3"))
        )
        assert [status(b"HTTP/1.1 " + part) for part in answers.split(b"HTTP/1.1 ")[1:]] == [
            200,
            400,
            *[404] * 40,
            200,
        ]
        assert len(at.broker.records) == 2


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"POST\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        HEAD + b"Content-Length: +5\r\n\r\nabcde",
        HEAD + b"X: a\r\n b\r\nContent-Length: 1\r\n\r\n1",
        HEAD + b"X: " + b"a" * 9000 + b"\r\n\r\n",
        HEAD + b"X: a\r\n" * 200 + b"\r\n",
        HEAD + b"Bad Name: a\r\n\r\n",
        HEAD.replace(PATH.encode(), b"http://[]@") + b"Content-Length: 1\r\n\r\n1",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nab",
    ],
)
async def test_what_is_not_http_is_400_counted_and_ends_the_connection(raw: bytes) -> None:
    async with house() as at:
        assert status(await at.say(raw)) == 400
        counts = [
            at.count("receiver_callbacks_total", account=account, outcome="malformed")
            for account in ("", FLEET)
        ]
        assert sum(counts) == 1
        assert at.broker.records == []


async def test_a_body_that_does_not_come_is_408_in_its_time() -> None:
    async with house() as at:
        began = time.monotonic()
        assert status(await at.say(HEAD + b"Content-Length: 500\r\n\r\nhalf")) == 408
        assert 0.15 < time.monotonic() - began < 5
        assert at.count("receiver_callbacks_total", account=FLEET, outcome="too_slow") == 1


async def test_a_body_in_pieces_is_one_body() -> None:
    async with house() as at:
        reader, writer = await at.connect()
        raw = request(callback())
        for start in range(0, len(raw), 100):
            writer.write(raw[start : start + 100])
            await writer.drain()
            await asyncio.sleep(0)
        assert status(await ends(reader)) == 200


async def test_a_sender_that_leaves_in_the_middle_is_no_trouble() -> None:
    async with house() as at:
        _, writer = await at.connect()
        writer.write(HEAD + b"Content-Length: 500\r\n\r\nhalf")
        await writer.drain()
        writer.close()
        assert status(await at.post(callback())) == 200
        assert at.count("receiver_callbacks_total", account=FLEET, outcome="gone") == 1


async def test_who_asks_before_sending_is_told_to_go_on() -> None:
    async with house() as at:
        reader, writer = await at.connect()
        body = callback()
        writer.write(HEAD + f"Expect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        assert await one_answer(reader) == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert status(await one_answer(reader)) == 200
        writer.write(HEAD + b"Expect: 100-continue\r\nContent-Length: 9999999\r\n\r\n")
        assert status(await one_answer(reader)) == 413


async def test_a_head_that_does_not_end_is_cut_off() -> None:
    async with house(head_timeout_s=0.1) as at:
        reader, writer = await at.connect()
        writer.write(b"POST / HT")
        assert await ends(reader) == b""
        assert at.count("receiver_heads_stalled_total") == 1


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_head_that_begins_with_its_connection_is_cut_off_too(
    factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """Under uvloop its bytes are read before anybody waits for them."""

    async def cut_off() -> None:
        async with house(head_timeout_s=0.1) as at:
            with socket.create_connection(("127.0.0.1", at.port)) as peer:
                peer.sendall(b"POST / HT")
                await eventually(lambda: at.count("receiver_heads_stalled_total") == 1)

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(cut_off())


async def test_a_second_head_on_a_kept_connection_is_cut_off_too() -> None:
    async with house(head_timeout_s=0.1) as at:
        reader, writer = await at.connect()
        writer.write(request(callback(), close=False))
        await one_answer(reader)
        writer.write(b"POST / HT")
        assert await ends(reader) == b""


async def test_a_connection_is_closed_when_it_was_silent_for_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From its beginning, and after an answer, be it to a head that was known or with half a head behind."""
    monkeypatch.setattr("receiver.connection.IDLE_S", 1.0)
    async with house() as at:
        silent, _ = await at.connect()
        idle = [silent]
        for behind in (b"", b"", b"POST / HT"):
            reader, writer = await at.connect()
            writer.write(request(callback(), close=False) + behind)
            assert status(await one_answer(reader)) == 200
            idle.append(reader)
        assert at.places.taken == 4
        assert [await ends(reader) for reader in idle] == [b""] * 4
        await eventually(lambda: at.places.taken == 0)


async def test_a_silent_connection_is_kept_longer_than_a_head_may_take() -> None:
    async with house(head_timeout_s=0.05) as at:
        reader, writer = await at.connect()
        other, _ = await at.connect()
        silent = asyncio.ensure_future(other.read(1))
        await asyncio.wait((silent,), timeout=0.2)
        assert not silent.done()
        writer.write(request(callback()))
        assert status(await ends(reader)) == 200
        silent.cancel()


async def test_a_strangers_connections_are_limited_at_accept() -> None:
    places = Places(connections_max=100, per_stranger_max=2)
    async with house(rules=policy(allowed="verizon"), places=places) as at:
        held = [await at.connect() for _ in range(2)]
        third, _ = await at.connect()
        assert await ends(third) == b""
        assert at.count("receiver_connections_refused_total") == 1
        for reader, writer in held:
            writer.write(request(callback()))
            assert status(await ends(reader)) == 200
        assert status(await at.post(callback())) == 200
        assert len(at.logged("full")) == 1


async def test_listed_peers_are_limited_by_the_whole_alone() -> None:
    async with house(places=Places(connections_max=3, per_stranger_max=1)) as at:
        held = [await at.connect() for _ in range(3)]
        fourth, _ = await at.connect()
        assert await ends(fourth) == b""
        assert len(held) == 3


async def test_closing_answers_what_is_on_its_way_and_says_goodbye() -> None:
    async with house() as at:
        at.broker.holding = True
        reader, writer = await at.connect()
        writer.write(request(callback(), close=False))
        idle, late_writer = await at.connect()
        quiet, _ = await at.connect()
        await eventually(lambda: at.broker.held)
        closing = asyncio.ensure_future(at.door.close(idle_s=0.5, busy_s=5.0))
        await asyncio.sleep(0)
        late_writer.write(request(callback(requestId="late"), close=False))
        await eventually(lambda: len(at.broker.held) == 1 and at.lane._fresh == [])
        at.broker.release()
        for each in (reader, idle):
            answer = await ends(each)
            assert b"\r\nConnection: close\r\n" in answer
        assert await ends(quiet) == b""
        await closing
        with pytest.raises(ConnectionRefusedError):
            await at.connect()


async def test_an_error_that_nobody_foresaw_is_503_and_does_not_stop_the_others() -> None:
    async with house() as at:
        loop = asyncio.get_running_loop()
        seen: list[object] = []
        loop.set_exception_handler(lambda _loop, context: seen.append(context))
        object.__setattr__(at.lane, "submit", None)
        assert status(await at.post(callback())) == 503
        del at.lane.submit
        assert status(await at.post(callback())) == 200


@pytest.mark.parametrize("line", [b"HTTP/2.0", b"HTTP/0.9"])
async def test_only_versions_that_we_speak_are_answered_as_callbacks(line: bytes) -> None:
    async with house() as at:
        assert status(await at.say(request(callback()).replace(b"HTTP/1.1", line))) == 400
        assert at.broker.records == []


async def test_chunks_are_no_part_of_http_1_0() -> None:
    """Whoever forwards it may have seen another end of the body."""
    async with house() as at:
        raw = (
            HEAD.replace(b"1.1", b"1.0")
            + b"Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        )
        assert status(await at.say(raw)) == 400


async def test_a_pipeline_takes_turns_with_the_others() -> None:
    """A thousand requests in one piece are not all served before somebody else's one."""
    async with house() as at:

        def answered() -> float:
            return at.count("receiver_callbacks_total", account="", outcome="unknown_path")

        _, writer = await at.connect()
        writer.write(request(b"", PATH + "x", close=False) * 1000)
        assert status(await at.post(callback())) == 200
        assert answered() < 1000
        await eventually(lambda: answered() == 1000)
