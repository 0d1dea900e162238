"""`profile-audit`: what became of a request or a device, who told us, and proof that nothing was altered."""

import sys
from collections.abc import Sequence

from reconciler.audit import commands
from reconciler.program import main as program_main


def main(argv: Sequence[str] | None = None) -> int:
    return program_main("profile-audit", __doc__.partition(": ")[2], commands.COMMANDS, argv)


if __name__ == "__main__":
    sys.exit(main())
