"""The SQL of this package by name: one statement per file in `sql/queries`, read once."""

from functools import cache
from importlib.resources import files


@cache
def query(name: str) -> str:
    """The text of `sql/queries/NAME.sql`."""
    return (files("reconciler.downstream") / "sql" / "queries" / f"{name}.sql").read_text(encoding="utf-8")
