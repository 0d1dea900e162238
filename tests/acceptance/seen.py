"""Everything that leaves the processes of a test, as bytes to search: topics, tables, files."""

from __future__ import annotations

import asyncio
import binascii
import re
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from pathlib import Path

from deploy.local.postgres import find_installation
from schemas.topics import Topics
from tests.acceptance.canary import forms
from tests.support.kafka import TopicRecord, read_topic

BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
HEX = re.compile(rb"\\\\?x([0-9a-f]{8,})")
FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")
GZIP_MAGIC = b"\x1f\x8b"
DECODED_DEPTH_MAX = 4
BLOCK_BYTES = 8 * 1024 * 1024


async def topic_bytes(bootstrap: str, topics: Topics) -> list[tuple[str, bytes]]:
    """Every key, value and header of every topic of ours, by where it stands."""
    names = (
        topics.events,
        topics.requests,
        topics.quarantine,
        topics.operations,
        topics.state,
        topics.anchors,
    )
    records = [record for name in names for record in await read_topic(bootstrap, name)]
    return [(f"{one.topic}/{one.partition}/{one.offset}", part) for one in records for part in _parts(one)]


def _parts(record: TopicRecord) -> Iterator[bytes]:
    yield from (part for part in (record.key, record.value) if part is not None)
    for name, value in record.headers:
        yield name.encode()
        yield value


async def table_bytes(dsn: str) -> bytes:
    """The whole database as `pg_dump` writes it, bytea in hex."""
    return b"".join([block async for block in table_blocks(dsn)])


async def table_blocks(dsn: str) -> AsyncIterator[bytes]:
    """The same in pieces of whole lines: nothing without a line break in it is cut."""
    process = await asyncio.create_subprocess_exec(
        find_installation().binaries / "pg_dump",
        *("--dbname", dsn, "--inserts"),
        stdout=asyncio.subprocess.PIPE,
        limit=BLOCK_BYTES,
    )
    assert process.stdout is not None
    rest: list[bytes] = []
    while piece := await process.stdout.read(BLOCK_BYTES):
        lines, newline, begun = piece.rpartition(b"\n")
        if newline:
            yield b"".join((*rest, lines, newline))
            rest = []
        rest.append(begun)
    yield b"".join(rest)
    assert await process.wait() == 0


def files_bytes(*folders: Path) -> list[tuple[str, bytes]]:
    return [
        (str(path), path.read_bytes())
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]


def leaks(hays: Iterable[tuple[str, bytes]], secrets: Sequence[str]) -> list[str]:
    """E. Where a secret stands, and in which form; `hays` are bytes by where they were found."""
    needles = [form for secret in secrets for form in forms(secret)]
    return [f"E: {where} holds {needle!r}" for where, hay in hays for needle in found_in(hay, needles)]


def found_in(hay: bytes, needles: Sequence[bytes], depth: int = DECODED_DEPTH_MAX) -> set[bytes]:
    """The needles that stand in some bytes, also inside base64, hex and gzip in them, and again in these."""
    found = {needle for needle in needles if needle in hay}
    if depth:
        for inner in _decoded(hay):
            found |= found_in(inner, needles, depth - 1)
    return found


def _decoded(hay: bytes) -> Iterator[bytes]:
    """All that is hex, all that is base64, each piece on a line of its own; and what is compressed."""
    if found := HEX.findall(hay):
        yield b"\n".join(binascii.unhexlify(text[: len(text) // 2 * 2]) for text in found)
    if found := BASE64.findall(hay):
        yield b"\n".join(map(_from_base64, found))
    start = hay.find(GZIP_MAGIC)
    if start >= 0:
        yield _inflated(hay[start:])


def _from_base64(found: bytes) -> bytes:
    text = found.translate(FROM_URL_SAFE).rstrip(b"=")
    return binascii.a2b_base64(text[: len(text) // 4 * 4])


def _inflated(data: bytes) -> bytes:
    """As much as can be decompressed."""
    try:
        return zlib.decompressobj(31).decompress(data)
    except zlib.error:
        return b""
