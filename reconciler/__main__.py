"""`profile-reconciler`: from Kafka to settled rows, and what people do around it."""

import sys
from collections.abc import Sequence

from reconciler.commands import (
    announce,
    decide,
    explain,
    listeners,
    migrate,
    offsets,
    quarantine,
    rebuild,
    run,
    submit,
    sweep,
    topics,
)
from reconciler.program import main as program_main

COMMANDS = (
    migrate.COMMAND,
    topics.CREATE,
    topics.CHECK,
    offsets.SHOW,
    offsets.RESET,
    offsets.ACCEPT_GAP,
    quarantine.LIST,
    quarantine.SHOW,
    quarantine.REPLAY,
    quarantine.DISCARD,
    rebuild.COMMAND,
    run.COMMAND,
    submit.COMMAND,
    announce.COMMAND,
    sweep.COMMAND,
    decide.COMMAND,
    explain.COMMAND,
    listeners.LIST,
    listeners.REGISTER,
    listeners.REPAIR,
    listeners.REMOVE,
)


def main(argv: Sequence[str] | None = None) -> int:
    return program_main("profile-reconciler", "From Kafka to settled rows.", COMMANDS, argv)


if __name__ == "__main__":
    sys.exit(main())
