"""The spool from another process: what waits, and the dead, while the owner runs or not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from receiver.spool.disk_queue import SpoolRefusedError, SpoolUnavailableError
from receiver.spool.outside import (
    drop_dead,
    resend_dead,
    spool_dead,
    spool_dead_row,
    spool_stats,
    stats_json,
)
from tests.support.polling import eventually
from tests.unit.spool.entries import everything, names_in, numbers_of, opened, store

ROOT = Path(__file__).parents[3]
PROGRAM = """
import json, sys
from pathlib import Path
from receiver.spool.outside import *
print(json.dumps(eval(sys.argv[2], globals(), {"folder": Path(sys.argv[1])})))
"""


def elsewhere(folder: Path, expression: str) -> object:
    """The value of `expression` in another process."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), expression],
        check=True,
        timeout=60,
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    return json.loads(done.stdout)


async def test_what_waits_is_shown_while_the_owner_writes(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        await store(spool, range(5))
        await spool.bury(1, "too large")
        rows = await everything(spool)
        assert elsewhere(tmp_path, "stats_json(spool_stats(folder))") == {
            "records": 4,
            "bytes": spool.size_bytes,
            "oldest_at": rows[0].enqueued_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "dead": 1,
        }
        await store(spool, range(5, 8))


async def test_the_owner_notices_what_was_resent_and_dropped(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        await store(spool, range(5))
        for id_ in (1, 2, 3):
            await spool.bury(id_, "too large")
        assert elsewhere(tmp_path, "[row.id for row in spool_dead(folder)]") == [1, 2, 3]
        assert elsewhere(tmp_path, "resend_dead(folder, [1, 3, 99])") == 2
        assert elsewhere(tmp_path, "drop_dead(folder, [2])") == 1
        await eventually(lambda: (spool.records, spool.dead) == (4, 0))
        assert numbers_of(await everything(spool)) == [3, 4, 0, 2]
        await store(spool, [5])
        assert numbers_of(await everything(spool)) == [3, 4, 0, 2, 5]


async def test_it_works_without_an_owner_and_leaves_the_file_as_good(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        await store(spool, range(3))
        await spool.bury(2, "invalid")
    assert spool_stats(tmp_path).records == 2
    row = spool_dead_row(tmp_path, 2)
    assert row is not None
    assert row.reason == "invalid"
    assert spool_dead_row(tmp_path, 1) is None
    assert resend_dead(tmp_path, [2]) == 1
    async with opened(tmp_path) as spool:
        assert numbers_of(await everything(spool)) == [0, 2, 1]


async def test_many_dead_are_read_in_pages(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        await store(spool, range(450))
        for id_ in range(1, 451):
            spool.bury(id_, "too large")
    assert [row.id for row in spool_dead(tmp_path)] == list(range(1, 451))
    assert drop_dead(tmp_path, range(1, 451)) == 450


def test_a_folder_without_a_spool_is_empty_and_stays_so(tmp_path: Path) -> None:
    assert stats_json(spool_stats(tmp_path)) == {"records": 0, "bytes": 0, "oldest_at": None, "dead": 0}
    assert list(spool_dead(tmp_path)) == []
    assert spool_dead_row(tmp_path, 1) is None
    assert resend_dead(tmp_path, [1]) == 0
    assert names_in(tmp_path) == []


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpoolRefusedError, match="RECEIVER_SPOOL_DIR"):
        spool_stats(tmp_path / "elsewhere")


@pytest.mark.parametrize("content", [b"", b"not a database" * 5_000])
def test_a_damaged_file_is_said_to_be_so(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "spool-000001.db").write_bytes(content)
    with pytest.raises(SpoolUnavailableError, match="damaged"):
        spool_stats(tmp_path)
