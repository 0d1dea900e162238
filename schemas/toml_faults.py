"""What is wrong with a TOML file that people write, in words, and without quoting what may be a secret."""

import tomllib
from collections.abc import Iterator
from typing import Final

from pydantic import ValidationError

REMEDIES: Final = {
    "missing": "is missing; add it",
    "extra_forbidden": "is not known; remove it, or correct its name",
}
"""By pydantic's kind of error."""


def place_of(error: tomllib.TOMLDecodeError) -> str:
    """Where, not what: the message of a TOML error may quote the line of a password."""
    found = str(error).rpartition("(at ")[2].rstrip(")")
    return f" (at {found})" if found.startswith("line ") else ""


def shape_faults(error: ValidationError, table: str) -> Iterator[str]:
    """One line each, with what to do; `table` is the array of tables whose entries are counted, from 1."""
    for fault in error.errors(include_input=False, include_url=False, include_context=False):
        where: tuple[int | str, ...] = fault["loc"]
        message = fault["msg"].removeprefix("Value error, ")
        says = REMEDIES.get(fault["type"], f"{message[0].lower()}{message[1:]}; correct it")
        match where:
            case (str(name), int(index), *rest) if name == table:
                yield f"{table} {index + 1}: {'.'.join(map(str, rest))}: {says}"
            case _:
                yield f"{'.'.join(map(str, where))}: {says}"
