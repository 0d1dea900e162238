"""The audit chain: stable bytes, and every change shows."""

from datetime import UTC, datetime
from uuid import UUID

import asyncpg.pgproto.pgproto
import pytest
from pydantic import AwareDatetime, TypeAdapter

from reconciler.core import chain

SEEN = datetime(2026, 3, 3, 12, 0, 0, 250, tzinfo=UTC)
ROW: tuple[chain.Value, ...] = (
    b"\x01" * 32, "callback", "0000123456-00001", "req-1", None, "89049032000000000000000000000001",
    None, None, "8914800000000000001", None, False, "8914800000000000001", "delete", "success", None,
    SEEN, 1, 4, None, "DeviceProfileService", "receiver/0.1", 1, ["repaired_json"], "applied",
    UUID("6d1f3c1e-8d0a-5c8e-9b3a-0f4d5c1b2a39"), 3, 17, 1, SEEN,
)  # fmt: skip


def test_a_row_has_a_value_for_every_column() -> None:
    assert len(ROW) == len(chain.COLUMNS)


def test_the_bytes_of_version_one_never_change() -> None:
    assert chain.link(chain.GENESIS, chain.metadata(ROW), chain.digest(b"s" * 16, b"{}")).hex() == (
        "97bb8afda3fdbdb2da20ea22c319c94e2d36bd9119e547a1e7c51641d61dab93"
    )


def test_a_row_read_back_from_the_database_gives_the_same_bytes() -> None:
    read = tuple(
        asyncpg.pgproto.pgproto.UUID(str(value)) if isinstance(value, UUID) else value for value in ROW
    )
    assert chain.metadata(read) == chain.metadata(ROW)


def test_a_time_that_pydantic_parsed_gives_the_same_bytes() -> None:
    parsed = TypeAdapter(AwareDatetime).validate_python("2026-03-03T12:00:00.000250Z")
    read = tuple(parsed if value is SEEN else value for value in ROW)
    assert chain.metadata(read) == chain.metadata(ROW)


@pytest.mark.parametrize("column", range(len(ROW)), ids=chain.COLUMNS)
def test_a_change_of_any_column_changes_the_link(column: int) -> None:
    changed = (*ROW[:column], "other", *ROW[column + 1 :])
    assert chain.metadata(changed) != chain.metadata(ROW)


def test_a_value_that_moves_to_the_next_column_changes_the_link() -> None:
    assert chain.metadata(("a", None)) != chain.metadata((None, "a"))


def test_the_predecessor_and_the_body_are_under_the_link() -> None:
    meta, body = chain.metadata(ROW), chain.digest(b"s" * 16, b"{}")
    links = {
        chain.link(chain.GENESIS, meta, body),
        chain.link(b"\x01" * 32, meta, body),
        chain.link(chain.GENESIS, meta, chain.digest(b"s" * 16, b"[]")),
        chain.link(chain.GENESIS, meta, chain.digest(b"t" * 16, b"{}")),
    }
    assert len(links) == 4


def test_a_type_that_no_column_has_is_refused() -> None:
    with pytest.raises(TypeError):
        chain.metadata((object(),))  # type: ignore[arg-type]
