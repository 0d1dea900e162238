"""`profile-receiver check`: everything that could keep a receiver from its work, told at once."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from receiver.configuration import read_configuration
from receiver.descriptors import connections_within, remedy_for
from receiver.kafka import broker_faults
from receiver.spool.folder import folder_faults
from schemas.settings import SettingsError

SPOOL_DIR = "RECEIVER_SPOOL_DIR"


@dataclass(frozen=True, slots=True)
class Findings:
    """`misused`: faults of settings and files; `failed`: of the world around. `NAME: what; remedy` each."""

    misused: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        return 2 if self.misused else 1 if self.failed else 0

    def as_json(self) -> str:
        faults = [*self.misused, *self.failed]
        split = [fault.partition(": ") for fault in faults]
        return json.dumps(
            {"ok": not faults, "faults": [{"setting": name, "fault": text} for name, _, text in split]}
        )

    def as_text(self) -> str:
        lines = [*self.misused, *self.failed]
        if not lines:
            return "settings, accounts, certificate, spool folder and broker are fine"
        return "\n".join(lines)


async def check() -> Findings:
    try:
        settings = read_configuration().settings
    except SettingsError as error:
        return Findings(misused=error.faults)
    spool = folder_faults(settings.spool_dir, settings.spool_bytes_max)
    return Findings(
        misused=tuple(f"{SPOOL_DIR}: {fault}" for fault in spool),
        failed=(*_connection_faults(settings.connections_max), *await broker_faults(settings)),
    )


def _connection_faults(wanted: int) -> Iterator[str]:
    granted = connections_within(wanted)
    if granted < wanted:
        yield (
            f"RECEIVER_CONNECTIONS_MAX: the system has open files for {granted} of {wanted} connections; "
            f"{remedy_for(wanted)}, or lower it"
        )
