"""One HTTP/1.1 connection: requests in order, each answered with a few bytes.

aiohttp parses (its C parser is what keeps smugglers out; a head it has seen it is not shown again,
see `receiver.heads`) and holds the queue of pipelined requests. What it would do per request after that, a
task, a request and a response object, costs more than all of our own work, so `start` is ours. Beyond
aiohttp's own limits: the head of a request has its own time, an answer that nobody reads ends the connection,
and a connection that is told to finish ends after its next answer.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from aiohttp import StreamReader, hdrs, web
from aiohttp.http import HttpVersion10, HttpVersion11, RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler, RequestPayloadError, _ErrInfo

from receiver.answers import CONTINUE, NOT_STORED, TOO_LARGE, Answer, Renderer
from receiver.body import read_body, whole_body
from receiver.heads import Heads, Whole

IDLE_S = 75.0
LINGER_S = 1.0
"""How long an unread body is thrown away before the connection ends: a reset would lose the answer."""
UNREAD_ANSWER_S = 5.0


class Endpoint(Protocol):
    """What the requests are for."""

    async def answer(self, request: "Request") -> Answer: ...

    def malformed(self, host: str) -> Answer:
        """Something came that is not HTTP, or an abuse of it."""

    def stalled(self) -> None:
        """The head of a request did not come in time; there is nobody to answer."""


class Request:
    """The head of a request, and its body when asked for. `host` is the transport's other end."""

    __slots__ = ("_body", "_connection", "head", "host", "is_read", "payload")

    def __init__(
        self,
        connection: "Connection",
        head: RawRequestMessage,
        payload: StreamReader,
        body: bytes | None = None,
    ) -> None:
        """`body` is all of it, where it did not go through `payload`."""
        self.head = head
        self.host = connection.host
        self._connection = connection
        self.payload = payload
        self.is_read = False
        self._body = body

    def absolute_path(self) -> str:
        """The raw path, whatever form the target has; the authority in it is the sender's invention."""
        return self.head.url.raw_path

    def at_hand(self, *, bytes_max: int) -> bytes | Answer | None:
        """The body, if all of it came with its head, as it mostly does; None where there is to `read`."""
        if not self.payload.is_eof():
            return None
        self.is_read = True
        if self._body is not None:
            return self._body if len(self._body) <= bytes_max else TOO_LARGE
        return whole_body(self.payload, bytes_max=bytes_max)

    async def read(self, *, bytes_max: int, timeout_s: float) -> bytes | Answer:
        """The body as it comes, or the reason why there is none."""
        self.is_read = True
        declared = self.head.headers.get(hdrs.CONTENT_LENGTH, "")
        if declared.isdigit() and int(declared) > bytes_max:
            return TOO_LARGE
        if self.head.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
            self._connection.send(CONTINUE)
        return await read_body(self.payload, bytes_max=bytes_max, timeout_s=timeout_s)


