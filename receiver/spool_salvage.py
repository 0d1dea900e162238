"""A damaged file: found out before it is used, and everything readable in it carried over into a new one.

No connection of this process may be open on a file that is read here: closing it lets go of SQLite's locks.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from receiver.spool_folder import generation, publish, remove, unavailable
from receiver.spool_pages import PAGE_BYTES, Cell, Log, Pages, read_log
from receiver.spool_store import Store

ROWS_PER_TRANSACTION: Final = 1_000


@dataclass(frozen=True, slots=True)
class Examined:
    """`damage` is empty where SQLite may open the file; its own check comes then.

    `torn` are the readable rows of a transaction that a crash cut off: nobody was told that they are stored,
    but nobody can tell them from the last transaction of a damaged log either.
    """

    log: Log
    torn: list[Cell]
    damage: str


def examine(path: Path) -> Examined:
    """Raises SpoolUnavailableError."""
    try:
        log = read_log(path.with_name(path.name + "-wal"))
        size_bytes = path.stat().st_size if path.exists() else 0
        with Pages(path, log) as pages:
            torn = list(pages.doubtful_cells())
    except OSError as fault:
        raise unavailable(fault, "examining the file") from fault
    if size_bytes < PAGE_BYTES:
        return Examined(log, torn, f"the file has {size_bytes} bytes")
    return Examined(log, torn, "the log is damaged before its end" if log.tail == "broken" else "")


def rescue_torn(store: Store, torn: Iterable[Cell]) -> int:
    """Adds those that the file does not have; how many."""
    cells = [cell for cell in torn if cell.id >= store.totals.next_id]
    if cells:
        store.restore(cells)
        store.recount()
    return len({cell.id for cell in cells})


def salvaged(path: Path, log: Log) -> Iterator[Cell]:
    """Every readable row."""
    try:
        with Pages(path, log) as pages:
            yield from pages.cells()
    except OSError as fault:
        raise unavailable(fault, "reading the damaged file") from fault


def found(folder: Path, number: int, cells: Iterable[Cell], *, next_id: int, vfs: str | None) -> Path:
    """A new generation with these rows, complete and published. Raises SpoolUnavailableError."""
    path = generation(folder, number)
    unfinished = path.with_name(path.name + ".new")
    try:
        remove(unfinished)
        _fill(unfinished, cells, next_id=next_id, vfs=vfs)
        publish(unfinished, path)
    except OSError as fault:
        raise unavailable(fault, "making a new file") from fault
    return path


def _fill(path: Path, cells: Iterable[Cell], *, next_id: int, vfs: str | None) -> None:
    store = Store(path, bytes_max=0, next_id=next_id, vfs=vfs, is_new=True)
    try:
        remaining = iter(cells)
        while some := list(islice(remaining, ROWS_PER_TRANSACTION)):
            store.restore(some)
        store.recount()
        store.checkpoint(thoroughly=True)
    finally:
        store.close(is_final=True)
