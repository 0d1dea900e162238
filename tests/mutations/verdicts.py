"""What became of each mutation: lines of JSON beside RELIABILITY.md, and a table."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from tests.faults.results import FOLDER
from tests.mutations.breaks import Break

VERDICTS = FOLDER / "mutations.ndjson"
HEADINGS = ("mutation", "what is broken", "under", "found by")
TEXT_MAX = 200


@dataclass(frozen=True, slots=True)
class Verdict:
    """`found`: how many violations of each letter, by the first run that had any; none: it was missed.

    `runs`: how many there were until then; `first`: what it said.
    """

    name: str
    fault: str
    seed: int
    runs: int
    found: dict[str, int]
    first: str = ""
    version: str = ""


READ = TypeAdapter(Verdict)


def letters(wrong: Sequence[str]) -> dict[str, int]:
    """By the letter of the design's list, or the word of the bench."""
    return dict(sorted(Counter(text.split(":", 1)[0] for text in wrong).items()))


def append(path: Path, verdict: Verdict) -> None:
    short = {**asdict(verdict), "first": verdict.first[:TEXT_MAX]}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(short, separators=(",", ":")) + "\n")


def read(path: Path) -> dict[str, Verdict]:
    """The latest of each mutation."""
    if not path.exists():
        return {}
    found = [READ.validate_json(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {verdict.name: verdict for verdict in found}


def row(one: Break, verdict: Verdict) -> tuple[str, ...]:
    found = ", ".join(f"{letter} ({count})" for letter, count in verdict.found.items())
    return (one.name, one.title, verdict.fault, found or f"**missed** in {verdict.runs} runs")


def markdown(known: Sequence[Break], verdicts: dict[str, Verdict]) -> str:
    """Of those that were tried."""
    rows = [row(one, verdicts[one.name]) for one in known if one.name in verdicts]
    lines = [HEADINGS, ("---",) * len(HEADINGS), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
