"""Which partition a key belongs to, as Kafka's Java client decides: murmur2, the sign bit masked off."""

from functools import lru_cache
from typing import Final

_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995
_WORD: Final = 0xFFFFFFFF
_POSITIVE: Final = 0x7FFFFFFF
_CACHED_KEYS: Final = 65_536


def murmur2(key: bytes) -> int:
    """The 32-bit hash, unsigned."""
    length = len(key)
    whole = length & ~3
    digest = _SEED ^ length
    for start in range(0, whole, 4):
        block = int.from_bytes(key[start : start + 4], "little") * _M & _WORD
        block = (block ^ block >> 24) * _M & _WORD
        digest = (digest * _M & _WORD) ^ block
    if length > whole:
        digest = (digest ^ int.from_bytes(key[whole:], "little")) * _M & _WORD
    digest = (digest ^ digest >> 13) * _M & _WORD
    return digest ^ digest >> 15


@lru_cache(maxsize=_CACHED_KEYS)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key; a device's events come one after another, so its hash is remembered."""
    return (murmur2(key) & _POSITIVE) % partitions
