"""The tables of a spool on one SQLite connection: synchronous, for one thread, its errors in our words.

Every change goes through `change()`, one transaction with one fsync; what it returned is on disk when the
block has ended. Checkpoints are ours and not SQLite's, so that whoever waits for a commit does not wait for
one, and so that their errors are seen.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple
from pathlib import Path
from typing import Final

import apsw

from receiver.spool.frame import at, enqueued_at, unseal
from receiver.spool.pages import PAGE_BYTES, Cell
from receiver.spool.tables import (
    APPEND,
    BURY,
    CREATE,
    DEAD,
    DEAD_ONE,
    DROP,
    FORGET_BURIED,
    FORMAT,
    OLDEST,
    READ,
    RECOUNT,
    REMOVE,
    RESTORE_DEAD,
    RESTORE_WAITING,
    SAVE_TOTALS,
    TOTALS,
    WEIGH_DEAD,
    WEIGH_WAITING,
)
from receiver.spool.words import (
    DeadRow,
    Reason,
    Row,
    SpoolRefusedError,
    SpoolUnavailableError,
    Stats,
    Totals,
    Verdict,
)

UNPROVEN_SHARE: Final = 0.05
OTHERS_TIMEOUT_MS: Final = 1_000
"""How long another process (`spool dead …`) may hold the write lock before a change gives up."""
CACHE_KIB: Final = 8_192
LOG_BYTES_KEPT: Final = 8 * 1024 * 1024

_FAULTS: Final[tuple[tuple[type[apsw.Error], Reason], ...]] = (
    (apsw.FullError, "disk_full"),
    (apsw.ReadOnlyError, "read_only"),
    (apsw.IOError, "io_error"),
    (apsw.CantOpenError, "io_error"),
    (apsw.PermissionsError, "io_error"),
    (apsw.CorruptError, "damaged"),
    (apsw.NotADBError, "damaged"),
    (apsw.FormatError, "damaged"),
    (apsw.ConstraintError, "damaged"),
    (apsw.SQLError, "damaged"),
    (apsw.BusyError, "busy"),
    (apsw.LockedError, "busy"),
)

Weight = tuple[int, int, int]
"""Rows, bytes, and how many of the bytes are of unproven origin."""


@contextmanager
def translated() -> Iterator[None]:
    """An error of SQLite that is not in the table is a bug of ours and goes through."""
    try:
        yield
    except apsw.Error as error:
        for kind, reason in _FAULTS:
            if isinstance(error, kind):
                raise SpoolUnavailableError(reason, str(error)) from error
        raise


class Change:
    """What one transaction does. Appended rows are written at its end, in one statement."""

    def __init__(self, connection: apsw.Connection, totals: Totals, bytes_max: int) -> None:
        self._connection = connection
        self._bytes_max = bytes_max
        self._appended: list[bytes] = []
        self._first_id = totals.next_id
        self.totals = totals

    def append(self, frames: Sequence[bytes], proven: Sequence[bool]) -> list[Verdict]:
        return [self._take(*entry) for entry in zip(frames, proven, strict=True)]

    def remove(self, ids: Sequence[int]) -> int:
        """How many there were."""
        rows, size_bytes, unproven_bytes = self._take_out(WEIGH_WAITING, REMOVE, ids)
        self.totals.records -= rows
        self.totals.bytes -= size_bytes
        self.totals.unproven_bytes -= unproven_bytes
        return rows

    def bury(self, id_: int, reason: str, buried_us: int) -> bool:
        """False when there is no such row."""
        self._connection.execute(BURY, (buried_us, reason, id_))
        rows, size_bytes, _ = self._take_out(WEIGH_WAITING, REMOVE, (id_,))
        self.totals.records -= rows
        self.totals.bytes -= size_bytes
        self.totals.dead += rows
        self.totals.dead_bytes += size_bytes
        return rows == 1

    def resend(self, ids: Sequence[int]) -> int:
        """To the end of what waits, under new ids; how many. Damaged ones stay."""
        sound = [row for id_ in dict.fromkeys(ids) for row in self._dead(id_) if row.row is not None]
        rows, size_bytes, _ = self._take_out(WEIGH_DEAD, DROP, [row.id for row in sound])
        self.totals.dead -= rows
        self.totals.dead_bytes -= size_bytes
        for row in sound:
            self._push(row.frame)
        return rows

    def drop(self, ids: Sequence[int]) -> int:
        rows, size_bytes, unproven_bytes = self._take_out(WEIGH_DEAD, DROP, ids)
        self.totals.dead -= rows
        self.totals.dead_bytes -= size_bytes
        self.totals.unproven_bytes -= unproven_bytes
        return rows

    def finish(self) -> None:
        if self._appended:
            self._connection.execute(APPEND, (self._first_id - 1, apsw.carray(tuple(self._appended))))
        totals = self.totals
        totals.unproven_bytes = max(0, totals.unproven_bytes)
        self._connection.execute(SAVE_TOTALS, astuple(totals))

    def _take(self, frame: bytes, proven: bool) -> Verdict:
        totals, size_bytes = self.totals, len(frame)
        if totals.bytes + totals.dead_bytes + size_bytes > self._bytes_max:
            return Verdict.FULL
        if not proven:
            if totals.unproven_bytes + size_bytes > self._bytes_max * UNPROVEN_SHARE:
                return Verdict.QUOTA
            totals.unproven_bytes += size_bytes
        self._push(frame)
        return Verdict.STORED

    def _push(self, frame: bytes) -> None:
        self._appended.append(frame)
        self.totals.next_id += 1
        self.totals.records += 1
        self.totals.bytes += len(frame)

    def _take_out(self, weigh: str, delete: str, ids: Sequence[int]) -> Weight:
        if not ids:
            return 0, 0, 0
        bound = (apsw.carray(array("q", ids)),)
        ((rows, size_bytes, unproven_bytes),) = self._connection.execute(weigh, bound)
        self._connection.execute(delete, bound)
        return rows, size_bytes, unproven_bytes

    def _dead(self, id_: int) -> Iterator[DeadRow]:
        return _dead_rows(self._connection.execute(DEAD_ONE, (id_,)))


class Store:
    """One open file. Raises SpoolUnavailableError; after all but "disk_full" and "busy" it must be closed."""

    def __init__(
        self, path: Path, *, bytes_max: int, next_id: int = 1, vfs: str | None = None, is_new: bool = False
    ) -> None:
        """Ids start at `next_id` or higher; `vfs` names another of SQLite's file layers."""
        self.path = path
        self.log_pages = 0
        self._bytes_max = bytes_max
        if not is_new:
            _refuse_stump(path)
        flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if is_new else 0)
        with translated():
            self._connection = apsw.Connection(str(path), flags=flags, vfs=vfs)
            try:
                if is_new:
                    self._create()
                self._set_up()
                self.totals = self._load(next_id)
            except BaseException:
                self.close(is_final=False)
                raise

    def check(self) -> None:
        """The whole file; a gigabyte takes about a second. Raises SpoolUnavailableError, "damaged"."""
        with translated():
            ((verdict,),) = self._connection.execute("pragma quick_check(1)")
        if verdict != "ok":
            raise SpoolUnavailableError("damaged", str(verdict).splitlines()[-1])

    def close(self, *, is_final: bool) -> None:
        """`is_final`: moves everything into the main file, which then stands alone. Else writes nothing."""
        with suppress(apsw.Error):
            self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0 if is_final else 1)
        with suppress(apsw.Error):
            self._connection.close()

    @contextmanager
    def change(self) -> Iterator[Change]:
        """One transaction: on disk at the end of the block, or undone and raised."""
        with translated():
            self._connection.execute("begin immediate")
            try:
                change = Change(self._connection, self._load(self.totals.next_id), self._bytes_max)
                yield change
                self.totals.next_id = change.totals.next_id
                change.finish()
                self._connection.execute("commit")
            except BaseException:
                self._roll_back()
                raise
        self.totals = change.totals

    def refresh(self) -> None:
        """Sees what another process has done."""
        with translated():
            self.totals = self._load(self.totals.next_id)

    def read(self, after_id: int, limit: int, bytes_max: int) -> tuple[list[Row], list[int]]:
        """In order, at least one row if there is one; and the ids of rows whose content is damaged."""
        rows: list[Row] = []
        damaged: list[int] = []
        size_bytes = 0
        with translated():
            for id_, frame in self._connection.execute(READ, (after_id, limit)):
                size_bytes += len(frame)
                if size_bytes > bytes_max and (rows or damaged):
                    break
                row = unseal(id_, frame)
                if row is None:
                    damaged.append(id_)
                else:
                    rows.append(row)
        return rows, damaged

    def stats(self) -> Stats:
        self.refresh()
        with translated():
            oldest = [enqueued_at(head) for (head,) in self._connection.execute(OLDEST)]
        return Stats(self.totals.records, self.totals.bytes, oldest[0] if oldest else None, self.totals.dead)

    def dead_rows(self, after_id: int, limit: int) -> list[DeadRow]:
        with translated():
            return list(_dead_rows(self._connection.execute(DEAD, (after_id, limit))))

    def dead_row(self, id_: int) -> DeadRow | None:
        with translated():
            return next(_dead_rows(self._connection.execute(DEAD_ONE, (id_,))), None)

    def checkpoint(self, *, thoroughly: bool = False) -> None:
        """Moves the log into the main file. `thoroughly`: all of it, and empties the log, or is "busy"."""
        mode = apsw.SQLITE_CHECKPOINT_TRUNCATE if thoroughly else apsw.SQLITE_CHECKPOINT_PASSIVE
        with translated():
            self._connection.wal_checkpoint(mode=mode)
        self.log_pages = 0

    def free_bytes(self) -> int:
        """Inside the file."""
        with translated():
            ((pages,),) = self._connection.execute("pragma freelist_count")
        return int(pages) * PAGE_BYTES

    def shrink(self, pages: int) -> None:
        """Gives so many free pages back to the disk."""
        with translated():
            self._connection.execute(f"pragma incremental_vacuum({int(pages)})").fetchall()

    def restore(self, cells: Iterable[Cell]) -> None:
        """Rows of a damaged file, under the ids they had."""
        with translated(), self._connection:
            for cell in cells:
                if cell.reason is None:
                    self._connection.execute(RESTORE_WAITING, (cell.id, cell.frame))
                else:
                    dead = (cell.id, cell.buried_us, cell.reason, cell.frame)
                    self._connection.execute(RESTORE_DEAD, dead)

    def recount(self) -> None:
        """After `restore`: a row that was on its way to the dead table stands in both."""
        with translated(), self._connection:
            self._connection.execute(FORGET_BURIED)
            self._connection.execute(RECOUNT, (self.totals.next_id,))
        self.refresh()

    def _create(self) -> None:
        self._connection.execute(f"pragma page_size = {PAGE_BYTES}")
        self._connection.execute("pragma auto_vacuum = incremental")
        self._connection.execute("pragma journal_mode = wal")
        with self._connection:
            self._connection.execute(CREATE)
            self._connection.execute(f"pragma user_version = {FORMAT}")

    def _set_up(self) -> None:
        connection = self._connection
        connection.set_busy_timeout(OTHERS_TIMEOUT_MS)
        connection.set_wal_hook(self._logged)
        connection.execute("pragma synchronous = full")
        connection.execute("pragma cell_size_check = on")
        connection.execute("pragma secure_delete = fast").fetchall()
        connection.execute("pragma temp_store = memory")
        connection.execute(f"pragma cache_size = -{CACHE_KIB}")
        connection.execute(f"pragma journal_size_limit = {LOG_BYTES_KEPT}").fetchall()
        ((found,),) = connection.execute("pragma user_version")
        if int(found) > FORMAT:
            raise SpoolRefusedError(
                f"{self.path} was written by a newer version; start that one and let it empty the spool"
            )

    def _logged(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self.log_pages = pages
        return apsw.SQLITE_OK

    def _load(self, next_id: int) -> Totals:
        for row in self._connection.execute(TOTALS):
            totals = Totals(*row)
            totals.next_id = max(totals.next_id, next_id)
            return totals
        raise SpoolUnavailableError("damaged", "no totals")

    def _roll_back(self) -> None:
        with suppress(apsw.Error):
            if self._connection.in_transaction:
                self._connection.execute("rollback")


def _dead_rows(cursor: apsw.Cursor) -> Iterator[DeadRow]:
    for id_, buried_us, reason, frame in cursor:
        yield DeadRow(id_, reason, at(buried_us), frame, unseal(id_, frame))


def _refuse_stump(path: Path) -> None:
    """SQLite takes an empty file for a new one, and deletes the log beside it."""
    size_bytes = path.stat().st_size if path.exists() else 0
    if size_bytes < PAGE_BYTES:
        raise SpoolUnavailableError("damaged", f"the file has {size_bytes} bytes")
