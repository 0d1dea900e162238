"""Every input that fuzzing found worth keeping still keeps every promise."""

from pathlib import Path

import pytest

from tests.fuzz.invariants import check

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())
FILES_MAX = 200
BYTES_MAX = 300_000


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_an_input_of_the_corpus_breaks_no_promise(path: Path) -> None:
    check(path.read_bytes())


def test_the_corpus_stays_small() -> None:
    assert 50 <= len(CORPUS) < FILES_MAX
    assert sum(path.stat().st_size for path in CORPUS) < BYTES_MAX
