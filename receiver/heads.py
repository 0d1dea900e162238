"""Heads of requests that came before, byte for byte.

A sender writes the same head for all callbacks of one length, on every connection. What aiohttp's parser made
of these bytes once it would make of them again, so it is asked only for heads it has not seen: of a request
that comes in one piece, all there is to do is to cut it in two. Nothing is guessed: a head that differs in
one byte, a request with anything behind it, and a body whose end anything but its one declared length tells
are left to the parser.
"""

from typing import Final, NamedTuple

from aiohttp import StreamReader, hdrs
from aiohttp.http import HttpVersion11, RawRequestMessage

HEADS_MAX: Final = 256
HEAD_BYTES_MAX: Final = 2048
_END: Final = b"\r\n\r\n"


class Whole(NamedTuple):
    """A request that came in one piece."""

    head: RawRequestMessage
    body: bytes


class _Known(NamedTuple):
    head: RawRequestMessage
    request_bytes: int


class Heads:
    """Of all connections. Strangers may fill it: then it begins anew, and costs no more than before."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Known] = {}

    def whole(self, data: bytes) -> Whole | None:
        """The one request that `data` is; None says nothing."""
        body_at = data.find(_END) + len(_END)
        known = self._known.get(data[:body_at])
        if known is None or len(data) != known.request_bytes:
            return None
        return Whole(known.head, data[body_at:])

    def met(self, data: bytes, head: RawRequestMessage, payload: StreamReader) -> bool:
        """What the parser made of `data` while it waited for a head. Whether that is one whole request, after
        which it waits for a head again; then this one is remembered."""
        body_at = data.find(_END) + len(_END)
        lengths = head.headers.getall(hdrs.CONTENT_LENGTH, ())
        if lengths != [str(len(data) - body_at)] or payload.total_bytes != len(data) - body_at:
            return False
        if head.version != HttpVersion11 or head.should_close or head.upgrade or head.chunked:
            return False
        if hdrs.EXPECT in head.headers or hdrs.TRANSFER_ENCODING in head.headers or not payload.is_eof():
            return False
        if data.count(b"\n", 0, body_at) != data.count(b"\r\n", 0, body_at):
            return False  # it may have seen the end of the head somewhere else
        if body_at <= HEAD_BYTES_MAX:
            if len(self._known) >= HEADS_MAX:
                self._known.clear()
            self._known[data[:body_at]] = _Known(head, len(data))
        return True
