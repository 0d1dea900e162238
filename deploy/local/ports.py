"""Loopback ports that stay ours while their owner is down.

The system gives ephemeral ports to outgoing connections, so a port from that range may be gone when a killed
broker wants it back. Ports are taken from below it.
"""

import random
import socket
from collections import deque
from pathlib import Path

from deploy.local.faults import StackError

HOST = "127.0.0.1"
LOWEST = 15_000
EPHEMERAL_FROM_USUALLY = 32_768
EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
TRIES_MAX = 200

_given: deque[int] = deque(maxlen=2_000)  # by this process; who asked may not listen yet


def free_ports(count: int) -> tuple[int, ...]:
    """Ports that nobody listens on now, and that this process was not given lately.

    Another process may still be faster than the caller.
    """
    chosen: list[int] = []
    for port in random.sample(range(LOWEST, _ephemeral_from()), TRIES_MAX):
        if port not in _given and is_free(port):
            chosen.append(port)
        if len(chosen) == count:
            _given.extend(chosen)
            return tuple(chosen)
    raise StackError(f"No {count} free ports between {LOWEST} and {_ephemeral_from()} on {HOST}.")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is no owner
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def answers(port: int) -> bool:
    """Whether somebody accepts connections on the port."""
    try:
        socket.create_connection((HOST, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _ephemeral_from() -> int:
    try:
        lowest = int(EPHEMERAL_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return EPHEMERAL_FROM_USUALLY
    return lowest if lowest > LOWEST + 1_000 else 65_535
