"""A copy of the product, one text in it changed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.mutations.breaks import Break

ROOT = Path(__file__).parents[2]
COPIED = ("receiver", "reconciler", "schemas", "tests", "deploy")


class MovedError(Exception):
    """The code is no longer what the mutation was written for."""


def broken(text: str, one: Break) -> str:
    """Raises MovedError unless the old text stands there exactly once."""
    found = text.count(one.old)
    if found != 1:
        raise MovedError(
            f"{one.name}: its text stands {found} times in {one.file}. Nothing was run. "
            "Read what the code does now, and write the mutation anew in tests/mutations/breaks.toml."
        )
    return text.replace(one.old, one.new)


@contextmanager
def broken_tree(one: Break) -> Iterator[Path]:
    """For PYTHONPATH; gone after the block."""
    with tempfile.TemporaryDirectory(prefix=f"broken-{one.name}-") as folder:
        tree = Path(folder)
        for package in COPIED:
            shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
        path = tree / one.file
        path.write_text(broken(path.read_text(encoding="utf-8"), one), encoding="utf-8")
        yield tree
