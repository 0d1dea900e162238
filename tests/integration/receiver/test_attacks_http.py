"""HTTP that two readers could understand differently: one answer, the end, and nothing of it is kept."""

from deploy.local.stack import Stack
from schemas.topics import Topics
from tests.integration.receiver.attack import attack, statuses
from tests.integration.receiver.served import Served
from tests.support.kafka import read_topic
from tests.unit.receiver.endpoint import FLEET, PATH, callback, request

HEAD = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n".encode()
HIDDEN = request(callback(requestId="smuggled"))
BODY = callback(requestId="smuggled")
HONEST = 2
"""Callbacks that each attack begins and ends with."""
LENGTH = str(len(BODY)).encode()


def chunked(*chunks: bytes) -> bytes:
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(chunks)


def sized(*lines: bytes, body: bytes = BODY) -> bytes:
    return HEAD + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


CHUNK = b"%x\r\n%s\r\n" % (len(BODY), BODY)
MALFORMED = {
    "length and chunks": sized(
        b"Content-Length: " + LENGTH, b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"
    ),
    "chunks and length": sized(b"Transfer-Encoding: chunked", b"Content-Length: 4", body=b"0\r\n\r\n"),
    "two lengths": sized(b"Content-Length: 0", b"Content-Length: " + LENGTH),
    "the same length twice": sized(b"Content-Length: " + LENGTH, b"Content-Length: " + LENGTH),
    "a list of lengths": sized(b"Content-Length: " + LENGTH + b", " + LENGTH),
    "a length with a sign": sized(b"Content-Length: +" + LENGTH),
    "a negative length": sized(b"Content-Length: -1"),
    "a length in hexadecimal": sized(b"Content-Length: 0x10"),
    "a length with a blank inside": sized(b"Content-Length: 1 0"),
    "a length beyond all numbers": sized(b"Content-Length: " + b"9" * 40),
    "a blank before the colon": sized(b"Content-Length : " + LENGTH),
    "chunks that are not last": sized(b"Transfer-Encoding: chunked, identity", body=CHUNK + b"0\r\n\r\n"),
    "chunks twice": sized(b"Transfer-Encoding: chunked, chunked", body=CHUNK + b"0\r\n\r\n"),
    "chunks in two lines": sized(
        b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=CHUNK + b"0\r\n\r\n"
    ),
    "almost chunks": sized(b"Transfer-Encoding: xchunked", body=CHUNK + b"0\r\n\r\n"),
    "chunks behind a tab": sized(
        b"Transfer-Encoding:\tchunked", b"Content-Length: 3", body=CHUNK + b"0\r\n\r\n"
    ),
    "chunks in HTTP/1.0": chunked(CHUNK, b"0\r\n\r\n").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a folded line": sized(b"X: a\r\n b", b"Content-Length: " + LENGTH),
    "a folded length": sized(b"Content-Length:\r\n " + LENGTH),
    "lines that end without CR": sized(b"Content-Length: " + LENGTH).replace(b"\r\n", b"\n"),
    "one line without CR": HEAD + b"X: a\nContent-Length: " + LENGTH + b"\r\n\r\n" + BODY,
    "CR without LF": HEAD + b"X: a\rContent-Length: " + LENGTH + b"\r\n\r\n" + BODY,
    "NUL in a header": sized(b"X: a\x00b", b"Content-Length: " + LENGTH),
    "NUL in a name": sized(b"X\x00: a", b"Content-Length: " + LENGTH),
    "a header without name": sized(b": a", b"Content-Length: " + LENGTH),
    "a chunk size in 0x": chunked(b"0x" + CHUNK, b"0\r\n\r\n"),
    "a chunk size with a sign": chunked(b"+" + CHUNK, b"0\r\n\r\n"),
    "a negative chunk": chunked(b"-1\r\n", CHUNK, b"0\r\n\r\n"),
    "a chunk beyond all numbers": chunked(b"F" * 20 + b"\r\n" + BODY),
    "a chunk longer than it says": chunked(b"5\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a chunk that ends without CR": chunked(b"5\nabcde\r\n0\r\n\r\n"),
    "an extension with LF": chunked(b"5;a\nb\r\nabcde\r\n0\r\n\r\n"),
    "an extension with CR": chunked(b"5;a\rb\r\nabcde\r\n0\r\n\r\n"),
    "trailers without end": chunked(b"5\r\nabcde\r\n0\r\n" + b"X: a\r\n" * 20_000),
    "two hosts": sized(b"Host: y", b"Content-Length: " + LENGTH),
    "no host": HEAD.replace(b"Host: x\r\n", b"") + b"Content-Length: " + LENGTH + b"\r\n\r\n" + BODY,
    "a blank in the target": request(BODY).replace(b"/v1/", b"/v 1/"),
    "a target of brackets": request(BODY).replace(b"/v1/", b"http://[]@/"),
    "another protocol": request(BODY).replace(b"HTTP/1.1", b"HTCPCP/1.0"),
    "another version": request(BODY).replace(b"HTTP/1.1", b"HTTP/2.0"),
    "HTTP/2 by heart": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00" * 9,
    "a version that was never written": request(BODY).replace(b"HTTP/1.1", b"HTTP/0.9"),
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 512,
}


async def test_what_could_be_read_in_two_ways_is_400_and_nothing_behind_it_is_read(
    served: Served, stack: Stack, topics: Topics
) -> None:
    async with attack(await served.start()) as attacker:
        for name, raw in MALFORMED.items():
            assert (name, statuses(await attacker.say(raw + HIDDEN))) == (name, [400])
        malformed = [
            await attacker.count(f'receiver_callbacks_total{{account="{account}",outcome="malformed"}}')
            for account in ("", FLEET)
        ]
        assert sum(malformed) == len(MALFORMED)
        await attacker.until_sent()
    records = await read_topic(stack.bootstrap, topics.events)
    assert len(records) == HONEST
    assert await read_topic(stack.bootstrap, topics.quarantine) == []


TARGETS = {
    "absolute, with a host that is not ours": ("http://169.254.169.254" + PATH, 200),
    "absolute, with a user": ("http://u:p@x:1" + PATH, 200),
    "absolute, to a path that is not ours": ("http://169.254.169.254/latest/meta-data", 404),
    "dots": ("/v1/callbacks/../callbacks/x/y", 404),
    "an encoded slash": (PATH.replace("/Device", "%2fDevice"), 404),
    "an encoded NUL": (PATH + "%00", 404),
    "an encoding that is none": (PATH + "%zz", 404),
    "bytes that are no UTF-8": (PATH + "%ff", 404),
    "a double slash": (PATH.replace("/v1", "//v1"), 404),
    "a slash behind": (PATH + "/", 200),
    "a query": (PATH + "?account=other", 200),
    "a fragment": (PATH + "#x", 200),
}


async def test_a_target_is_the_path_that_it_spells_and_nothing_is_fetched_for_it(served: Served) -> None:
    async with attack(await served.start()) as attacker:
        for name, (target, status) in TARGETS.items():
            assert (name, await attacker.post(callback(), target)) == (name, status)
        for raw in (
            b"CONNECT internal:22 HTTP/1.1\r\nHost: internal:22\r\n\r\n",
            b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        ):
            assert statuses(await attacker.say(raw)) == [404]
        for method in ("GET", "PUT", "DELETE", "TRACE", "HEAD"):
            answer = await attacker.say(request(b"", method=method))
            assert statuses(answer) == [405]
            assert b"\r\nAllow: POST\r\n" in answer


async def test_an_upgrade_is_not_taken_and_ends_the_connection(served: Served) -> None:
    async with attack(await served.start()) as attacker:
        upgrade = sized(b"Connection: Upgrade", b"Upgrade: h2c", b"Content-Length: " + LENGTH)
        assert statuses(await attacker.say(upgrade + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) == [200]


async def test_a_long_pipeline_is_answered_in_order_until_the_first_that_is_broken(served: Served) -> None:
    async with attack(await served.start()) as attacker:
        good = request(callback(requestId="pipelined"), close=False)
        lost = request(callback(), PATH + "x", close=False)
        answers = await attacker.say((good + lost) * 200 + MALFORMED["two lengths"] + HIDDEN)
        assert statuses(answers) == [200, 404] * 200 + [400]


async def test_a_pipeline_whose_answers_nobody_reads_does_not_pile_up(served: Served) -> None:
    async with attack(await served.start()) as attacker:
        lost = request(b"", "/nowhere", method="GET", close=False) * 1000
        for _, writer in await attacker.connect_often(20):
            for _ in range(40):
                writer.write(lost)
        assert await attacker.post(callback()) == 200
