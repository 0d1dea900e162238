"""Limits belong to a process, so each of these asks one of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = """
import json, sys
from resource import RLIMIT_NOFILE, getrlimit, setrlimit
from receiver.descriptors import connections_within
soft, hard, wanted = map(int, sys.argv[1:])
setrlimit(RLIMIT_NOFILE, (soft, hard))
print(json.dumps([connections_within(wanted), getrlimit(RLIMIT_NOFILE)[0]]))
"""


def granted(soft: int, hard: int, wanted: int) -> tuple[int, int]:
    """For so many connections, and the limit afterwards."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, (soft, hard, wanted))],
        check=True,
        timeout=60,
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    connections, limit = json.loads(done.stdout)
    return connections, limit


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "connections", "limit"),
    [
        (256, 1000, 500, 500, 628),
        (256, 400, 500, 272, 400),
        (900, 1000, 500, 500, 900),
        (100, 100, 500, 2, 100),
    ],
    ids=["asked for", "not granted", "more than enough", "hardly any"],
)
def test_as_many_as_the_system_grants(
    soft: int, hard: int, wanted: int, connections: int, limit: int
) -> None:
    assert granted(soft, hard, wanted) == (connections, limit)
