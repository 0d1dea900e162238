"""Who knows the heads must answer as who asks the parser each time."""

import asyncio

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.answers import MALFORMED, STORED, Answer, Renderer
from receiver.connection import Connection, Request
from receiver.heads import HEAD_BYTES_MAX, HEADS_MAX, Heads, Whole

BYTES_MAX = 1000
TURNS = 12
"""Of the loop, after which nothing more can come of what was sent."""


class Forgetful(Heads):
    def whole(self, data: bytes) -> Whole | None:
        return None


class Witness:
    """An endpoint that reads all it is sent, and remembers it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, list[tuple[bytes, bytes]], bytes | Answer]] = []

    async def answer(self, request: Request) -> Answer:
        body = request.at_hand(bytes_max=BYTES_MAX)
        if body is None:
            body = await request.read(bytes_max=BYTES_MAX, timeout_s=60)
        head = request.head
        self.seen.append((head.method, head.path, list(head.raw_headers), body))
        return STORED if isinstance(body, bytes) else body

    def malformed(self, host: str) -> Answer:
        return MALFORMED

    def stalled(self) -> None:
        raise AssertionError("nothing here takes as long")


class Wire(asyncio.Transport):
    """What the other end sees."""

    def __init__(self) -> None:
        super().__init__()
        self.said = b""
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.said += bytes(data)

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


class Frozen(Renderer):
    """At one moment, so that two may be compared."""

    def render(self, answer: Answer, connection: str, now_s: int) -> bytes:
        return super().render(answer, connection, 1_800_000_000)


async def _nobody(_request: web.BaseRequest) -> web.StreamResponse:
    raise AssertionError("connections answer by themselves")


async def told(heads: Heads, chunks: list[bytes]) -> tuple[object, ...]:
    """What comes of the chunks, one after the other."""
    loop = asyncio.get_running_loop()
    witness, wire = Witness(), Wire()
    connection = Connection(
        web.Server(_nobody),
        loop=loop,
        endpoint=witness,
        renderer=Frozen(),
        heads=heads,
        host="10.0.0.1",
        head_timeout_s=60,
        on_end=lambda: None,
    )
    connection.connection_made(wire)
    for chunk in chunks:
        if not wire.is_closed:
            connection.data_received(chunk)
        for _ in range(TURNS):
            await asyncio.sleep(0)
    connection.connection_lost(None)
    for _ in range(TURNS):
        await asyncio.sleep(0)
    return witness.seen, wire.said, wire.is_closed


def post(body: bytes = b"{}", *headers: bytes, version: bytes = b"1.1", length: bytes | None = None) -> bytes:
    declared = b"Content-Length: " + (str(len(body)).encode() if length is None else length)
    lines = (b"POST /v1/callbacks/a/b HTTP/" + version, b"Host: x", *headers, declared)
    return b"\r\n".join((*lines, b"", body))


CHUNKED = post().replace(
    b"Content-Length: 2\r\n\r\n{}", b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
)
PLAIN = (
    post(),
    post(b"[]"),
    post(b"a longer body"),
    post(b""),
    post(b"x" * (BYTES_MAX + 1)),
    post(b"\r\n\r\n"),
    post(b"{}", b"X-Other: 1"),
    post(post()),
    b"\r\n" + post(),
    post().replace(b"POST", b"GET"),
)
ODD = (
    CHUNKED,
    post(b"{}", b"Transfer-Encoding: chunked"),
    post(b"{}", b"Connection: close"),
    post(b"{}", b"Connection: keep-alive", version=b"1.0"),
    post(b"{}", b"Expect: 100-continue"),
    post(b"{}", b"Content-Length: 2"),
    post(b"{}", length=b"02"),
    post(b"{}", length=b"+2"),
    post(b"{}", b"X: a\r\n b"),
    post(b"{}", b"Upgrade: websocket", b"Connection: Upgrade"),
    post(b"{}xx", length=b"2"),
    post(b"{", length=b"2"),
    post().replace(b"Host: x\r\n", b"Host: x\n"),
    post().replace(b"\r\n\r\n", b"\n\n"),
    post()[:-1],
    post() + b"\r\n",
    post() * 2,
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    post().replace(b"/v1/", b"http://[]@/"),
    b"\x00" * 8,
)
requests = st.lists(st.sampled_from(PLAIN * 3 + ODD), min_size=1, max_size=8)


@settings(max_examples=300, deadline=None)
@given(warm=requests, sent=requests, cuts=st.lists(st.integers(0, 1200), max_size=3))
def test_nobody_can_tell_whether_a_head_is_known(
    warm: list[bytes], sent: list[bytes], cuts: list[int]
) -> None:
    chunks = _cut(sent, cuts)

    async def both() -> None:
        heads = Heads()
        for raw in warm:
            await told(heads, [raw])
        assert await told(heads, chunks) == await told(Forgetful(), chunks)

    asyncio.run(both())


def _cut(sent: list[bytes], cuts: list[int]) -> list[bytes]:
    """As the requests are, but for some that come in two pieces, or with the next one."""
    chunks = list(sent)
    for cut in cuts:
        number = cut % len(chunks)
        if cut % 2 and number + 1 < len(chunks):
            chunks[number : number + 2] = [chunks[number] + chunks[number + 1]]
        elif 0 < cut < len(chunks[number]):
            chunks[number : number + 1] = [chunks[number][:cut], chunks[number][cut:]]
    return chunks


async def test_a_head_is_asked_for_once() -> None:
    heads = Heads()
    assert heads.whole(post()) is None
    await told(heads, [post()])
    known = heads.whole(post(b"[]"))
    assert known is not None
    assert known.body == b"[]"
    assert known.head.path == "/v1/callbacks/a/b"


@pytest.mark.parametrize("raw", [*ODD, post() + b"x", post(b"{}", b"X: " + b"a" * HEAD_BYTES_MAX)])
async def test_what_is_not_plain_is_left_to_the_parser(raw: bytes) -> None:
    heads = Heads()
    await told(heads, [raw])
    assert heads.whole(raw) is None


@pytest.mark.parametrize("extra", [b"x", post(), b"\r\n"])
async def test_a_known_head_with_anything_behind_its_body_is_none(extra: bytes) -> None:
    heads = Heads()
    await told(heads, [post()])
    assert heads.whole(post() + extra) is None
    assert heads.whole(post()[:-1]) is None


async def test_a_parser_in_the_middle_of_something_goes_on() -> None:
    heads = Heads()
    await told(heads, [post()])
    half = post(b"x" * 60 + post())
    seen, _, _ = await told(heads, [half[: -len(post())], post(), post()])
    assert [body for *_, body in seen] == [b"x" * 60 + post(), b"{}"]  # type: ignore[attr-defined]


async def test_strangers_do_not_fill_the_memory() -> None:
    heads = Heads()
    for number in range(HEADS_MAX + 1):
        await told(heads, [post(b"{}", b"X: %d" % number)])
    assert heads.whole(post(b"{}", b"X: 0")) is None
    assert heads.whole(post(b"{}", b"X: %d" % HEADS_MAX)) is not None
