"""A request's body, read within bounds of size and time, and taken out of its gzip.

aiohttp's own decompression is off: it answers a broken gzip with a traceback, and its limit is not ours.
"""

import asyncio
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from aiohttp import StreamReader
from aiohttp.web_protocol import RequestPayloadError

from receiver.answers import GONE, MALFORMED, TOO_LARGE, TOO_SLOW, Answer

Coding = Literal["identity", "gzip"]

GZIP_MEMBERS_MAX = 16
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Not the gzip it claims to be. What it holds cannot be scrubbed, so only its size is told."""

    encoded_bytes: int


def coding(lines: Sequence[str]) -> Coding | None:
    """Of the `Content-Encoding` lines; None for what we do not take, a coding upon a coding included."""
    match [word for line in lines for word in line.lower().replace(",", " ").split() if word != "identity"]:
        case []:
            return "identity"
        case ["gzip" | "x-gzip"]:
            return "gzip"
        case _:
            return None


def whole_body(payload: StreamReader, *, bytes_max: int) -> bytes | Answer:
    """A body that is there already."""
    try:
        body = payload.read_nowait()
    except RequestPayloadError:
        return MALFORMED
    return TOO_LARGE if len(body) > bytes_max else body


async def read_body(payload: StreamReader, *, bytes_max: int, timeout_s: float) -> bytes | Answer:
    """A body of which something is missing yet, as it comes."""
    try:
        async with asyncio.timeout(timeout_s):
            return await _read_rest(payload, bytes_max)
    except TimeoutError:
        return TOO_SLOW
    except RequestPayloadError:
        return MALFORMED
    except ConnectionError:
        return GONE


async def _read_rest(payload: StreamReader, bytes_max: int) -> bytes | Answer:
    body = bytearray()
    while chunk := await payload.readany():
        body += chunk
        if len(body) > bytes_max:
            return TOO_LARGE
    return bytes(body)


def decode(body: bytes, *, bytes_max: int) -> bytes | Answer | Undecodable:
    """Inflates at most one byte more than `bytes_max`, over at most `GZIP_MEMBERS_MAX` members."""
    decoded = bytearray()
    rest = body
    for _ in range(GZIP_MEMBERS_MAX):
        member = zlib.decompressobj(_GZIP_WINDOW)
        try:
            decoded += member.decompress(rest, bytes_max + 1 - len(decoded))
        except zlib.error:
            return Undecodable(len(body))
        if len(decoded) > bytes_max:
            return TOO_LARGE
        if not member.eof:
            return Undecodable(len(body))
        rest = member.unused_data
        if not rest:
            return bytes(decoded)
    return Undecodable(len(body))
