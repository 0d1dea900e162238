"""The list of mutations does not rot: each still fits the code, and names faults there are."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.catalogue import faults
from tests.mutations.breaks import Break, breaks
from tests.mutations.copy import ROOT, MovedError, broken
from tests.mutations.verdicts import Verdict, append, letters, markdown, read

LEAST = 15


@pytest.mark.parametrize("one", breaks(), ids=lambda one: one.name)
def test_it_fits_the_code_as_it_is(one: Break) -> None:
    text = broken((ROOT / one.file).read_text(encoding="utf-8"), one)
    if one.file.endswith(".py"):
        compile(text, one.file, "exec")
    assert one.faults and set(one.faults) <= {fault.name for fault in faults()}


def test_there_are_enough_of_different_names() -> None:
    assert len({one.name for one in breaks()}) == len(breaks()) >= LEAST


def test_a_broken_limit_alone_shows_nothing_unless_it_is_meant_to() -> None:
    one = Break("x", "y", "file.py", ("none",), "old", "new")
    assert one.is_shown({"A/F": 1}) and one.is_shown({"H/truth"})
    assert not one.is_shown({"limit", "stuck", "bench"})
    assert replace(one, shown_by=frozenset({"limit"})).is_shown({"limit"})


def test_code_that_moved_is_told() -> None:
    one = Break("x", "y", "file.py", ("none",), "old", "new")
    assert broken("an old one", one) == "an new one"
    for text in ("another one", "old and old"):
        with pytest.raises(MovedError, match=r"file\.py"):
            broken(text, one)


def test_the_latest_verdict_counts_and_what_was_missed_is_said(tmp_path: Path) -> None:
    path = tmp_path / "verdicts"
    one = breaks()[0]
    append(path, Verdict(one.name, "none", 1, 3, {}))
    assert "**missed** in 3 runs" in markdown(breaks(), read(path))
    append(path, Verdict(one.name, "none", 1, 1, letters(["A: x", "F: y", "A: z"])))
    assert markdown(breaks(), read(path)).splitlines()[2:] == [
        f"| {one.name} | {one.title} | none | A (2), F (1) |"
    ]
