"""The person at the keyboard: who it is, for the record, and whether it means it."""

import getpass
import os
import socket
import sys
from argparse import ArgumentParser

from reconciler.program import warn

NAME_CHARS_MAX = 200


def person_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--by",
        type=_name,
        metavar="NAME",
        help="who does this, for the record (default: login name and host)",
    )


def consent_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do it without asking")
    parser.add_argument("--dry-run", action="store_true", help="only say what would happen")


def _name(text: str) -> str:
    return text[:NAME_CHARS_MAX]


def who(named: str | None) -> str:
    """A container may run as a user that has no name."""
    if named:
        return named
    try:
        login = getpass.getuser()
    except (KeyError, OSError):
        login = f"user {os.getuid()}"
    return f"{login}@{socket.gethostname()}"[:NAME_CHARS_MAX]


def agreed(question: str) -> bool | None:
    """Asks on a terminal; None where nobody can be asked."""
    if not sys.stdin.isatty():
        return None
    warn(f"{question} Type yes to go on:")
    return sys.stdin.readline().strip().casefold() == "yes"
