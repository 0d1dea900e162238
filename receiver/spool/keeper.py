"""Keeps a spool's file usable: opens it, takes it out of service when it fails, and brings it back.

What goes wrong is one of three. The disk is full: nothing is lost and nothing need be closed; the reserve
is given up so that rows can be removed, and appends wait until the disk can hold the reserve again. The
file is busy: another process was slow; the next try will do. Anything else: the file is closed without a
further write, because after a failed fsync the kernel may have dropped what it calls clean, and opened
again; then everything in the log is written once more into the main file and synced before an append is
taken. A file that turns out to be damaged is salvaged on the way.

Everything here happens in the writer's thread; others may read `trouble`, `totals` and `group_bytes_max`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, time_ns
from typing import Final

from receiver.spool.folder import RESERVE_BYTES_MAX, Lock, Reserve, more_exactly, prepare
from receiver.spool.opening import Opening
from receiver.spool.pages import PAGE_BYTES
from receiver.spool.store import Change, Store
from receiver.spool.words import (
    DamagedRows,
    Reason,
    Recovered,
    Report,
    Row,
    SpoolRefusedError,
    SpoolUnavailableError,
    Totals,
    Unavailable,
)

RETRY_FIRST_S: Final = 0.1
RETRY_MAX_S: Final = 5.0
LOOK_AROUND_S: Final = 1.0
LOG_PAGES_MAX: Final = 250
SHRINK_FROM_BYTES: Final = 4 * 1024 * 1024
SHRINK_PAGES: Final = 64
SHRINK_STEPS_MAX: Final = 64


class Keeper:
    def __init__(
        self, folder: Path, bytes_max: int, report: Callable[[Report], None], vfs: str | None = None
    ) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._report = report
        self._vfs = vfs
        self._lock: Lock | None = None
        self._reserve: Reserve | None = None
        self._store: Store | None = None
        self._has_failed = False
        self._is_suspect = False
        self._retry_s = RETRY_FIRST_S
        self._retry_at = 0.0
        self._shrink_steps = 0
        self.trouble: Reason | None = "starting"
        self.totals = Totals()
        self.group_bytes_max = RESERVE_BYTES_MAX // 4
        self.log_pages_max = LOG_PAGES_MAX

    def begin(self) -> None:
        """Raises SpoolRefusedError. A disk in trouble is tried again later."""
        try:
            self._bring_up()
        except SpoolUnavailableError as error:
            self.failed(error)
        except SpoolRefusedError:
            self.close()
            raise

    def is_open(self) -> bool:
        return self._store is not None

    def store(self) -> Store:
        assert self._store is not None, "asked before is_open"
        return self._store

    def is_full(self) -> bool:
        return self.totals.bytes + self.totals.dead_bytes >= self._bytes_max

    def close(self) -> None:
        self.trouble = "closed"
        self._put_away(is_final=True)

    def read(self, after_id: int, limit: int, bytes_max: int) -> list[Row]:
        """Rows whose content is damaged go to the dead table on the way."""
        while True:
            rows, damaged = self.store().read(after_id, limit, bytes_max)
            if damaged:
                self._bury_damaged(damaged)
            if rows or not damaged:
                return rows
            after_id = damaged[-1]

    def failed(self, error: SpoolUnavailableError) -> None:
        """Draws the consequences of an error."""
        if error.reason == "busy" and self.trouble is None:
            return
        reason = more_exactly(error.reason, self._folder)
        if error.reason == "disk_full" and self._store is not None:
            self._give_up_reserve(self._store)
        elif error.reason != "busy":
            self._has_failed |= self._store is not None
            self._is_suspect |= error.reason == "damaged"
            self._put_away(is_final=False)
        self._retry_at = monotonic() + self._retry_s
        if self.trouble != reason:
            self.trouble = reason
            self._report(Unavailable(reason))

    @contextmanager
    def change(self) -> Iterator[Change]:
        """As `Store.change`. Raises SpoolUnavailableError; `failed` draws its consequences."""
        store = self.store()
        with store.change() as change:
            yield change
        self.totals = store.totals

    def checkpoint_if_due(self) -> None:
        """After each transaction, when whoever waited for it has been told."""
        if self._store is not None and self._store.log_pages >= self.log_pages_max:
            self._guarded(self._store.checkpoint)

    def wait_s(self) -> float:
        """How long there is nothing to do here."""
        if self._shrink_steps:
            return 0.0
        due_s = LOOK_AROUND_S if self.trouble is None else self._retry_at - monotonic()
        return min(LOOK_AROUND_S, max(0.0, due_s))

    def look_around(self) -> None:
        """When nobody wants anything: sees what another process did, gives room back to the disk."""
        if self._store is not None:
            self._guarded(self._refresh)
        if self._store is not None and self.trouble is None:
            self._guarded(self._shrink)

    def recover_if_due(self) -> None:
        if self.trouble is None or monotonic() < self._retry_at:
            return
        self._retry_s = min(RETRY_MAX_S, self._retry_s * 2)
        try:
            if self._store is None:
                self._bring_up()
            else:
                self._take_appends_again()
        except SpoolRefusedError:
            self.failed(SpoolUnavailableError("locked"))
        except SpoolUnavailableError as error:
            self.failed(error)

    def _bring_up(self) -> None:
        prepare(self._folder)
        self._lock = self._lock or Lock(self._folder)
        self._reserve = Reserve(self._folder)
        self.group_bytes_max = self._reserve.size_bytes // 4
        self.log_pages_max = min(LOG_PAGES_MAX, self._reserve.size_bytes // 2 // PAGE_BYTES)
        try:
            self._open()
        except SpoolUnavailableError as error:
            if error.reason not in ("disk_full", "io_error") or not self._reserve.is_taken():
                raise
            self._reserve.release()
            self._open()
        self._take_appends_again()

    def _open(self) -> None:
        opening = Opening(self._folder, self._bytes_max, self.totals.next_id, self._report, self._vfs)
        store = opening.opened(is_suspect=self._is_suspect)
        self._is_suspect = False
        try:
            if self._has_failed:
                store.checkpoint(thoroughly=True)
        except SpoolUnavailableError:
            store.close(is_final=False)
            raise
        self._has_failed = False
        self._store = store
        self.totals = store.totals

    def _take_appends_again(self) -> None:
        """Raises SpoolUnavailableError as long as the disk cannot hold the reserve."""
        if self.trouble == "disk_full":
            self._make_room(self.store())
        if self._reserve is not None:
            self._reserve.take()
        self._retry_s = RETRY_FIRST_S
        if self.trouble not in (None, "starting"):
            self._report(Recovered(self.totals.records))
        self.trouble = None

    def _give_up_reserve(self, store: Store) -> None:
        """First of all for the log: emptied, it can take what follows without growing."""
        if self._reserve is not None:
            self._reserve.release()
        with suppress(SpoolUnavailableError):
            store.checkpoint()

    def _make_room(self, store: Store) -> None:
        """As rows were removed; and the log of a transaction that failed must not outlive it."""
        for _ in range(SHRINK_STEPS_MAX):
            if not store.free_bytes():
                break
            store.shrink(self._shrink_pages())
            store.checkpoint()
        store.checkpoint(thoroughly=True)

    def _shrink(self) -> None:
        store = self.store()
        if not self._shrink_steps and store.free_bytes() >= SHRINK_FROM_BYTES:
            self._shrink_steps = store.free_bytes() // PAGE_BYTES // self._shrink_pages()
        if self._shrink_steps:
            self._shrink_steps -= 1
            store.shrink(self._shrink_pages())
            if not self._shrink_steps or store.log_pages >= self.log_pages_max:
                store.checkpoint()

    def _shrink_pages(self) -> int:
        return min(SHRINK_PAGES, self.log_pages_max // 4)

    def _refresh(self) -> None:
        store = self.store()
        if not store.path.exists():
            raise SpoolUnavailableError("io_error", "somebody removed the file")
        store.refresh()
        self.totals = store.totals

    def _bury_damaged(self, ids: list[int]) -> None:
        with self.change() as change:
            for id_ in ids:
                change.bury(id_, "damaged", time_ns() // 1000)
        self._report(DamagedRows(tuple(ids)))

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except SpoolUnavailableError as error:
            self.failed(error)

    def _put_away(self, *, is_final: bool) -> None:
        if self._store is not None:
            self._store.close(is_final=is_final)
            self._store = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None
