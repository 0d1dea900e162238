"""Reading a body within bounds, and gzip."""

import gzip
import os
import zlib

import pytest

from receiver.answers import TOO_LARGE
from receiver.body import GZIP_MEMBERS_MAX, Undecodable, coding, decode

LIMIT = 1000
TEXT = b'{"a": 1}' * 20


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([], "identity"),
        ([""], "identity"),
        (["identity"], "identity"),
        (["GZIP"], "gzip"),
        (["x-gzip"], "gzip"),
        (["gzip, identity"], "gzip"),
        (["gzip, gzip"], None),
        (["gzip", "gzip"], None),
        (["deflate"], None),
        (["br"], None),
        (["foo"], None),
    ],
)
def test_identity_and_one_gzip_are_taken(lines: list[str], found: str | None) -> None:
    assert coding(lines) == found


def test_gzip_is_decoded_also_in_several_members() -> None:
    assert decode(gzip.compress(TEXT), bytes_max=LIMIT) == TEXT
    assert decode(gzip.compress(TEXT) + gzip.compress(TEXT), bytes_max=LIMIT) == TEXT * 2


def test_the_limit_is_exact() -> None:
    assert decode(gzip.compress(b"x" * LIMIT), bytes_max=LIMIT) == b"x" * LIMIT
    assert decode(gzip.compress(b"x" * (LIMIT + 1)), bytes_max=LIMIT) is TOO_LARGE


def test_a_bomb_is_too_large_and_never_inflated() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert decode(bomb, bytes_max=LIMIT) is TOO_LARGE


@pytest.mark.parametrize(
    "broken",
    [
        b"not gzip at all",
        gzip.compress(TEXT)[:-1],
        gzip.compress(TEXT)[:10],
        gzip.compress(TEXT) + b"trailing",
        zlib.compress(TEXT),
        gzip.compress(b"") * (GZIP_MEMBERS_MAX + 1),
        gzip.compress(os.urandom(200))[:100] + b"\0" * 50,
    ],
)
def test_what_is_no_gzip_is_told_by_its_size_alone(broken: bytes) -> None:
    assert decode(broken, bytes_max=LIMIT) == Undecodable(len(broken))
