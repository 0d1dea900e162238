"""Which migrations are left, and what is refused before anything is touched."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from reconciler.migrate import (
    Applied,
    Migration,
    RolesReport,
    SchemaError,
    check_version,
    migrate,
    pending,
    read_migrations,
)

KNOWN = tuple(Migration(version, f"step_{version}", f"sha-{version}", "select 1") for version in (1, 2, 3))
DONE = tuple(Applied(known.version, known.name, known.sha256) for known in KNOWN)


class RecordingDatabase:
    """A `SchemaDatabase` that remembers; `fails_at` refuses that version."""

    def __init__(self, applied: Sequence[Applied] = (), fails_at: int | None = None) -> None:
        self._applied = list(applied)
        self._fails_at = fails_at
        self.steps: list[str] = []

    async def applied(self) -> Sequence[Applied]:
        return self._applied

    async def prepare_roles(self) -> RolesReport:
        self.steps.append("roles")
        return RolesReport(("profile_owner",), ("a remark",))

    async def apply(self, migration: Migration) -> None:
        if migration.version == self._fails_at:
            raise SchemaError("refused")
        self.steps.append(migration.label)


async def test_what_is_missing_is_applied_in_order_after_the_roles_and_told() -> None:
    database, said = RecordingDatabase(DONE[:1]), list[str]()
    assert await migrate(database, KNOWN, said.append) == KNOWN[1:]
    assert database.steps == ["roles", "0002 step_2", "0003 step_3"]
    assert said == [
        "role profile_owner: created",
        "a remark",
        "migration 0002 step_2: applied",
        "migration 0003 step_3: applied",
        "schema is at version 3",
    ]


async def test_a_second_run_says_that_there_is_nothing_to_do() -> None:
    said: list[str] = []
    assert await migrate(RecordingDatabase(DONE), KNOWN, said.append) == ()
    assert said[-1] == "schema is at version 3; nothing to do"


async def test_a_failing_file_ends_the_run_where_it_stands() -> None:
    database, said = RecordingDatabase(fails_at=2), list[str]()
    with pytest.raises(SchemaError):
        await migrate(database, KNOWN, said.append)
    assert database.steps == ["roles", "0001 step_1"]
    assert "migration 0001 step_1: applied" in said


async def test_a_refusal_comes_before_any_role_is_made() -> None:
    database = RecordingDatabase(DONE)
    with pytest.raises(SchemaError):
        await migrate(database, KNOWN[:2], print)
    assert database.steps == []


def test_a_newer_schema_is_refused_with_both_versions() -> None:
    with pytest.raises(SchemaError, match="schema version 3, but this program knows only versions up to 2"):
        pending(KNOWN[:2], DONE)


def test_a_file_changed_after_it_was_applied_is_refused_by_name() -> None:
    changed = (KNOWN[0], Migration(2, "step_2", "other", "select 2"), KNOWN[2])
    with pytest.raises(SchemaError, match="0002 step_2"):
        pending(changed, DONE)


def test_a_hole_in_the_list_of_the_database_is_refused() -> None:
    with pytest.raises(SchemaError, match="never had 0002 step_2"):
        pending(KNOWN, (DONE[0], DONE[2]))


def test_a_program_runs_on_its_own_version_alone() -> None:
    check_version(KNOWN, DONE)
    with pytest.raises(SchemaError, match="no schema of this product"):
        check_version(KNOWN, ())
    with pytest.raises(SchemaError, match="has schema version 2, this program needs 3"):
        check_version(KNOWN, DONE[:2])
    with pytest.raises(SchemaError, match="Install the release"):
        check_version(KNOWN[:2], DONE)


def test_the_files_of_this_release_are_numbered_without_gaps() -> None:
    known = read_migrations()
    assert [migration.version for migration in known] == list(range(1, len(known) + 1))


@pytest.mark.parametrize(
    "names", [["0001_a.sql", "0003_b.sql"], ["0001_a.sql", "0001_b.sql"], ["0002_a.sql"], ["1_a.sql"]]
)
def test_a_folder_with_a_gap_a_double_or_a_stranger_is_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("select 1")
    with pytest.raises(ValueError, match="migration"):
        read_migrations(tmp_path)
