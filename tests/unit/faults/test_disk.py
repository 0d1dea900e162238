"""Spools come to harm where they are in use, and nowhere else."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.faults.disk import LOG_HEAD_BYTES, flip, log_end, tear

RECORD = '{"kind":"callback","number":%d}'


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Path]:
    """Its log has begun anew: after what is in use come frames of its first round."""
    writer = sqlite3.connect(tmp_path / "spool-000001.db", isolation_level=None)
    writer.execute("pragma journal_mode = wal")
    writer.execute("pragma wal_autocheckpoint = 0")
    writer.execute("create table waiting (record text)")
    for number in range(20):
        writer.execute("insert into waiting values (?)", [RECORD % number])
    writer.execute("pragma wal_checkpoint(passive)")
    for number in range(20, 23):
        writer.execute("insert into waiting values (?)", [RECORD % number])
    yield tmp_path
    writer.close()


def copied(spool: Path, to: Path) -> Path:
    """As a crash leaves it: nobody has said good-bye."""
    to.mkdir()
    for path in spool.glob("spool-*.db*"):
        if not path.name.endswith("-shm"):
            (to / path.name).write_bytes(path.read_bytes())
    return to


def records(spool: Path) -> int:
    reader = sqlite3.connect(spool / "spool-000001.db")
    ((count,),) = reader.execute("select count(*) from waiting")
    reader.close()
    return int(count)


def test_a_log_ends_where_its_last_round_does(spool: Path) -> None:
    log = (spool / "spool-000001.db-wal").read_bytes()
    assert LOG_HEAD_BYTES < log_end(log) < len(log)
    assert log_end(b"") == LOG_HEAD_BYTES


def test_a_torn_tail_stands_right_behind_what_counts_and_costs_nothing(spool: Path, tmp_path: Path) -> None:
    for seed in range(20):
        crashed = copied(spool, tmp_path / f"crashed-{seed}")
        log = crashed / "spool-000001.db-wal"
        end = log_end(log.read_bytes())
        assert tear(crashed, Random(seed)) == 1
        assert log.read_bytes()[end : end + 24] == log.read_bytes()[LOG_HEAD_BYTES : LOG_HEAD_BYTES + 24]
        assert records(crashed) == 23


def test_where_no_log_is_nothing_is_torn(tmp_path: Path) -> None:
    assert tear(tmp_path, Random(1)) == 0
    (tmp_path / "spool-000001.db-wal").write_bytes(b"")
    assert tear(tmp_path, Random(1)) == 0


def test_what_is_flipped_is_in_use(spool: Path) -> None:
    log = spool / "spool-000001.db-wal"
    before = log.read_bytes()
    for seed in range(20):
        assert flip(spool, Random(seed))
    assert log.read_bytes()[log_end(before) :] == before[log_end(before) :]


def test_where_no_record_waits_nothing_is_flipped(tmp_path: Path) -> None:
    assert flip(tmp_path, Random(1)) == 0
