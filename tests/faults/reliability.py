"""RELIABILITY.md: the figures of the fault bench and of the mutations, written by `make reliability`.

The runs themselves stand beside it as lines of JSON; nothing is run here.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.faults import promises, results
from tests.faults.catalogue import faults
from tests.faults.figures import Run, markdown, summary
from tests.mutations import verdicts
from tests.mutations.breaks import breaks

PAGE = results.FOLDER / "RELIABILITY.md"
PROMISED, FIGURES, MUTATIONS = "promises", "figures", "mutations"


def put(page: Path, name: str, text: str) -> None:
    """Between the two marks of that name; the rest of the page is for people to write."""
    begin, end = f"<!-- {name}: written by make reliability -->", f"<!-- end of {name} -->"
    before, rest = page.read_text(encoding="utf-8").split(begin)
    after = rest.split(end)[1]
    page.write_text(f"{before}{begin}\n\n{text}\n{end}{after}", encoding="utf-8")


def figures(runs: Sequence[Run]) -> str:
    """A line for each fault that was run, in the catalogue's order."""
    by_fault = [results.of_fault(runs, fault.name) for fault in faults()]
    return markdown([summary(same) for same in by_fault if same])


def main() -> int:
    runs = results.read(results.RESULTS)
    put(PAGE, PROMISED, promises.markdown(runs))
    put(PAGE, FIGURES, figures(runs))
    put(PAGE, MUTATIONS, verdicts.markdown(breaks(), verdicts.read(verdicts.VERDICTS)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
