"""Runs as lines of JSON in a file: one run a line, kept beside RELIABILITY.md, from which its table is made.

A run of the same fault and seed that comes later takes the place of the earlier one.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter

from tests.faults.figures import Run

FOLDER = Path(__file__).parents[1] / "acceptance"
RESULTS = FOLDER / "reliability.ndjson"
READ = TypeAdapter(Run)
TEXT_MAX = 300
ROOT = Path(__file__).parents[2]


def append(path: Path, run: Run) -> None:
    """Long texts are cut: the folder of the run has them whole."""
    members = {name: _cut(value) for name, value in run.as_json().items() if value not in ((), [], 0, "")}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(members, separators=(",", ":")) + "\n")


def _cut(value: object) -> object:
    return [str(text)[:TEXT_MAX] for text in value[:10]] if isinstance(value, list | tuple) else value


def read(*paths: Path) -> list[Run]:
    found = [
        READ.validate_json(line)
        for path in paths
        if path.exists()
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    return list({(run.fault, run.seed): run for run in found}.values())


def of_fault(runs: Sequence[Run], fault: str) -> list[Run]:
    return [run for run in runs if run.fault == fault]


def version() -> str:
    """The commit that was tested; with a mark where files differ from it. Empty outside a repository."""
    done = subprocess.run(
        ("git", "describe", "--always", "--dirty", "--abbrev=9"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()
