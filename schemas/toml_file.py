"""A TOML file that people write: what it says, or what is wrong with it, without any secret."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

Shape = TypeVar("Shape", bound=BaseModel)

REMEDIES: Final = {
    "missing": "is missing; add it",
    "extra_forbidden": "is not known; remove it, or correct its name",
}
"""By pydantic's kind of error."""


class TomlFileError(Exception):
    """`faults`: what is wrong and what to do, one line each."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def read_toml(path: Path, shape: type[Shape], table: str) -> Shape:
    """What the file says; `table` is its array of tables. Raises TomlFileError."""
    try:
        return shape.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise TomlFileError(f"cannot be read ({error.strerror}); name a readable file") from error
    except UnicodeDecodeError as error:
        raise TomlFileError("is not UTF-8 text; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise TomlFileError(f"is not TOML{_place_of(error)}; correct it there") from None
    except ValidationError as error:
        raise TomlFileError(*_shape_faults(error, table)) from None
    except (RecursionError, ValueError):  # of the library, which does not call it a TOML error
        raise TomlFileError("holds a number or a nesting beyond all measure; correct it") from None


def _place_of(error: tomllib.TOMLDecodeError) -> str:
    """Where, not what: the message of a TOML error may quote the line of a password."""
    found = str(error).rpartition("(at ")[2].rstrip(")")
    return f" (at {found})" if found.startswith("line ") else ""


def _shape_faults(error: ValidationError, table: str) -> Iterator[str]:
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
