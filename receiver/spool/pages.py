"""A spool file read without SQLite: what salvage trusts when the file can no longer be opened.

SQLite's format (sqlite.org/fileformat2.html): the main file is an array of pages, the write-ahead log a
header and frames of one page each. The checksum of a log frame runs on from its predecessor's; the frames
of one round share the two salts of the header. A row sits on a leaf page as payload length, id and record;
what does not fit continues on overflow pages. Pages and cells may hold anything here, so every read is
bounded and every row is proven by the checksum of its own frame.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from struct import unpack_from
from sys import byteorder
from typing import Final, Literal, Self

from receiver.spool.frame import MAGIC, is_intact

PAGE_BYTES: Final = 16_384
LOG_HEADER_BYTES: Final = 32
LOG_FRAME_HEADER_BYTES: Final = 24

_LOG_MAGIC: Final = (0x377F0682, 0x377F0683)
_FIRST_PAGE_HEADER_BYTES: Final = 100
_LEAF: Final = 0x0D
_LOCAL_MAX: Final = PAGE_BYTES - 35
_LOCAL_MIN: Final = (PAGE_BYTES - 12) * 32 // 255 - 23
_PAYLOAD_MAX: Final = 64 * 1024 * 1024
_CELL_HEAD_BYTES_MAX: Final = 300
"""From the start of a cell to its frame: lengths, id, record header and, in a dead row, the reason."""

Tail = Literal["clean", "torn", "broken"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A row of one of the spool's tables, its frame intact; `reason` and `buried_us` of a dead one."""

    id: int
    frame: bytes
    reason: str | None = None
    buried_us: int = 0


@dataclass(slots=True)
class Log:
    """`current` are the newest pages that the checksums prove, `doubtful` those behind the first break.

    Behind a clean end stands nothing of this round. A torn end is what a crash leaves of a transaction; an
    end with a whole transaction behind it is broken: something was acknowledged and is damaged now. `strange`
    pages have other salts: they are left of an earlier round, or the salts of the last frame are damaged.
    """

    current: dict[int, bytes] = field(default_factory=dict)
    doubtful: list[tuple[int, bytes]] = field(default_factory=list)
    strange: list[tuple[int, bytes]] = field(default_factory=list)
    tail: Tail = "clean"


def read_log(path: Path) -> Log:
    content = path.read_bytes() if path.exists() else b""
    log = Log()
    if len(content) < LOG_HEADER_BYTES + LOG_FRAME_HEADER_BYTES + PAGE_BYTES:
        return log
    sums, swapped, salts = _read_log_header(content)
    uncommitted: dict[int, bytes] = {}
    for offset in _frame_offsets(content):
        number, commit_pages = unpack_from(">II", content, offset)
        is_behind_break = sums is None
        page = content[offset + LOG_FRAME_HEADER_BYTES : offset + LOG_FRAME_HEADER_BYTES + PAGE_BYTES]
        if content[offset + 8 : offset + 16] != salts:
            sums = None
            log.strange.append((number, page))
            continue
        log.doubtful.extend(log.strange)
        log.strange.clear()
        if sums is not None:
            sums = _added(_added(sums, content[offset : offset + 8], swapped), page, swapped)
            sums = sums if sums == unpack_from(">II", content, offset + 16) else None
        if sums is None:
            log.doubtful.append((number, page))
            log.tail = "broken" if log.tail == "broken" or (is_behind_break and commit_pages) else "torn"
            continue
        uncommitted[number] = page
        if commit_pages:
            log.current.update(uncommitted)
            uncommitted.clear()
    if uncommitted:
        log.doubtful[:0] = uncommitted.items()
        log.tail = "torn" if log.tail == "clean" else log.tail
    return log


def _frame_offsets(content: bytes) -> range:
    step = LOG_FRAME_HEADER_BYTES + PAGE_BYTES
    return range(LOG_HEADER_BYTES, len(content) - step + 1, step)


def _read_log_header(content: bytes) -> tuple[tuple[int, int] | None, bool, bytes]:
    """The checksums to go on from (None: damaged), whether words are little-endian, and the salts."""
    magic, _, page_bytes = unpack_from(">III", content)
    swapped = magic == _LOG_MAGIC[0]
    sums = _added((0, 0), content[:24], swapped)
    if magic in _LOG_MAGIC and page_bytes == PAGE_BYTES and sums == unpack_from(">II", content, 24):
        return sums, swapped, content[16:24]
    return None, swapped, content[LOG_HEADER_BYTES + 8 : LOG_HEADER_BYTES + 16]


def _added(sums: tuple[int, int], content: bytes, little_endian: bool) -> tuple[int, int]:
    words = array("I", content)
    if little_endian != (byteorder == "little"):
        words.byteswap()
    first, second = sums
    pairs = iter(words)
    for word in pairs:
        first = (first + word + second) & 0xFFFFFFFF
        second = (second + next(pairs) + first) & 0xFFFFFFFF
    return first, second


