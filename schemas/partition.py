"""Which partition a key belongs to, as Kafka's Java client decides: murmur2, the sign bit masked off."""

from collections.abc import Callable
from functools import lru_cache
from struct import Struct
from typing import Final

_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995
_WORD: Final = 0xFFFFFFFF
_POSITIVE: Final = 0x7FFFFFFF
_CACHED_KEYS: Final = 16_384


def murmur2(key: bytes) -> int:
    """The 32-bit hash, unsigned."""
    length = len(key)
    digest = _SEED ^ length
    for word in _words(length >> 2)(key):
        block = word * _M & _WORD
        digest = (digest * _M & _WORD) ^ ((block ^ block >> 24) * _M & _WORD)
    if rest := key[length & ~3 :]:
        digest = (digest ^ int.from_bytes(rest, "little")) * _M & _WORD
    digest = (digest ^ digest >> 13) * _M & _WORD
    return digest ^ digest >> 15


@lru_cache(maxsize=64)
def _words(count: int) -> Callable[[bytes], tuple[int, ...]]:
    """Reads the first words of a key."""
    return Struct(f"<{count}I").unpack_from


@lru_cache(maxsize=_CACHED_KEYS)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key; a device's events come one after another, so its hash is remembered."""
    return (murmur2(key) & _POSITIVE) % partitions
