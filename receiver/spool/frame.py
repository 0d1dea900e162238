"""One record as the bytes of one row: sealed with a checksum, so that no flipped bit is sent to Kafka.

magic 4 | proven 1 | enqueued, microseconds of the epoch 8 | parts 2 | length of each 4 | parts | CRC-32 4

The parts are topic, key, value and then name and value of each header; a null value has the length `_NULL`.
The checksum is what lets salvage believe a row without believing the file around it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from struct import Struct, error, pack, unpack_from
from typing import Final
from zlib import crc32

from receiver.spool.words import Row
from schemas.record import Record

MAGIC: Final = b"PLS\x01"

_HEAD: Final = Struct(">4s?qH")
_CHECK: Final = Struct(">I")
_NULL: Final = 0xFFFFFFFF
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def seal(record: Record, *, proven: bool, enqueued_us: int) -> bytes:
    parts = [record.topic.encode(), record.key, record.value or b""]
    for name, value in record.headers:
        parts.append(name.encode())
        parts.append(value)
    lengths = [len(part) for part in parts]
    if record.value is None:
        lengths[2] = _NULL
    head = _HEAD.pack(MAGIC, proven, enqueued_us, len(parts))
    content = b"".join((head, pack(f">{len(parts)}I", *lengths), *parts))
    return content + _CHECK.pack(crc32(content))


def unseal(id_: int, frame: bytes) -> Row | None:
    """None when a single bit is not as it was sealed."""
    if not is_intact(frame):
        return None
    _, proven, enqueued_us, count = _HEAD.unpack_from(frame)
    lengths = unpack_from(f">{count}I", frame, _HEAD.size)
    parts = list(_parts(frame, _HEAD.size + 4 * count, lengths))
    names = [name.decode() for name in parts[3::2]]
    record = Record(
        topic=parts[0].decode(),
        key=parts[1],
        value=None if lengths[2] == _NULL else parts[2],
        headers=tuple(zip(names, parts[4::2], strict=True)),
    )
    return Row(id_, record, proven, at(enqueued_us))


def is_intact(frame: bytes) -> bool:
    if len(frame) <= _HEAD.size + _CHECK.size or not frame.startswith(MAGIC):
        return False
    (check,) = _CHECK.unpack_from(frame, len(frame) - _CHECK.size)
    return bool(crc32(memoryview(frame)[: -_CHECK.size]) == check)


def enqueued_at(frame: bytes) -> datetime | None:
    """From the head alone: the rest may be damaged."""
    try:
        return at(_HEAD.unpack_from(frame)[2])
    except (error, OverflowError):
        return None


def at(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _parts(frame: bytes, start: int, lengths: tuple[int, ...]) -> Iterator[bytes]:
    for length in lengths:
        end = start if length == _NULL else start + length
        yield frame[start:end]
        start = end