class Pages:
    """Every page of a main file under its log, whatever state they are in."""

    def __init__(self, path: Path, log: Log) -> None:
        self._file = path.open("rb") if path.exists() else None
        self._log = log
        self._above = log.current
        size_bytes = path.stat().st_size if path.exists() else 0
        self._count = max([-(-size_bytes // PAGE_BYTES), *log.current, 0])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def cells(self) -> Iterator[Cell]:
        """Rows may come twice: a page behind a break in the log stands beside its older self."""
        free = self._free_pages()
        for number in range(1, self._count + 1):
            if number not in free:
                yield from self._cells_on(number, self._page(number))
        yield from self._cells_above(self._log.doubtful)

    def late_cells(self) -> Iterator[Cell]:
        """Those that a transaction at the very end of the log may have added; and many old ones."""
        yield from self._cells_above(self._log.doubtful + self._log.strange)

    def _cells_above(self, pages: list[tuple[int, bytes]]) -> Iterator[Cell]:
        self._above = self._log.current | dict(pages)
        for number, page in pages:
            yield from self._cells_on(number, page)

    def _page(self, number: int) -> bytes:
        """Short or empty where there is none, or where the disk cannot read it."""
        page = self._above.get(number)
        if page is not None or self._file is None:
            return page or b""
        self._file.seek((number - 1) * PAGE_BYTES)
        try:
            return self._file.read(PAGE_BYTES)
        except OSError:
            return b""

    def _free_pages(self) -> set[int]:
        """As far as the list can be followed: rows on them were removed."""
        free: set[int] = set()
        first = self._page(1)
        trunk = unpack_from(">I", first, 32)[0] if len(first) == PAGE_BYTES else 0
        while 0 < trunk <= self._count and trunk not in free:
            page = self._page(trunk)
            if len(page) < PAGE_BYTES:
                break
            free.add(trunk)
            trunk, count = unpack_from(">II", page)
            leaves = unpack_from(f">{min(count, PAGE_BYTES // 4 - 2)}I", page, 8)
            if any(not 0 < leaf <= self._count for leaf in leaves):
                break
            free.update(leaves)
        return free

    def _cells_on(self, number: int, page: bytes) -> Iterator[Cell]:
        starts = _cell_starts(page, _FIRST_PAGE_HEADER_BYTES if number == 1 else 0)
        found = [cell for start in starts if (cell := self._cell_at(page, start)) is not None]
        yield from found
        if page.count(MAGIC) > len(found):
            yield from self._searched(page)

    def _searched(self, page: bytes) -> Iterator[Cell]:
        """Rows on a page whose own header or pointers are damaged, found by the magic of their frames."""
        hit = page.find(MAGIC)
        while hit >= 0:
            for start in range(max(0, hit - _CELL_HEAD_BYTES_MAX), hit):
                cell = self._cell_at(page, start)
                if cell is not None and cell.frame[:32] == page[hit : hit + 32]:
                    yield cell
            hit = page.find(MAGIC, hit + 1)

    def _cell_at(self, page: bytes, start: int) -> Cell | None:
        length, after = _varint(page, start)
        id_, after = _varint(page, after)
        if not 0 < length <= _PAYLOAD_MAX or id_ <= 0:
            return None
        local = length if length <= _LOCAL_MAX else _local_bytes(length)
        columns = _columns(page, after, length)
        if columns is None:
            return None
        payload = page[after : after + local]
        if local < length:
            payload += self._overflow(page[after + local : after + local + 4], length - local)
        return _cell(id_, payload, columns)

    def _overflow(self, pointer: bytes, length: int) -> bytes:
        parts = []
        while length > 0 and len(pointer) == 4 and any(pointer):
            page = self._page(int.from_bytes(pointer, "big"))
            parts.append(page[4 : 4 + length])
            length -= PAGE_BYTES - 4
            pointer = page[:4]
        return b"".join(parts)


def _cell_starts(page: bytes, header: int) -> Iterator[int]:
    """As the pointers of a leaf page name them; nothing of another page."""
    if len(page) < header + 8 or page[header] != _LEAF:
        return
    (count,) = unpack_from(">H", page, header + 3)
    for offset in range(header + 8, min(header + 8 + 2 * count, len(page) - 1), 2):
        yield int.from_bytes(page[offset : offset + 2], "big")


def _varint(page: bytes, start: int) -> tuple[int, int]:
    """Value and where it ends; (-1, start) where there is none."""
    value = 0
    for offset in range(start, min(start + 8, len(page))):
        value = value << 7 | page[offset] & 0x7F
        if page[offset] < 0x80:
            return value, offset + 1
    return -1, start


def _local_bytes(length: int) -> int:
    kept = _LOCAL_MIN + (length - _LOCAL_MIN) % (PAGE_BYTES - 4)
    return kept if kept <= _LOCAL_MAX else _LOCAL_MIN


def _columns(page: bytes, start: int, length: int) -> list[tuple[int, int]] | None:
    """Serial type and size of each column, the record header counted as the first; None: not a row."""
    header_bytes, offset = _varint(page, start)
    if not 3 <= header_bytes <= 20:
        return None
    columns = [(0, header_bytes)]
    while offset < start + header_bytes:
        serial, after = _varint(page, offset)
        if after == offset:
            return None
        columns.append((serial, _size_of(serial)))
        offset = after
    return columns if sum(size for _, size in columns) == length else None


def _size_of(serial: int) -> int:
    return (serial - 12) // 2 if serial >= 12 else (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)[serial]


def _cell(id_: int, payload: bytes, columns: list[tuple[int, int]]) -> Cell | None:
    """`waiting` is id and frame, `dead` id, time, reason and frame; the id stands before the record."""
    frame = payload[len(payload) - columns[-1][1] :]
    if not is_intact(frame):
        return None
    if len(columns) == 3:
        return Cell(id_, frame)
    if len(columns) != 5:
        return None
    start = columns[0][1]
    middle = start + columns[2][1]
    reason = payload[middle : middle + columns[3][1]].decode(errors="replace")
    return Cell(id_, frame, reason, int.from_bytes(payload[start:middle], "big", signed=True))
