"""`profile-downstream`: tells IMIconnect and Oracle what has settled, once a targets file says so."""

import sys
from collections.abc import Sequence

from reconciler.downstream.commands import COMMANDS
from reconciler.program import main as program_main


def main(argv: Sequence[str] | None = None) -> int:
    return program_main("profile-downstream", "Tells other systems what has settled.", COMMANDS, argv)


if __name__ == "__main__":
    sys.exit(main())
