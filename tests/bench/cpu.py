"""CPU seconds of processes, read from /proc: what a thing costs, however busy the machine is."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def _fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the command's name, which may hold blanks."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()


def own_seconds(pid: int) -> float:
    """User and system time of one process, its threads included."""
    fields = _fields(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS


def tree_seconds(pid: int) -> float:
    """Of a process, its living descendants, and all children it has reaped (PostgreSQL's back ends)."""
    while True:
        try:
            return _tree_seconds(pid)
        except FileNotFoundError:  # a descendant ended while we looked: now it counts as reaped
            _fields(pid)


def _tree_seconds(pid: int) -> float:
    fields = _fields(pid)
    return sum(int(field) for field in fields[11:15]) / TICKS + sum(
        _tree_seconds(child) for child in children(pid)
    )


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in text.split()]