class Connection(RequestHandler):
    """Lives from accept to close. `on_end` is called once, when it is gone."""

    __slots__ = (
        "_endpoint",
        "_finishing",
        "_head_timeout_s",
        "_head_timer",
        "_heads",
        "_is_held",
        "_on_end",
        "_parser_is_between",
        "_reading",
        "_renderer",
        "_whole",
        "host",
    )

    def __init__(
        self,
        server: web.Server,
        *,
        loop: asyncio.AbstractEventLoop,
        endpoint: Endpoint,
        renderer: Renderer,
        heads: Heads,
        host: str,
        head_timeout_s: float,
        on_end: Callable[[], None],
    ) -> None:
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=IDLE_S,
            auto_decompress=False,
        )
        self.host = host
        self._endpoint = endpoint
        self._renderer = renderer
        self._heads = heads
        self._whole: Whole | None = None
        self._parser_is_between = True
        """So that what comes next begins a request. Once that is not certain, it never is again."""
        self._head_timeout_s = head_timeout_s
        self._head_timer: asyncio.TimerHandle | None = None
        self._on_end: Callable[[], None] | None = on_end
        self._reading: StreamReader = EMPTY_PAYLOAD
        self._finishing = False
        self._is_held = False
        """Since the parser was told to pause, and until it is told to go on."""

    def finish(self) -> None:
        """The next answer is the last; whoever keeps the connection alive is told so."""
        self._finishing = True

    def is_idle(self) -> bool:
        """Waits for a request of which nothing has come yet."""
        waiter = self._waiter
        return waiter is not None and not waiter.done() and self._head_timer is None

    def send(self, data: bytes) -> None:
        if self.transport is not None:
            self.transport.write(data)

    # From the transport

    def data_received(self, data: bytes) -> None:
        if self._parser_is_between and data:
            waiter = self._waiter
            if waiter is not None and not waiter.done() and not (self._close or self._force_close):
                self._whole = self._heads.whole(data)
                if self._whole is not None:
                    waiter.set_result(None)
                    return
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        requests = self._request_count
        try:
            super().data_received(data)
        except (LookupError, ValueError) as error:
            self._take_as_malformed(error)
        if self._parser_is_between and data:
            self._parser_is_between = self._request_count == requests + 1 and self._met(data)
        if self._request_count != requests:
            self._stop_head_timer()
        elif data and self._head_timer is None and self._is_in_a_head():
            self._head_timer = self._loop.call_later(self._head_timeout_s, self._give_up_on_head)

    def _is_in_a_head(self) -> bool:
        """Not in a body. The first bytes may be here before `start` is, which waits for them."""
        return self._waiter is not None or not self._request_count

    def _take_as_malformed(self, error: Exception) -> None:
        """What the library for addresses stumbles over (`http://[]@`), aiohttp does not make an answer of."""
        self._parser_is_between = False
        self._request_count += 1
        self._messages.append((_ErrInfo(status=400, exc=error, message=""), EMPTY_PAYLOAD))
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _met(self, data: bytes) -> bool:
        message, payload = self._messages[-1]
        return not isinstance(message, _ErrInfo) and self._heads.met(data, message, payload)

    def pause_reading(self) -> None:
        self._is_held = True
        super().pause_reading()

    def resume_reading(self, resume_parser: bool = True) -> None:
        """aiohttp says this twice for each body, and parses nothing once more for it: a tenth of our time.

        There is nothing to resume where nothing was paused.
        """
        if self._is_held:
            self._is_held = not resume_parser
            super().resume_reading(resume_parser)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_head_timer()
        super().connection_lost(exc)
        if not self._reading.is_eof():
            self._reading.set_exception(ConnectionResetError("the sender went away"))
        self.end()

    def end(self) -> None:
        """Says that it is over; for a connection that never came to be, its maker calls this."""
        if self._on_end is not None:
            on_end, self._on_end = self._on_end, None
            on_end()

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up_on_head(self) -> None:
        self._head_timer = None
        self._endpoint.stalled()
        self.force_close()

    # One request after the other

    async def start(self) -> None:
        """aiohttp runs this as the connection's task."""
        try:
            while not self._force_close:
                if self._messages:
                    await asyncio.sleep(0)  # who sends a thousand at once takes turns with the others
                else:
                    self._waiter = self._loop.create_future()
                    try:
                        await self._waiter
                    finally:
                        self._waiter = None
                request = self._next()
                if request is None:
                    self._answer(self._endpoint.malformed(self.host), "close")
                    break
                self._reading = request.payload
                going_on = self._goes_on(request, await self._endpoint.answer(request))
                if self._paused:
                    await self._until_read()
                if not going_on:
                    break
                self._stay()
            await self._linger()
        except Exception:
            self._answer(NOT_STORED, "close")
            raise
        finally:
            self._leave()

    def _next(self) -> Request | None:
        """None for what is not HTTP as it is spoken here."""
        if self._whole is not None:
            (head, body), self._whole = self._whole, None
            return Request(self, head, EMPTY_PAYLOAD, body)
        message, payload = self._pop()
        if isinstance(message, _ErrInfo) or not _is_spoken(message):
            return None
        return Request(self, message, payload)

    def _pop(self) -> tuple[RawRequestMessage | _ErrInfo, StreamReader]:
        message, payload = self._messages.popleft()
        if self._parser is not None:
            self._parser.message_consumed()
        if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
            self._resume_reading_if_drained()
        return message, payload

    def _goes_on(self, request: Request, answer: Answer) -> bool:
        """Answers; whether the connection goes on."""
        message, payload = request.head, request.payload
        going_on = (
            not (answer.closing or self._finishing or message.should_close or message.upgrade)
            and payload.is_eof()
            and (request.is_read or self._discard(payload))
        )
        kept_alive = "" if message.version == HttpVersion11 else "keep-alive"
        self._answer(answer, kept_alive if going_on else "close")
        return going_on

    def _discard(self, payload: StreamReader) -> bool:
        """Empties a complete body that nobody read. False where it is broken."""
        try:
            payload.read_nowait()
        except RequestPayloadError:
            return False
        return True

    def _answer(self, answer: Answer, connection: str) -> None:
        self.send(self._renderer.render(answer, connection, int(time.time())))

    async def _until_read(self) -> None:
        try:
            async with asyncio.timeout(UNREAD_ANSWER_S):
                await self._drain_helper()
        except (TimeoutError, ConnectionError):
            self.force_close()

    def _stay(self) -> None:
        close_time = self._loop.time() + IDLE_S
        self._next_keepalive_close_time = close_time
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(close_time, self._process_keepalive)

    async def _linger(self) -> None:
        try:
            async with asyncio.timeout(LINGER_S):
                while not self._reading.is_eof():
                    await self._reading.readany()
        except (TimeoutError, ConnectionError, RequestPayloadError):
            return

    def _leave(self) -> None:
        self._stop_head_timer()
        if self.transport is not None:
            self.transport.close()


def _is_spoken(message: RawRequestMessage) -> bool:
    """HTTP/1.1; or 1.0 without chunks, which it does not know: somebody between may have read another end."""
    return message.version == HttpVersion11 or (message.version == HttpVersion10 and not message.chunked)
