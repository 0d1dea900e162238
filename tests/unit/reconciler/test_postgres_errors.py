"""Each error of asyncpg is translated once: tried again, refused, or broken."""

import asyncpg
import pytest

from reconciler.faults import BrokenError, RefusedError, TooLongError, TryAgainError
from reconciler.postgres.errors import ERRORS, RULES, translated

AGAIN: tuple[type[asyncpg.PostgresError], ...] = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.ConnectionFailureError,
    asyncpg.TooManyConnectionsError,
    asyncpg.DiskFullError,
    asyncpg.OutOfMemoryError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)
REFUSED: tuple[type[asyncpg.PostgresError], ...] = (
    asyncpg.DataError,
    asyncpg.NumericValueOutOfRangeError,
    asyncpg.CharacterNotInRepertoireError,
    asyncpg.ProgramLimitExceededError,
)
BROKEN: tuple[type[asyncpg.PostgresError], ...] = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.NotNullViolationError,
    asyncpg.CheckViolationError,
    asyncpg.InternalServerError,
)


@pytest.mark.parametrize("kind", AGAIN)
def test_what_passes_by_itself_is_tried_again(kind: type[asyncpg.PostgresError]) -> None:
    assert isinstance(translated(kind("x"), connected=True), TryAgainError)


@pytest.mark.parametrize(
    "kind",
    [asyncpg.IdleInTransactionSessionTimeoutError, asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError],
)
def test_what_took_too_long_may_be_tried_with_less_also_where_the_connection_broke_by_it(
    kind: type[asyncpg.PostgresError],
) -> None:
    broke = asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
    broke.__cause__ = kind("x")
    assert isinstance(translated(kind("x"), connected=True), TooLongError)
    assert isinstance(translated(broke, connected=False), TooLongError)


@pytest.mark.parametrize("kind", REFUSED)
def test_what_no_table_holds_is_refused(kind: type[asyncpg.PostgresError]) -> None:
    assert isinstance(translated(kind("x"), connected=True), RefusedError)


@pytest.mark.parametrize("kind", BROKEN)
def test_what_trying_again_would_not_help_ends_the_process(kind: type[asyncpg.PostgresError]) -> None:
    assert isinstance(translated(kind("x"), connected=True), BrokenError)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_broken_rule_of_ours_refuses_the_row_and_is_named(rule: str) -> None:
    error = asyncpg.IntegrityConstraintViolationError("Failing row contains (canary)")
    error.constraint_name = rule
    verdict = translated(error, connected=True)
    assert isinstance(verdict, RefusedError)
    assert str(verdict) == f"23000 {rule}"


def test_a_key_that_another_writer_took_is_tried_again() -> None:
    error = asyncpg.UniqueViolationError("x")
    error.constraint_name = "evidence_pkey"
    assert isinstance(translated(error, connected=True), TryAgainError)


def test_a_connection_that_broke_in_a_transaction_tells_only_in_its_chain() -> None:
    """asyncpg raises an error without a state, in the handling of the one with it."""
    error = asyncpg.InterfaceError("cannot call Transaction.rollback(): the underlying connection is closed")
    error.__context__ = asyncpg.AdminShutdownError("terminating connection")
    assert "57P01" in str(translated(error, connected=False))
    error.__context__ = asyncpg.UndefinedTableError("no such table")
    assert isinstance(translated(error, connected=False), BrokenError)


def test_what_the_server_said_of_an_earlier_try_is_not_said_of_this_one() -> None:
    """The loop tries the halves of a refused batch while it is still busy with the refusal."""
    refusal = RefusedError("22021")
    refusal.__cause__ = asyncpg.CharacterNotInRepertoireError("x")
    error = ConnectionRefusedError()
    error.__context__ = refusal
    assert isinstance(translated(error, connected=False), TryAgainError)


@pytest.mark.parametrize(
    "error", [ConnectionResetError(), TimeoutError(), OSError(), asyncpg.InterfaceError("closed")]
)
def test_a_server_that_is_gone_is_tried_again(error: Exception) -> None:
    assert isinstance(error, ERRORS)
    assert isinstance(translated(error, connected=False), TryAgainError)


def test_a_mistake_of_ours_in_the_use_of_the_client_is_not_tried_again() -> None:
    error = asyncpg.InterfaceError("cannot perform operation: another operation is in progress")
    assert isinstance(translated(error, connected=True), BrokenError)


def test_a_client_that_lost_its_place_when_the_connection_broke_is_tried_again() -> None:
    error = asyncpg.InterfaceError("cannot perform operation: another operation is in progress")
    error.__context__ = asyncpg.InternalClientError("cannot switch to state 21; another operation (2)")
    assert isinstance(translated(error, connected=True), TryAgainError)


def test_a_message_does_not_show_the_row() -> None:
    error = asyncpg.NotNullViolationError("null value in column", "Failing row contains (canary)")
    assert "canary" not in str(translated(error, connected=True))


def test_a_chain_that_bites_its_tail_comes_to_an_end() -> None:
    one, other = asyncpg.InterfaceError("one"), asyncpg.InterfaceError("other")
    one.__context__, other.__context__ = other, one
    assert isinstance(translated(one, connected=True), BrokenError)
