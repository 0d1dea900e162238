"""A spool seen from another process, while its owner runs or not: what waits, and what to do with the dead.

Each function opens the current file for a moment. A change is one short transaction, which the owner waits
for, and notices within a second; neither creates nor empties any file of the owner's.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from receiver.spool.folder import generations, unavailable
from receiver.spool.store import Change, Store
from receiver.spool.words import DeadRow, SpoolRefusedError, SpoolUnavailableError, Stats
from schemas.eventshape import rfc3339
from schemas.names import JsonObject

PAGE_ROWS: Final = 200


def spool_stats(folder: Path) -> Stats:
    """Raises SpoolRefusedError (no such folder), SpoolUnavailableError."""
    with _opened(folder) as store:
        return Stats(0, 0, None, 0) if store is None else store.stats()


def spool_dead(folder: Path) -> Iterator[DeadRow]:
    """In order, read in pages, so that nothing is held open between them."""
    after_id = 0
    while True:
        with _opened(folder) as store:
            rows = [] if store is None else store.dead_rows(after_id, PAGE_ROWS)
        yield from rows
        if len(rows) < PAGE_ROWS:
            return
        after_id = rows[-1].id


def spool_dead_row(folder: Path, id_: int) -> DeadRow | None:
    with _opened(folder) as store:
        return None if store is None else store.dead_row(id_)


def resend_dead(folder: Path, ids: Sequence[int]) -> int:
    """To the end of what waits; how many. Unknown ids and damaged rows stay what they are."""
    return _changed(folder, lambda change: change.resend(ids))


def drop_dead(folder: Path, ids: Sequence[int]) -> int:
    """For ever; how many."""
    return _changed(folder, lambda change: change.drop(ids))


def stats_json(stats: Stats) -> JsonObject:
    return {
        "records": stats.records,
        "bytes": stats.bytes,
        "oldest_at": None if stats.oldest_at is None else rfc3339(stats.oldest_at),
        "dead": stats.dead,
    }


def _changed(folder: Path, order: Callable[[Change], int]) -> int:
    """Raises SpoolUnavailableError, also when the owner salvaged the file meanwhile: it was for nothing."""
    with _opened(folder) as store:
        if store is None:
            return 0
        with store.change() as change:
            count = order(change)
        if _current(folder) != store.path:
            raise SpoolUnavailableError("damaged", "the file was replaced meanwhile; look, and repeat it")
    return count


@contextmanager
def _opened(folder: Path) -> Iterator[Store | None]:
    """None where no spool was ever."""
    path = _current(folder)
    if path is None:
        yield None
        return
    store = Store(path, bytes_max=0)
    try:
        yield store
    finally:
        store.close(is_final=False)


def _current(folder: Path) -> Path | None:
    if not folder.is_dir():
        raise SpoolRefusedError(
            f"there is no spool folder {folder}; name the receiver's in RECEIVER_SPOOL_DIR"
        )
    try:
        known = generations(folder)
    except OSError as fault:
        raise unavailable(fault, "spool folder") from fault
    return known[-1][1] if known else None
