"""RELIABILITY.md: the figures of the fault bench, written by the bench.

The figures themselves are kept beside it as JSON, one entry for each fault, so that a run of some faults
renews their lines alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter

from tests.faults.catalogue import faults
from tests.faults.figures import Summary, markdown

PAGE = Path(__file__).parents[1] / "acceptance" / "RELIABILITY.md"
FIGURES = PAGE.with_name("reliability.json")
BEGIN, END = "<!-- figures: written by python -m tests.faults --write -->", "<!-- end of figures -->"
SUMMARIES = TypeAdapter(list[Summary])


def write(new: Sequence[Summary], *, page: Path = PAGE, figures: Path = FIGURES) -> None:
    """Lines of faults that are in the catalogue no more go."""
    known = SUMMARIES.validate_json(figures.read_bytes()) if figures.exists() else []
    by_name = {one.fault: one for one in (*known, *new)}
    summaries = [by_name[fault.name] for fault in faults() if fault.name in by_name]
    figures.write_text(json.dumps([asdict(one) for one in summaries], indent=1) + "\n", encoding="utf-8")
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n\n{markdown(summaries)}\n{END}{after}", encoding="utf-8")
