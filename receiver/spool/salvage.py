"""A damaged file: found out before it is used, and everything readable in it carried over into a new one.

No connection of this process may be open on a file that is read here: closing it lets go of SQLite's locks.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from receiver.spool.folder import generation, publish, remove, unavailable
from receiver.spool.pages import Cell, Log, Pages, read_log
from receiver.spool.store import Store

ROWS_PER_TRANSACTION: Final = 1_000


@dataclass(frozen=True, slots=True)
class Examined:
    """`damage` is empty where SQLite may open the file; its own check comes then.

    Among the `late` rows are those of a transaction that a crash cut off: nobody was told that they are
    stored, but nobody can tell them from the last transaction of a damaged log either.
    """

    log: Log
    late: list[Cell]
    damage: str


def examine(path: Path) -> Examined:
    """Raises SpoolUnavailableError."""
    try:
        log = read_log(path.with_name(path.name + "-wal"))
        with Pages(path, log) as pages:
            late = list(pages.late_cells())
    except OSError as fault:
        raise unavailable(fault, "examining the file") from fault
    return Examined(log, late, "the log is damaged before its end" if log.tail == "broken" else "")


def rescue_late(store: Store, late: Iterable[Cell]) -> int:
    """Adds the rows that came after everything in the file; how many."""
    cells = [cell for cell in late if cell.id >= store.totals.next_id]
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
