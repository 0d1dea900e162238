"""From a folder to an open store, whatever state the files in it are in."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from receiver.spool.folder import generations, remove_unfinished, set_aside
from receiver.spool.pages import Cell, Log
from receiver.spool.salvage import examine, found, rescue_late, salvaged
from receiver.spool.store import Store
from receiver.spool.words import Report, Salvaged, SpoolUnavailableError, TailRescued


@dataclass(frozen=True, slots=True)
class Opening:
    """`next_id` is where ids go on at least; `report` hears of salvage; `vfs` is SQLite's file layer."""

    folder: Path
    bytes_max: int
    next_id: int
    report: Callable[[Report], None]
    vfs: str | None

    def opened(self, *, is_suspect: bool) -> Store:
        """The current generation, a first one, or, of a damaged file (`is_suspect`: known to be), the next.

        Raises SpoolUnavailableError, SpoolRefusedError.
        """
        remove_unfinished(self.folder)
        known = generations(self.folder)
        if not known:
            return self._store(found(self.folder, 1, (), next_id=self.next_id, vfs=self.vfs))
        for _, finished in known[:-1]:
            set_aside(finished)
        number, path = known[-1]
        examined = examine(path)
        damage = "its rows contradict each other" if is_suspect else examined.damage
        if not damage:
            try:
                return self._rescued(self._store(path), examined.late)
            except SpoolUnavailableError as error:
                if error.reason != "damaged":
                    raise
                damage = str(error)
        return self._rescued(self._salvaged(number, path, examined.log, damage), examined.late)

    def _store(self, path: Path) -> Store:
        store = Store(path, bytes_max=self.bytes_max, next_id=self.next_id, vfs=self.vfs)
        try:
            store.check()
        except SpoolUnavailableError:
            store.close(is_final=False)
            raise
        return store

    def _rescued(self, store: Store, late: list[Cell]) -> Store:
        rescued = rescue_late(store, late)
        if rescued:
            self.report(TailRescued(rescued))
        return store

    def _salvaged(self, number: int, path: Path, log: Log, damage: str) -> Store:
        cells = salvaged(path, log)
        store = self._store(found(self.folder, number + 1, cells, next_id=self.next_id, vfs=self.vfs))
        self.report(Salvaged(damage, store.totals.records, store.totals.dead, set_aside(path)))
        return store
