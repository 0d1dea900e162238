"""How many files we may have open: one for each connection, and some of our own.

The system's usual limit is less than the connections that we promise room for. At the limit nobody is
accepted any more, listed or not, and neither Kafka nor the spool can be opened again.
"""

from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit, setrlimit
from typing import Final

OWN_MAX: Final = 128
"""Listeners, Kafka, spool, operators, and whom the door is just about to send away."""
CONNECTIONS_MIN: Final = 2


def connections_within(wanted: int) -> int:
    """As many of the wanted ones as there can be, after asking the system for all that it grants us."""
    soft, hard = getrlimit(RLIMIT_NOFILE)
    granted = _at_most(wanted + OWN_MAX, hard)
    if soft != RLIM_INFINITY and soft < granted:
        setrlimit(RLIMIT_NOFILE, (granted, hard))
    return max(CONNECTIONS_MIN, granted - OWN_MAX)


def remedy_for(wanted: int) -> str:
    return f"raise the limit of open files (ulimit -n, LimitNOFILE) to {wanted + OWN_MAX}"


def _at_most(needed: int, hard: int) -> int:
    return needed if hard == RLIM_INFINITY else min(needed, hard)
