"""`profile-receiver spool dead`: what a slip of the hand does to what waits for a person."""

from pathlib import Path

import pytest

from receiver.__main__ import main
from receiver.spool.outside import spool_dead
from tests.unit.spool.entries import opened, store

MISUSED = 2


@pytest.fixture
async def dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three dead records, 1 to 3."""
    async with opened(tmp_path) as spool:
        await store(spool, range(3))
        for id_ in (1, 2, 3):
            await spool.bury(id_, "too large")
    monkeypatch.setenv("RECEIVER_SPOOL_DIR", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ("drop",),
        ("resend",),
        ("drop", "--all", "1"),
        ("resend", "1", "--all"),
        ("drop", "99999999999999999999"),
        ("drop", "-1"),
        ("show", "99999999999999999999"),
        ("show", "two"),
    ],
)
def test_what_names_no_records_or_two_sets_of_them_touches_none(
    words: tuple[str, ...], dead: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["spool", "dead", *words])
    assert ended.value.code == MISUSED
    assert len(list(spool_dead(dead))) == 3
    told = capsys.readouterr()
    assert told.out == ""
    assert "ID" in told.err


def test_a_number_said_twice_is_one_record(dead: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spool", "dead", "drop", "2", "2"]) == 0
    assert capsys.readouterr().out == "1 records are gone\n"
    assert [row.id for row in spool_dead(dead)] == [1, 3]


def test_all_are_all(dead: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spool", "dead", "resend", "--all", "--json"]) == 0
    assert capsys.readouterr().out == '{"records": 3}\n'
    assert list(spool_dead(dead)) == []
